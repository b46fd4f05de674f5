"""The hand-over at closing, exactly: each site has its own queue, and one closes and hands its callers over.

Until the closing the queues are independent: each is M_t/M/n_t+M, as in the exact day. At the closing

* the callers who wait at the closing site join the queue of the site that takes over, placed by time of
  arrival, or are promised a call-back, or are lost;
* calls in progress there are finished by its own agents: its overrun;
* the other site continues from its own law, after its own change of staff, convolved with the law of the
  callers who join.

Nothing is left at the closing site, so the queues are independent again afterwards, also along a chain of
closings and over several days: one law per site is all that has to be carried.

Callers whose threshold runs out behind the closing
---------------------------------------------------
A caller who arrives u seconds before the closing and still waits when it comes has the earlier callers of
*both* sites ahead. At the site that takes over two things count: how many of those who waited there at the
arrival still wait (a pure death process from then on), and, if none does, how many of its agents are busy at
the closing. The second is the law at the closing itself and does not depend on u. Their sum (after the change
of its agents) plus the callers ahead in the caller's own queue is the caller's place. The chance of an answer
in the rest of the threshold is then carried back over the u seconds, and integrated over u by Gauss-Legendre
quadrature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import digamma, gammainc

from planning.checks import Floats, Ints, number, numbers, one_of, whole
from planning.errors import PlanningError
from planning.queueing import transient_kernels as kernels
from planning.queueing.quadrature import panels
from planning.queueing.transient import (
    PANEL_JUMPS,
    Chain,
    Passage,
    Rates,
    advance,
    carry,
    columns_of,
    pad,
    rates_of,
    start_law,
    trim,
    whole_heads,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Waiting = Literal["move", "call_back", "lost"]
"""What happens to the callers who wait at a site when it closes."""

# The share of evenings on which an overrun ends by its "95 % point".
_SURE = 0.95


# --- overrun --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Overrun:
    """What is left at a closing, and how long its agents still work on it.

    Attributes
    ----------
    waiting : float
        Expected callers who wait at that moment.
    someone_waits : float
        Chance that anybody does.
    busy : float
        Expected calls in progress with the agents who leave.
    total_s, total_95_s : float
        Seconds that they still work, added up: expected, and not exceeded on 95 % of evenings.
    last_s, last_95_s : float
        Seconds until the last of their calls ends: expected, and its 95 % point.
    agent_s, agent_95_s : float
        Seconds that one of the leavers still works: expected, and its 95 % point.
    """

    waiting: float
    someone_waits: float
    busy: float
    total_s: float
    total_95_s: float
    last_s: float
    last_95_s: float
    agent_s: float
    agent_95_s: float


def busy_leavers(law: ArrayLike, agents: int, leaving: int | None = None) -> Floats:
    """Return the law of the number of busy agents among those who leave.

    Parameters
    ----------
    law : array_like, shape (states,)
        Probabilities of 0, 1, 2, ... callers in the system at the closing (a row of `exact_states`).
    agents : int
        Agents who share that queue.
    leaving : int, optional
        How many of them leave, chosen whether busy or not: hypergeometric. All by default.

    Examples
    --------
    Of four agents three are busy for certain; two leave:

    >>> busy_leavers([0, 0, 0, 1], 4, 2)
    array([0. , 0.5, 0.5])
    """
    states, heads, gone = _at_closing(law, agents, leaving)
    busy = np.append(states[:heads], states[heads:].sum())
    # `gone` of the agents leave, chosen at random: thinning the busy ones to them gives the law.
    law_of_leavers: Floats = kernels.thinned(busy, heads, gone)[: gone + 1]
    return law_of_leavers


def overrun(law: ArrayLike, agents: int, aht_s: float, *, leaving: int | None = None) -> Overrun:
    """Return what is left when a site closes, and how long its agents still work.

    Parameters
    ----------
    law : array_like, shape (states,)
        Probabilities of 0, 1, 2, ... callers in the system at the closing: of the site's own queue, or of the
        common queue of all sites.
    agents : int
        Agents who share that queue.
    aht_s : float
        Mean handling time of the calls in progress, seconds.
    leaving : int, optional
        How many of the agents leave; all by default (a site with a queue of its own).

    Returns
    -------
    Overrun

    Raises
    ------
    PlanningError
        The probabilities do not add up to 1, `agents` or `leaving` is not a whole number, or more leave than
        there are.

    Notes
    -----
    Each call in progress lasts a further exponential time of mean AHT. With b of them (probability p_b) their
    sum has a gamma law of shape b, and all are over by t with probability (1 - exp(-t / AHT))^b; the longest
    has the mean AHT (1 + 1/2 + ... + 1/b). The results are averaged over b.

    Examples
    --------
    >>> evening = overrun([0.0, 0.0, 0.5, 0.5], 2, 240.0)
    >>> evening.waiting, evening.busy, evening.total_s, evening.last_s
    (0.5, 2.0, 480.0, 360.0)
    """
    states, heads, gone = _at_closing(law, agents, leaving)
    aht = number("aht_s", aht_s, open_low=True)
    busy_law = busy_leavers(states, heads, gone)
    count = np.arange(len(busy_law))
    busy = float(count @ busy_law)
    line = states[heads + 1 :]
    each = busy / gone if gone else 0.0
    return Overrun(
        waiting=float(line @ np.arange(1, len(line) + 1)),
        someone_waits=float(line.sum()),
        busy=busy,
        total_s=busy * aht,
        total_95_s=aht * _sum_point(busy_law),
        last_s=aht * float(busy_law @ (digamma(count + 1.0) - digamma(1.0))),
        last_95_s=aht * _longest_point(busy_law),
        agent_s=each * aht,
        agent_95_s=aht * max(math.log(each / (1.0 - _SURE)), 0.0) if each else 0.0,
    )


def _at_closing(law: ArrayLike, agents: int, leaving: int | None) -> tuple[Floats, int, int]:
    """Check the law of the number in system, the agents and how many of them leave."""
    states = numbers("law", law, high=1.0 + 1e-9)
    if states.ndim != 1 or abs(states.sum() - 1.0) > 1e-9:
        raise PlanningError(
            f"law has the shape {states.shape} and the sum {states.sum():.9g}, must be one row of "
            "probabilities with the sum 1: divide it by its sum"
        )
    heads = whole("agents", agents)
    gone = heads if leaving is None else whole("leaving", leaving, high=heads)
    return states, heads, gone


def _sum_point(busy_law: Floats) -> float:
    """Return the 95 % point of the sum of a random number of exponential times of mean 1."""
    if busy_law[0] >= _SURE:
        return 0.0
    shape = np.arange(1, len(busy_law))

    def short(x: float) -> float:
        return float(busy_law[0] + busy_law[1:] @ gammainc(shape, x)) - _SURE

    high = len(busy_law) + 8.0 * math.sqrt(len(busy_law)) + 8.0
    return float(brentq(short, 0.0, high, xtol=1e-12 * high))


def _longest_point(busy_law: Floats) -> float:
    """Return the 95 % point of the longest of a random number of exponential times of mean 1."""
    if busy_law[0] >= _SURE:
        return 0.0
    power = np.arange(len(busy_law))

    def short(t: float) -> float:
        return float(busy_law @ (-math.expm1(-t)) ** power) - _SURE

    return float(brentq(short, 0.0, math.log(len(busy_law) / (1.0 - _SURE)) + 1.0, xtol=1e-12))


# --- sites with a queue each ----------------------------------------------------------------------


@dataclass(frozen=True)
class _Network:
    """A day of every site: who answers whose callers, and whether callers who wait at a closing move."""

    days: tuple[Rates, ...]
    answers: Ints
    moves: bool

    @cached_property
    def closings(self) -> list[tuple[int, int, int]]:
        """Every closing in order of time."""
        return closings(self.answers)

    def closing(self, i: int) -> dict[int, list[int]]:
        """Return who closes at the start of interval i, by the site that takes over."""
        found: dict[int, list[int]] = {}
        for at, into, site in self.closings:
            if at == i:
                found.setdefault(into, []).append(site)
        return found

    def is_open(self, i: int, site: int) -> bool:
        """Tell whether a site answers anybody in interval i."""
        return bool(self.answers[i, site] == site)


class _Approach(NamedTuple):
    """The last seconds of a site before a closing: who waits at each node, and what the interval leaves."""

    chain: Chain
    lines: Floats
    passage: Passage


def exact_sites(
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    answers: ArrayLike,
    *,
    interval_s: float = 900.0,
    patience_s: ArrayLike = math.inf,
    threshold_s: float = 20.0,
    waiting: str = "move",
    start: str = "stationary",
) -> pd.DataFrame:
    """Return the exact measures of sites with their own queues, some of which close and hand callers over.

    Parameters
    ----------
    calls : array_like, shape (intervals, sites)
        Expected calls of each site's *own* callers in each interval, wherever they are answered (Poisson).
    aht_s, patience_s : array_like
        Mean handling time and mean patience, seconds: one number, one per interval, or (intervals, sites) of
        the site that answers.
    agents : array_like of int, shape (intervals, sites)
        Agents on position; 0 while the site answers nobody.
    answers : array_like of int, shape (intervals, sites)
        The number of the site that answers each site's callers: its own number while it is open. A site
        closes when its own number is replaced: its queue then goes to the site that is named. It reopens
        empty.
    interval_s : float
        Length of the intervals, seconds.
    threshold_s : float
        The answer-time threshold, seconds; at most the length of an interval if a site closes.
    waiting : {"move", "call_back", "lost"}
        What happens to callers who wait at a closing: they join the other queue by time of arrival, are
        promised a call-back, or are lost. In the last two cases they leave the queue and are not answered
        within the threshold.
    start : {"stationary", "empty"}
        For every site that is open in the first interval.

    Returns
    -------
    DataFrame
        A row per interval and site. ``calls``: those that the site answers. For the callers who arrive in the
        interval and are answered there: ``service_level`` (including those whose wait crosses a closing) and
        ``wait_probability``. For its time: ``abandoned``, ``abandonment`` (``abandoned / calls``; just after
        a hand-over this includes callers who came before it), ``occupancy``, ``mean_queue`` and ``queue_end``
        (before staff changes and callers move). ``closing_queue``: expected callers who waited when the site
        closed at the start of the interval; ``overrun_s``: expected seconds that those of its agents who
        leave at the start of the interval still work on their call.

    Raises
    ------
    PlanningError
        When a number or shape is invalid; for agents at a site that answers nobody; callers sent to a site
        that sends its own elsewhere; a threshold longer than an interval; a site without a steady state to
        start from.

    Notes
    -----
    With all sites open throughout this is `exact_day`, site by site. The agents who leave a site are chosen
    whether busy or not; a busy one first finishes the call.

    Examples
    --------
    The first of two sites closes after the second interval and its callers go to the other. Before that the
    change is felt already, with a minute's threshold: who waits at the busier site is the better for it.

    >>> found = exact_sites(
    ...     [[30, 20], [30, 20], [15, 10], [15, 10]],
    ...     240,
    ...     [[9, 7], [9, 7], [0, 7], [0, 7]],
    ...     [[0, 1], [0, 1], [1, 1], [1, 1]],
    ...     patience_s=300,
    ...     threshold_s=60,
    ... )
    >>> found.loc[found["calls"] > 0, ["interval", "site", "calls", "service_level"]].round(4)
       interval  site  calls  service_level
    0         0     0   30.0         0.7811
    1         0     1   20.0         0.8471
    2         1     0   30.0         0.7859
    3         1     1   20.0         0.8463
    5         2     1   25.0         0.7046
    7         3     1   25.0         0.6844
    """
    threshold = number("threshold_s", threshold_s)
    network, laws = _network(calls, aht_s, agents, answers, interval_s, patience_s, waiting, start)
    if network.closings and threshold > interval_s:
        raise PlanningError(
            f"threshold_s is {threshold:g}, must be at most interval_s {interval_s:g} where a site closes: "
            "shorten the threshold or take longer intervals"
        )
    return _measures(network, list(_walk_sites(network, laws, threshold)))


def closings(answers: Ints) -> list[tuple[int, int, int]]:
    """List every closing in order of time: the interval that it precedes, who takes over, and who closes.

    Examples
    --------
    The first of two sites closes after the second interval:

    >>> closings(np.array([[0, 1], [0, 1], [1, 1]]))
    [(2, 1, 0)]
    """
    own = np.arange(answers.shape[1])
    closes = (answers[:-1] == own) & (answers[1:] != own)
    return [(int(i) + 1, int(answers[i + 1, site]), int(site)) for i, site in np.argwhere(closes)]


def states_at_closings(
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    answers: ArrayLike,
    *,
    interval_s: float = 900.0,
    patience_s: ArrayLike = math.inf,
    waiting: str = "move",
    start: str = "stationary",
) -> dict[int, tuple[list[Floats], list[Floats]]]:
    """Return the law of the number of callers at each site just before and just after each closing.

    The parameters and errors are those of `exact_sites`.

    Returns
    -------
    dict
        By the interval that a closing precedes: the laws of all sites at the end of the interval before, and
        at the start of this one, after the leavers have gone and the callers have moved. A law holds the
        probabilities of 0, 1, 2, ... callers.

    Examples
    --------
    Nobody is left at the first site after it closes:

    >>> found = states_at_closings([[9, 9], [9, 9]], 240, [[4, 4], [0, 6]], [[0, 1], [1, 1]])
    >>> before, after = found[1]
    >>> after[0], bool(before[0][0] < 0.5)
    (array([1.]), True)
    """
    network, laws = _network(calls, aht_s, agents, answers, interval_s, patience_s, waiting, start)
    ends = [[passage.end for passage in passages] for passages in _walk_sites(network, laws, None)]
    return {i: (ends[i - 1], _handed_over(network, i, ends[i - 1])) for i, _, _ in network.closings}


def _network(
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    answers: ArrayLike,
    interval_s: float,
    patience_s: ArrayLike,
    waiting: str,
    start: str,
) -> tuple[_Network, list[Floats]]:
    """Check the arguments; return a day of each site, and the law that each starts from."""
    moves = one_of("waiting", waiting, get_args(Waiting)) == "move"
    one_of("start", start, ("stationary", "empty"))
    offered = numbers("calls", calls)
    if offered.ndim != 2 or offered.size == 0:
        raise PlanningError(f"calls has the shape {offered.shape}, must be (intervals, sites)")
    heads, into = whole_heads("agents", agents), whole_heads("answers", answers)
    for name, given in (("agents", heads), ("answers", into)):
        if given.shape != offered.shape:
            raise PlanningError(f"{name} has the shape {given.shape}, must be {offered.shape} as calls has")
    sites = into.astype(np.int64)
    _check_answers(sites, heads)
    handled = np.zeros_like(offered)
    np.add.at(handled, (np.arange(len(offered))[:, None], sites), offered)
    aht, patience = _by_site("aht_s", aht_s, offered.shape), _by_site("patience_s", patience_s, offered.shape)
    days = tuple(
        rates_of(handled[:, s], aht[:, s], heads[:, s], interval_s, patience[:, s], "finish", None)
        for s in range(offered.shape[1])
    )
    laws = [start_law(start if sites[0, s] == s else "empty", days[s]) for s in range(len(days))]
    return _Network(days, sites, moves), laws


def _check_answers(answers: Ints, agents: Floats) -> None:
    """Refuse callers who would be sent on twice, and agents at a closed site."""
    count = answers.shape[1]
    for i, s in np.argwhere(answers >= count)[:1]:
        raise PlanningError(f"answers[{i}, {s}] is {answers[i, s]}, must lie in [0, {count - 1}]: a site")
    for i, s in np.argwhere(np.take_along_axis(answers, answers, axis=1) != answers)[:1]:
        raise PlanningError(
            f"answers[{i}, {s}] is {answers[i, s]}, must be a site that answers its own callers: name the "
            "one at the end of the chain"
        )
    for i, s in np.argwhere((answers != np.arange(count)) & (agents > 0))[:1]:
        raise PlanningError(f"agents[{i}, {s}] is {agents[i, s]:g}, must be 0: the site answers nobody then")


def _by_site(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Return one number, or one per interval, for every interval and site."""
    array = numbers(name, value, open_low=True, infinite=True)
    column = array[:, None] if array.ndim == 1 else array
    if column.shape not in ((), (shape[0], 1), shape):
        raise PlanningError(
            f"{name} has the shape {array.shape}, must be one number, ({shape[0]},) or {shape}: give one per "
            "interval, or one per interval and site"
        )
    return np.broadcast_to(column, shape)


def _walk_sites(
    network: _Network, laws: Sequence[Floats], threshold: float | None
) -> Iterator[list[Passage]]:
    """Carry the law of every site through the day; without a threshold only the laws count."""
    for i in range(len(network.answers)):
        if i:
            laws = _handed_over(network, i, laws)
        found: dict[int, Passage] = {}
        if threshold:
            for into, givers in network.closing(i + 1).items():
                groups = [[*givers, into]] if network.moves else [[site] for site in givers]
                for sites in groups:
                    found |= _before_closing(network, i, laws, sites, threshold)
        passages = [
            found[site] if site in found else _plain_pass(network, i, site, law, threshold)
            for site, law in enumerate(laws)
        ]
        laws = [passage.end for passage in passages]
        yield passages


def _plain_pass(network: _Network, i: int, site: int, law: Floats, threshold: float | None) -> Passage:
    """Carry a site through an interval from which no wait crosses a hand-over."""
    day = network.days[site]
    if network.is_open(i, site):
        return carry(day, i, law, threshold, waits=False)
    nobody = np.zeros(0)
    return Passage(np.ones(1), np.full(1, day.interval_s), 0.0, nobody, nobody)


def _handed_over(network: _Network, i: int, laws: Sequence[Floats]) -> list[Floats]:
    """Return the laws after the changes at the start of interval i: leavers, closings, callers who move."""
    after = [_after_leaving(day, i, law) for day, law in zip(network.days, laws, strict=True)]
    for into, givers in network.closing(i).items():
        for site in givers:
            after[site] = np.ones(1)
            if network.moves:
                line = _waiting_law(laws[site], int(network.days[site].agents[i - 1]))
                after[into] = trim(np.convolve(after[into], line))
    return after


def _after_leaving(day: Rates, i: int, law: Floats) -> Floats:
    """Return the law after the leavers of interval i have gone."""
    before, leaving = int(day.agents[i - 1]), int(day.leaving[i])
    return kernels.thinned(law, before, before - leaving) if leaving else law


def _waiting_law(law: Floats, agents: int) -> Floats:
    """Return the law of the number waiting, given that of the number in system."""
    return np.append(law[: agents + 1].sum(), law[agents + 1 :])


# --- callers whose threshold runs out behind a closing --------------------------------------------


def _before_closing(
    network: _Network, i: int, laws: Sequence[Floats], sites: Sequence[int], threshold: float
) -> dict[int, Passage]:
    """Carry the sites whose queues join at the end of interval i through it; the last one takes over.

    A single site is one whose callers do not move.
    """
    length = network.days[sites[0]].interval_s
    padded = {site: pad(network.days[site], i, laws[site]) for site in sites}
    times, weights = _moments(network, i, padded, min(threshold, length))
    approach = {
        site: _approach(network.days[site].chain(i), p, length, threshold, times)
        for site, p in padded.items()
    }
    late = {site: approach[site].passage.late for site in sites}
    for node, (time, weight) in enumerate(zip(times, weights, strict=True)):
        left = min(threshold, length) - time  # seconds from the arrival to the closing
        lines = {site: approach[site].lines[node] for site in sites}
        values = _values_at_closing(network, i + 1, approach, lines, left, threshold - left)
        for site, value in values.items():
            chain = approach[site].chain
            kernels.look_back(value, chain.agents, chain.mu, chain.theta, left)
            late[site] += weight * kernels.answered_late(lines[site], value)
    return {site: replace(approach[site].passage, late=late[site]) for site in sites}


def _moments(
    network: _Network, i: int, padded: Mapping[int, Floats], seconds: float
) -> tuple[Floats, Floats]:
    """Return nodes and weights on [0, seconds], on panels of few jumps of the busiest chain."""
    fastest = 0.0
    for site, p in padded.items():
        rate, agents, mu, theta = network.days[site].chain(i)
        fastest = max(fastest, rate + agents * mu + max(len(p) - agents, 0) * theta)
    edges = np.linspace(0.0, seconds, int(fastest * seconds / PANEL_JUMPS) + 2)
    return panels(edges, low=0.0, high=seconds)


def _approach(chain: Chain, p: Floats, length: float, threshold: float, times: Floats) -> _Approach:
    """Carry a site through an interval; note who waits at each of `times` in its last `threshold` seconds."""
    agents, none = chain.agents, np.zeros(0)
    split = max(length - threshold, 0.0)
    p, _, _, integral = advance(p, none, none, chain, split)
    late = 0.0
    if len(p) > agents:
        stays = (np.array([agents]), np.array([chain.mu]), np.array([chain.theta]), np.zeros(1, np.int64))
        late = kernels.unhurried_late(integral[agents:], threshold, *stays)
    lines = np.empty((len(times), max(len(p) - agents, 0)))
    p = p.copy()
    kernels.uniformise(p, none, none, integral, *chain, length - split, times, lines)
    return _Approach(chain, lines, Passage(trim(p), integral, late, none, none))


def _values_at_closing(
    network: _Network,
    i: int,
    approach: Mapping[int, _Approach],
    lines: Mapping[int, Floats],
    left: float,
    after: float,
) -> dict[int, Floats]:
    """Return, for each site, the value of a place in its queue just before the closing.

    Index 0: answered. Index k + 1: the chance that a caller with k ahead in that queue is answered within
    `after` seconds of the closing, given the queues `lines` at `left` seconds before it.
    """
    sites = list(approach)
    if len(sites) == 1:
        return {site: np.append(1.0, np.zeros(len(lines[site]))) for site in sites}
    into = network.days[sites[-1]]
    older = {site: _still_waiting(lines[site], approach[site].chain, left) for site in sites}
    before, leaving = int(into.agents[i - 1]), int(into.leaving[i])
    in_system = _in_front(approach[sites[-1]], older[sites[-1]])
    in_front = kernels.thinned(in_system, before, before - leaving)
    all_busy = np.append(np.zeros(before - leaving), 1.0)
    values = {}
    for site in sites:
        ahead = all_busy if site == sites[-1] else in_front
        for other in sites[:-1]:
            if other != site:
                ahead = np.convolve(ahead, older[other])
        values[site] = _value_behind(trim(ahead), into.chain(i), after, len(lines[site]))
    return values


def _still_waiting(line: Floats, chain: Chain, seconds: float) -> Floats:
    """Return the law of how many of a queue still wait `seconds` later, from the masses of 0, 1, ... waiting.

    One less the sum of the masses is the chance that not all agents were busy. Nobody joins the queue.
    """
    n, none = chain.agents, np.zeros(0)
    p = np.append(np.zeros(n), line) if len(line) else np.zeros(n + 1)
    p[0] += 1.0 - line.sum()
    quiet = chain._replace(rate=0.0)
    kernels.uniformise(p, none, none, np.zeros_like(p), *quiet, seconds, none, np.zeros((0, 0)))
    return _waiting_law(p, n)


def _in_front(site: _Approach, older: Floats) -> Floats:
    """Return the law of how many at a site are ahead of a caller from elsewhere at the closing.

    If earlier callers wait, all agents are busy. If none waits, those in service count, whenever they came.
    """
    law, n = site.passage.end, site.chain.agents
    served = np.zeros(n)
    served[: len(law)] = law[:n]
    return np.concatenate([served, [max(older[0] - served.sum(), 0.0)], older[1:]])


def _value_behind(ahead: Floats, chain: Chain, seconds: float, places: int) -> Floats:
    """Return the value of place 0, 1, ... in a caller's own queue, given the law of all others `ahead`.

    A caller who finds a free agent is answered at once; any other has `seconds` left.
    """
    n, mu, theta = chain.agents, chain.mu, chain.theta
    size = len(ahead) + places - 1
    g = np.zeros(max(size - n, 0) + 1)
    g[0] = 1.0
    kernels.look_back(g, n, mu, theta, seconds)
    worth = np.append(np.ones(min(n, size)), g[1:])
    return np.append(1.0, np.correlate(worth, ahead, "valid")) if places else np.ones(1)


# --- measures -------------------------------------------------------------------------------------


def _measures(network: _Network, rows: Sequence[Sequence[Passage]]) -> pd.DataFrame:
    """Return the measures of every interval and site as a frame."""
    size, count = network.answers.shape
    by_site = zip(*rows, strict=True)
    columns = [columns_of(day, part, waits=False) for day, part in zip(network.days, by_site, strict=True)]
    table = pd.DataFrame(
        {
            "interval": np.arange(size).repeat(count),
            "site": np.tile(np.arange(count), size),
            **{name: np.column_stack([site[name] for site in columns]).ravel() for name in columns[0]},
        }
    )
    queue = table["queue_end"].to_numpy().reshape(size, count)
    left = np.zeros_like(queue)
    for i, _, site in network.closings:
        left[i, site] = queue[i - 1, site]
    return table.assign(closing_queue=left.ravel())
