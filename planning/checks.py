"""Check arguments: numbers, whole numbers and names within bounds, or one clear line of refusal.

Every message names the argument, its value, the bound it breaks and, where the bound does not say so, what to
do. Values that only look like numbers (True, "80", None, NaN, a masked value) are refused as well.
"""

from __future__ import annotations

import math
from dataclasses import fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planning.errors import PlanningError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Bools: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


def numbers(
    name: str,
    value: ArrayLike,
    low: float = 0.0,
    high: float = math.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
    infinite: bool = False,
    whole: bool = False,
    remedy: str = "",
) -> Floats:
    """Return `value` as an array of floats, all within the bounds.

    Parameters
    ----------
    name
        The name of the argument, for the message.
    value
        A number, a sequence, a numpy array or a pandas column of numbers, of any shape.
    low, high
        The bounds; they may be reached unless `open_low` or `open_high` says otherwise.
    infinite
        Accept infinity as well.
    whole
        Accept whole numbers only.
    remedy
        What the reader should do, if the bounds do not say it; shares have a remedy by default.

    Returns
    -------
    ndarray of float64
        Of the shape of `value` (0-dimensional for a number).

    Raises
    ------
    PlanningError
        On the first element that is not a number or is out of bounds; the message gives the element and its
        position.

    Examples
    --------
    >>> numbers("aht_s", [180, 240.5], open_low=True)
    array([180. , 240.5])
    >>> numbers("aht_s", [180, -1], open_low=True)
    Traceback (most recent call last):
    ...
    planning.errors.PlanningError: aht_s[1] is -1.0, must lie in (0, inf)
    """
    array = _as_floats(name, value)
    good = (array > low) if open_low else (array >= low)
    good &= (array < high) if open_high else (array <= high)
    if whole:
        good &= array == np.round(array)
    good = (good & (array < math.inf)) | (infinite & (array == math.inf))
    if not good.all():
        where = tuple(int(i) for i in np.argwhere(~good)[0])
        bad = float(array[where])
        must = f"{bad:.15g}, must be a whole number" if whole else f"{bad}, must lie"
        closed = infinite if high == math.inf else not open_high
        bounds = f"{'(' if open_low else '['}{low:g}, {high:g}{']' if closed else ')'}"
        if not remedy and (low, high) == (0.0, 1.0):
            remedy = "write 0.80 for 80 %"
        raise PlanningError(f"{_element(name, where)} is {must} in {bounds}{remedy and ': '}{remedy}")
    return array


def number(name: str, value: Any, low: float = 0.0, high: float = math.inf, **bounds: Any) -> float:
    """Return the single number `value` as a float within the bounds, which are those of `numbers`.

    Examples
    --------
    >>> number("threshold_s", 20)
    20.0
    >>> number("service_level", 80, high=1.0)
    Traceback (most recent call last):
    ...
    planning.errors.PlanningError: service_level is 80.0, must lie in [0, 1]: write 0.80 for 80 %
    """
    if np.ndim(value) != 0:
        raise PlanningError(f"{name} is an array of shape {np.shape(value)}, must be one number")
    return float(numbers(name, value, low, high, **bounds))


def whole(name: str, value: Any, low: int = 0, high: float = math.inf) -> int:
    """Return the single whole number `value` within the bounds; 2.0 is refused as a float.

    Examples
    --------
    >>> whole("replications", 1, low=2)
    Traceback (most recent call last):
    ...
    planning.errors.PlanningError: replications is 1, must be a whole number in [2, inf)
    """
    number(name, value, low, high, whole=True)
    if not isinstance(value, Integral):
        raise PlanningError(f"{name} is {value!r}, must be a whole number: write {int(value)}")
    return int(value)


def series(name: str, value: ArrayLike, low: float = 0.0, high: float = math.inf, **bounds: Any) -> Floats:
    """Return `value` as one read-only row of floats within the bounds, which are those of `numbers`.

    Examples
    --------
    >>> series("calls", [[1, 2]])
    Traceback (most recent call last):
    ...
    planning.errors.PlanningError: calls has the shape (1, 2), must be one row of numbers
    """
    array = numbers(name, value, low, high, **bounds).copy()
    if array.ndim != 1:
        raise PlanningError(f"{name} has the shape {array.shape}, must be one row of numbers")
    array.setflags(write=False)
    return array


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
        # Copies, because numpy warns when a broadcast view of one element is made writeable.
        return tuple(array.copy() for array in np.broadcast_arrays(*arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise PlanningError(
            f"the shapes {shapes} do not fit together: give equal lengths, or single numbers"
        ) from None


def one_of(name: str, value: Any, choices: Sequence[str]) -> str:
    """Return `value` if it is one of the choices.

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


def check_settings(settings: Any, lows: Mapping[str, int]) -> None:
    """Check a frozen dataclass of numbers against lower bounds, 0 where none is given.

    If the default is a whole number, so must be the value; if it is None, the value may be None.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Limits:
    ...     rounds: int = 1
    >>> check_settings(Limits(), {"rounds": 1})
    """
    for setting in fields(settings):
        value = getattr(settings, setting.name)
        if not (value is None and setting.default is None):
            check = whole if isinstance(setting.default, int) else number
            check(setting.name, value, lows.get(setting.name, 0))


def _as_floats(name: str, value: ArrayLike) -> Floats:
    if isinstance(value, (bool, str, bytes)) or value is None:
        raise PlanningError(f"{name} is {value!r}, must be a number")
    if np.ma.is_masked(value):
        raise PlanningError(f"{name} holds masked values, must be numbers: fill them in or leave them out")
    try:
        # Objects, because numpy would read the True beside a number as 1.0.
        array = np.array(value, dtype=object) if isinstance(value, (list, tuple)) else np.asarray(value)
    except (ValueError, TypeError):
        raise PlanningError(f"{name} is ragged or holds no numbers: give numbers of one shape") from None
    if array.dtype.kind == "O":
        return _objects_as_floats(name, array)
    if array.dtype.kind not in "iuf":
        raise PlanningError(f"{name} has the type {array.dtype}, must be numbers")
    return array.astype(np.float64, copy=False)


def _objects_as_floats(name: str, array: NDArray[Any]) -> Floats:
    result = np.empty(array.shape)
    for where, item in np.ndenumerate(array):
        if isinstance(item, (bool, np.bool_)) or not isinstance(item, Real):
            raise PlanningError(f"{_element(name, where)} is {item!r}, must be a number")
        try:
            result[where] = float(item)
        except OverflowError:  # an int beyond every float
            result[where] = math.inf
    return result


def _element(name: str, where: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, where))}]" if where else name
