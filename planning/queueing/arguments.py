"""What the queueing functions accept: numbers and arrays of numbers, or one clear line of refusal."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planning.errors import PlanningError

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats: TypeAlias = NDArray[np.float64]

_SHARE_REMEDY = "write 0.80 for 80 %"


def interval_text(low: float, high: float, low_open: bool, high_open: bool) -> str:
    """Write the bounds the way the error messages do.

    Examples
    --------
    >>> interval_text(0.0, 1.0, True, False)
    '(0, 1]'
    """
    return f"{'(' if low_open else '['}{low:g}, {high:g}{')' if high_open else ']'}"


def numbers(
    name: str,
    value: ArrayLike,
    *,
    low: float = 0.0,
    high: float = math.inf,
    low_open: bool = False,
    high_open: bool = False,
    remedy: str = "",
) -> Floats:
    """Return `value` as an array of floats, every element of which lies within the bounds.

    Parameters
    ----------
    name
        The name of the argument, for the message.
    value
        A number, a sequence, a numpy array or a pandas column of numbers, of any shape. Booleans, strings,
        missing values and NaN are refused.
    low, high
        The bounds; they may be reached unless `low_open` or `high_open` says otherwise. Infinity is refused
        by ``high_open=True`` with the default `high`.
    remedy
        What the reader of the message should do, when the bounds do not say it.

    Returns
    -------
    ndarray of float64
        Of the shape of `value` (0-dimensional for a number).

    Raises
    ------
    PlanningError
        On the first element that is no number or out of bounds; the message names it and where it stands.

    Examples
    --------
    >>> numbers("aht_s", [180, 240.5], low_open=True)
    array([180. , 240.5])
    >>> numbers("aht_s", [180, -1], low_open=True)
    Traceback (most recent call last):
    ...
    planning.errors.PlanningError: aht_s[1] is -1.0, must lie in (0, inf]
    """
    array = _as_floats(name, value)
    good = (array > low) if low_open else (array >= low)
    good &= (array < high) if high_open else (array <= high)
    if not good.all():
        where = tuple(int(i) for i in np.argwhere(~good)[0])
        bad = float(array[where])
        bounds = interval_text(low, high, low_open, high_open)
        _refuse(_element(name, where), bad, f"must lie in {bounds}", remedy)
    return array


def number(
    name: str,
    value: Any,
    *,
    low: float = 0.0,
    high: float = math.inf,
    low_open: bool = False,
    high_open: bool = False,
    remedy: str = "",
) -> float:
    """Return the single number `value` as a float within the bounds.

    The parameters and the errors are those of `numbers`; an array of one or more dimensions is refused.

    Examples
    --------
    >>> number("threshold_s", 20)
    20.0
    >>> number("threshold_s", True)
    Traceback (most recent call last):
    ...
    planning.errors.PlanningError: threshold_s is True, must be a number
    """
    if np.ndim(value) != 0:
        raise PlanningError(f"{name} is an array of shape {np.shape(value)}, must be one number")
    array = numbers(name, value, low=low, high=high, low_open=low_open, high_open=high_open, remedy=remedy)
    return float(array)


def share(name: str, value: Any, *, low_open: bool = False, high_open: bool = False) -> float:
    """Return the share `value`, in [0, 1], as a float.

    Examples
    --------
    >>> share("service_level", 80)
    Traceback (most recent call last):
    ...
    planning.errors.PlanningError: service_level is 80.0, must lie in [0, 1]: write 0.80 for 80 %
    """
    return number(name, value, high=1.0, low_open=low_open, high_open=high_open, remedy=_SHARE_REMEDY)


def shares(name: str, value: ArrayLike, *, low_open: bool = False, high_open: bool = False) -> Floats:
    """Return the shares `value`, each in [0, 1], as an array of floats.

    Examples
    --------
    >>> shares("p", [0.5, 0.9])
    array([0.5, 0.9])
    """
    return numbers(name, value, high=1.0, low_open=low_open, high_open=high_open, remedy=_SHARE_REMEDY)


def broadcast(**arrays: Floats) -> tuple[Floats, ...]:
    """Broadcast the named arrays against each other.

    Raises
    ------
    PlanningError
        When the shapes do not fit; the message names every array and its shape.

    Examples
    --------
    >>> calls, aht_s = broadcast(calls=np.array([1.0, 2.0]), aht_s=np.array(240.0))
    >>> aht_s
    array([240., 240.])
    """
    try:
        # Copies: numpy warns when a broadcast view of one element is asked to be writeable.
        return tuple(array.copy() for array in np.broadcast_arrays(*arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise PlanningError(
            f"the shapes {shapes} do not fit together: give one length, or single numbers"
        ) from None


def one_of(name: str, value: Any, choices: Sequence[str]) -> str:
    """Return `value` when it is one of the named choices.

    Examples
    --------
    >>> one_of("basis", "offerd", ("offered", "answered"))
    Traceback (most recent call last):
    ...
    planning.errors.PlanningError: basis is 'offerd', must be one of 'offered', 'answered'
    """
    if not isinstance(value, str) or value not in choices:
        raise PlanningError(f"{name} is {value!r}, must be one of {', '.join(map(repr, choices))}")
    return value


def _as_floats(name: str, value: ArrayLike) -> Floats:
    """Turn numbers into float64; whatever only looks like a number (True, "80", None) is refused."""
    if isinstance(value, (bool, str, bytes)) or value is None:
        raise PlanningError(f"{name} is {value!r}, must be a number")
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        raise PlanningError(f"{name} is ragged or holds no numbers: give numbers of one shape") from None
    if array.dtype.kind == "O":
        array = _objects_as_floats(name, array)
    if array.dtype.kind not in "iuf":
        raise PlanningError(f"{name} has the type {array.dtype}, must be numbers")
    if isinstance(value, (list, tuple)):
        _refuse_hidden_booleans(name, value)
    return array.astype(np.float64, copy=False)


def _objects_as_floats(name: str, array: NDArray[Any]) -> Floats:
    """Convert an array of Python objects (a mixed column, Fraction, Decimal-free) element by element."""
    result = np.empty(array.shape)
    for where, item in np.ndenumerate(array):
        if isinstance(item, (bool, np.bool_)) or not isinstance(item, Real):
            raise PlanningError(f"{_element(name, where)} is {item!r}, must be a number")
        result[where] = float(item)
    return result


def _refuse_hidden_booleans(name: str, value: Sequence[Any]) -> None:
    """Refuse the True that numpy would read as 1.0 because a number stands beside it."""
    for position, item in enumerate(value):
        if isinstance(item, (bool, np.bool_)):
            raise PlanningError(f"{name}[{position}] is {item!r}, must be a number")


def _element(name: str, where: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, where))}]" if where else name


def _refuse(name: str, value: object, bound: str, remedy: str) -> None:
    raise PlanningError(f"{name} is {value}, {bound}" + (f": {remedy}" if remedy else ""))
