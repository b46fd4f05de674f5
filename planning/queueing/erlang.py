"""Erlang B, C and A: the service that a number of agents gives, and the fewest agents that give enough.

All arguments broadcast against each other; every function returns an array of the common shape, or a numpy
number where all arguments are single numbers. Calls are offered calls an interval, times are seconds, loads
are erlangs: load = calls x AHT / interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from planning.checks import Floats, Ints, one_of
from planning.errors import PlanningError
from planning.queueing import kernels
from planning.queueing.bounds import checked
from planning.queueing.target import Target

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

BASES = ("offered", "answered", "excluding_short_abandons", "answered_or_abandoned")


@dataclass(frozen=True, eq=False)
class Measures:
    """What callers and agents experience: one array per measure, all of one shape.

    Attributes
    ----------
    load
        Offered load, in erlangs.
    wait_probability
        Share of the offered calls that find every agent busy.
    service_level
        Answered within the threshold / offered.
    miss
        1 - `service_level`, accurate however small.
    asa_s
        Mean wait of the answered calls, in seconds; inf where nobody is ever answered or the queue grows
        without end.
    abandonment
        Abandoned / offered.
    occupancy
        Busy time / staffed time; 1 where calls meet no agent at all.
    """

    load: Floats
    wait_probability: Floats
    service_level: Floats
    miss: Floats
    asa_s: Floats
    abandonment: Floats
    occupancy: Floats


def erlang_b(load: ArrayLike, agents: ArrayLike) -> Floats:
    """Return the share of calls blocked when a call that finds all agents busy is lost: Erlang B.

    ``1 / B = sum_k n (n-1) ... (n-k+1) / a^k``, continued to real n by the incomplete gamma function.

    Parameters
    ----------
    load
        Offered load a, in erlangs, >= 0; broadcasts with `agents`.
    agents
        Agents n, real, >= 0.

    Returns
    -------
    ndarray of float64
        In [0, 1]; 1 without agents.

    Raises
    ------
    PlanningError
        When an argument is not a number, is negative or is infinite.

    References
    ----------
    A. K. Erlang (1917), eq. (5); D. L. Jagerman (1974), Bell System Technical Journal 53, for real n.

    Examples
    --------
    >>> erlang_b(20, [18, 20.5, 25]).round(4)
    array([0.2213, 0.1448, 0.0502])
    """
    load, agents = checked(load=load, agents=agents)
    result: Floats = _run(kernels.blocking, load, agents)
    return result


def erlang_c(load: ArrayLike, agents: ArrayLike) -> Floats:
    """Return the probability that a call waits when nobody gives up: Erlang C.

    ``1 / C = (n - a) / n / B + a / n``; 1.0 where agents <= load, because there the queue grows without end.

    Parameters
    ----------
    load
        Offered load a, in erlangs, >= 0; broadcasts with `agents`.
    agents
        Agents n, real, >= 0.

    Returns
    -------
    ndarray of float64
        In [0, 1].

    Raises
    ------
    PlanningError
        When an argument is not a number, is negative or is infinite.

    References
    ----------
    A. K. Erlang (1917), eq. (6).

    Examples
    --------
    >>> erlang_c(20, [20, 22, 24.5]).round(4)
    array([1.    , 0.5679, 0.2504])
    """
    load, agents = checked(load=load, agents=agents)
    result: Floats = _run(kernels.delay, load, agents)
    return result


def measures(
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    *,
    interval_s: ArrayLike = 900.0,
    patience_s: ArrayLike = math.inf,
    threshold_s: ArrayLike = 20.0,
) -> Measures:
    """Return the service that `agents` give: Erlang C, or Erlang A where patience is finite.

    Erlang C: ``miss = C exp(-(n - a) T / AHT)``, ``ASA = C AHT / (n - a)``. Erlang A: the wait V of a caller
    who stays has a density proportional to ``exp(b (1 - e^-x) - c x)``, x = t / patience,
    b = a patience / AHT, c = n patience / AHT; a caller abandons when an exponential patience ends before V.

    Parameters
    ----------
    calls
        Calls offered in the interval, >= 0.
    aht_s
        Average handling time, in seconds, > 0.
    agents
        Agents on position, >= 0; the formulas are continued to real numbers.
    interval_s
        Length of the interval, in seconds, > 0.
    patience_s
        Mean time that a caller is willing to wait, in seconds, > 0; inf (nobody gives up) is Erlang C.
    threshold_s
        The answer-time threshold T, in seconds, >= 0.

    Returns
    -------
    Measures
        Arrays of the common shape. Without calls the service level is 1 and the rest 0. In Erlang C with
        agents <= load the service level is 0, the ASA inf, the occupancy 1. Without agents every caller of
        finite patience abandons in the end; nobody is answered, and the ASA is inf.

    Raises
    ------
    PlanningError
        When an argument is not a number or is out of bounds, or the shapes do not fit.

    References
    ----------
    A. K. Erlang (1917); C. Palm (1957), Tele 1; F. Baccelli and G. Hebuterne (1981), Performance '81;
    A. Mandelbaum and S. Zeltyn (2007), Service engineering in action.

    Examples
    --------
    >>> result = measures(100, 180, [20, 24], patience_s=[90, np.inf])
    >>> result.service_level.round(4)
    array([0.7426, 0.8089])
    >>> result.abandonment.round(4)
    array([0.1039, 0.    ])
    """
    rows, load = _rows(calls, aht_s, agents, interval_s, patience_s, threshold_s)
    wait, service, miss, asa, abandonment, occupancy, _, _ = rows
    return Measures(load[()], wait, service, miss, asa, abandonment, occupancy)


def service_level(
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    *,
    interval_s: ArrayLike = 900.0,
    patience_s: ArrayLike = math.inf,
    threshold_s: ArrayLike = 20.0,
    basis: str = "offered",
) -> Floats:
    """Return the service level on a named basis; the parameters are those of `measures`.

    Parameters
    ----------
    calls, aht_s, agents, interval_s, patience_s, threshold_s
        As in `measures`.
    basis
        - ``"offered"``: answered within T / offered (the suite's own definition);
        - ``"answered"``: answered within T / answered; 0 where nobody is answered;
        - ``"excluding_short_abandons"``: answered within T / (offered - abandoned within T);
        - ``"answered_or_abandoned"``: (answered or abandoned within T) / offered.

        Without abandonment, in Erlang C, all four are the same.

    Returns
    -------
    ndarray of float64
        In [0, 1]; 1 without calls.

    Raises
    ------
    PlanningError
        As in `measures`, or when the basis is none of the four.

    References
    ----------
    A. N. Avramidis and P. L'Ecuyer (2005), Modeling and simulation of call centers, section 2.

    Examples
    --------
    >>> [round(float(service_level(100, 180, 20, patience_s=90, basis=basis)), 3) for basis in BASES]
    [0.743, 0.829, 0.797, 0.811]
    """
    one_of("basis", basis, BASES)
    rows, _ = _rows(calls, aht_s, agents, interval_s, patience_s, threshold_s)
    _, service, _, _, _, _, beyond, late = rows
    if basis == "offered":
        return service
    # callers who miss the threshold: answered too late, or still waiting at T
    lost = late if basis == "answered" else beyond * np.exp(-np.asarray(threshold_s) / np.asarray(patience_s))
    if basis == "answered_or_abandoned":
        return 1.0 - lost
    result: Floats = service / np.maximum(service + lost, np.finfo(float).tiny)
    return result


def agents_required(
    calls: ArrayLike,
    aht_s: ArrayLike,
    target: Target,
    *,
    interval_s: ArrayLike = 900.0,
    patience_s: ArrayLike = math.inf,
) -> Ints:
    """Return the least number of agents that meets every part of the target.

    Erlang C starts from the square-root law of Halfin and Whitt and walks by the recursion of B; Erlang A is
    a bracketed secant on the logarithm of the tightest part. The answer n is exact: `measures` meets the
    target at n and misses it at n - 1.

    Parameters
    ----------
    calls, aht_s, interval_s, patience_s
        As in `measures`.
    target
        What to meet. With infinite patience the answer always exceeds the load; with finite patience it may
        lie below the load.

    Returns
    -------
    ndarray of int64
        Of the common shape; 0 without calls.

    Raises
    ------
    PlanningError
        When an argument is out of bounds, or no number of agents can meet the target (a service level of
        exactly 1, for example).

    References
    ----------
    S. Halfin and W. Whitt (1981), Operations Research 29, 567-588, eq. (2.2).

    Examples
    --------
    >>> from planning.queueing.target import Target
    >>> agents_required([0, 100, 1000], 180, Target(0.8, 20))
    array([  0,  24, 208])
    >>> agents_required(100, 180, Target(0.8, 20), patience_s=90)
    np.int64(22)
    """
    calls, aht, interval, patience = checked(
        calls=calls,
        aht_s=aht_s,
        interval_s=interval_s,
        patience_s=patience_s,
    )
    parts = _parts(target)
    for part, value in _unreachable(target, bool(np.isfinite(patience[calls > 0]).any())):
        if (calls > 0).any():
            raise PlanningError(f"{part} is {value:g}: no number of agents reaches it, relax it a little")
    result: Ints = _run(kernels.least, calls, aht, interval, patience, parts=parts, dtype=np.int64)
    return result


def calls_handled(
    agents: ArrayLike,
    aht_s: ArrayLike,
    target: Target,
    *,
    interval_s: ArrayLike = 900.0,
    patience_s: ArrayLike = math.inf,
) -> Floats:
    """Return the most calls per interval with which `agents` still meet every part of the target.

    The inverse of `agents_required`: n agents are required for these calls and n + 1 for any more.

    Parameters
    ----------
    agents
        Agents on position, real, >= 0.
    aht_s, interval_s, patience_s
        As in `measures`.
    target
        What to meet.

    Returns
    -------
    ndarray of float64
        Of the common shape; inf where the target asks for nothing that patience does not already give (a
        service level of 0, an abandonment of up to 1), 0 where no number of calls meets it.

    Raises
    ------
    PlanningError
        When an argument is out of bounds.

    Examples
    --------
    >>> from planning.queueing.target import Target
    >>> calls_handled([0, 24, 208], 180, Target(0.8, 20)).round(2)
    array([   0.  ,  100.47, 1001.01])
    """
    staff, aht, interval, patience = checked(
        agents=agents,
        aht_s=aht_s,
        interval_s=interval_s,
        patience_s=patience_s,
    )
    result = np.asarray(_run(kernels.most, staff, aht, interval, patience, parts=_parts(target)))
    for part, _ in _unreachable(target, True):
        result = np.where(np.isinf(patience) & (part == "max_abandonment"), result, 0.0)
    return result[()]


def wait_percentile(
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    share: ArrayLike,
    *,
    interval_s: ArrayLike = 900.0,
    patience_s: ArrayLike = math.inf,
) -> Floats:
    """Return the wait that the given share of callers does not exceed: the least t with P(V <= t) >= share.

    V is the offered (virtual) wait: how long a caller would wait who stays until answered. In Erlang C it is
    everybody's wait, ``t = AHT / (n - a) ln(C / (1 - share))``, or 0 where that is negative. In Erlang A
    callers who lose patience earlier never wait that long, but the queue would have made them.

    Parameters
    ----------
    calls, aht_s, agents, interval_s, patience_s
        As in `measures`.
    share
        In [0, 1].

    Returns
    -------
    ndarray of float64
        Seconds; 0 without calls or for a share of 0, inf for a share of 1 and where the queue grows without
        end or nobody answers.

    Raises
    ------
    PlanningError
        When an argument is out of bounds.

    Examples
    --------
    >>> wait_percentile(100, 180, 24, [0.5, 0.8, 0.95]).round(1)
    array([ 0. , 18. , 80.3])
    """
    load, aht, staff, patience, part = _offered(calls, aht_s, agents, interval_s, patience_s, share=share)
    result: Floats = _run(kernels.percentile, part, load, aht, staff, patience)
    return result


def _rows(*queue: ArrayLike) -> tuple[list[Floats], Floats]:
    """Return the kernel's eight measures and the load, each of the common shape."""
    load, *rest = _offered(*queue[:-1], threshold_s=queue[-1])
    out = np.empty((8, load.size))
    kernels.compiled(kernels.measure)(load.ravel(), *(array.ravel() for array in rest), out)
    return [row.reshape(load.shape)[()] for row in out], load


def _offered(*queue: ArrayLike, **more: ArrayLike) -> tuple[Floats, ...]:
    """Return load, aht, agents, patience and `more`, checked and of one shape."""
    named = zip(("calls", "aht_s", "agents", "interval_s", "patience_s"), queue, strict=True)
    calls, aht, agents, interval, *rest = checked(**dict(named), **more)
    # the order of the operations is the kernels': the same load to the last bit
    return (calls * aht / interval, aht, agents, *rest)


def _run(kernel: Any, *arrays: Floats, parts: kernels.Parts | None = None, dtype: type = np.float64) -> Any:
    """Run a loop over flat copies of the broadcast arrays; give the result their shape."""
    out: NDArray[Any] = np.empty(arrays[0].size, dtype=dtype)
    flat = [array.ravel() for array in arrays]
    kernels.compiled(kernel)(*flat, *(() if parts is None else (parts,)), out)
    return out.reshape(arrays[0].shape)[()]


def _parts(target: Target) -> kernels.Parts:
    """Return the target as the kernels read it: a part that is not given is always met."""
    if not isinstance(target, Target):
        raise PlanningError(f"target is {target!r}, must be a Target: write Target(0.8, 20) for 80 % in 20 s")
    asked = target.asked()
    return (
        asked.get("service_level", 0.0),
        target.threshold_s,
        asked.get("max_asa_s", math.inf),
        asked.get("max_abandonment", math.inf),
        asked.get("max_occupancy", math.inf),
    )


def _unreachable(target: Target, impatient: bool) -> list[tuple[str, float]]:
    """Return the parts that would need infinitely many agents as soon as anybody calls."""
    limits = {"service_level": 1.0, "max_asa_s": 0.0, "max_occupancy": 0.0}
    if impatient:
        limits["max_abandonment"] = 0.0
    return [(part, value) for part, value in target.asked().items() if limits.get(part) == value]
