"""The search for whole shifts: the relaxation gives a bound, CP-SAT whole numbers, branching improvements.

A program of one day is solved as a whole, and CP-SAT's bound is proven. For a longer one, the relaxation
gives the bound and the start: one day after another is made whole, with the later days still fractional
(relax and fix; a large day uses only the shifts of the relaxation). Then windows of a day, shifted by half a
day each round, are solved again with everything else fixed (large neighbourhood search): HiGHS branches on
sums of heads (`planning.shifts.program.branch`), and CP-SAT places the breaks. Where days share the hours of
contracts, this also makes the first plan. Work is counted in CP-SAT's deterministic seconds and in nodes,
with one seed, so the clock decides nothing unless there is a time limit.

Parts are independent and each thread works on one; the choice of parts does not depend on the number of
threads. Equal parts, for example the weekdays of a site that closes at night, are solved once.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model
from tqdm import tqdm

from planning.checks import Floats, Ints, check_settings
from planning.effort import Deadline, TimeUpError
from planning.shifts.program import Program, branch, relax

_FREE = 2**62
# In the start of a window with more columns, classes with fewer heads than this in the relaxation are
# dropped,
_SMALL, _USED = 2000, 1e-6
# and it gets this many times the usual effort.
_START = 3.0
# A part of a single window gets this many times the effort, because that usually gives a proof.
_WHOLE = 8.0
# Of money that is paid in any case, this share counts in the gap: of the rest, much can be saved.
_SUNK = 0.25
# A part may lack a head if as much of the price of one could still be saved.
_ONE_HEAD = 0.9
# Nodes of the tree that count as a deterministic second.
_NODES = 125


@dataclass(frozen=True)
class CoverSettings:
    """Settings of the search for shifts; without a time limit the same settings give the same shifts."""

    gap: float = 0.01
    """Stop when the plan is proven to cost no more than this share above the bound (`CoverPlan.gap`)."""
    effort: float = 0.4
    """Deterministic seconds of CP-SAT for a window of a day, or as much in nodes; doubled each round."""
    rounds: int = 1
    """The most rounds that any part gets after its first solution."""
    time_limit_s: float | None = None
    """Wall time after which the best plan so far is returned, seconds."""
    seed: int = 1
    """Seed of the solvers."""
    threads: int = 2
    """Threads, each working on one part of the program; the shifts do not depend on their number."""

    def __post_init__(self) -> None:
        check_settings(self, {"threads": 1})


@dataclass(frozen=True)
class Progress:
    """Progress of a search: wall time, the cost so far and its proven bound."""

    seconds: float
    objective: float
    bound: float


@dataclass(frozen=True, eq=False)
class Found:
    """A solution of a program in whole numbers, a proven bound of its cost, and the dual of each link."""

    x: Ints
    bound: float
    link_cost: Floats


@dataclass
class _Part:
    """One independent part of a program, how often it occurs, and its best solution so far."""

    program: Program
    times: int = 0
    x: Ints = field(init=False)
    value: float = field(init=False)
    bound: float = 0.0
    link_cost: Floats = field(init=False)
    rounds: int = 0
    vain: bool = False
    """Whether a round after the first saved nothing: more effort for the same windows seldom does, then."""

    def __post_init__(self) -> None:
        self.x = np.zeros(len(self.program.cost), dtype=np.int64)
        self.value = self.program.value(self.x)
        self.link_cost = np.zeros(len(self.program.low))

    @property
    def left(self) -> float:
        """The most money that could still be saved."""
        return max(self.value - self.bound, 0.0)

    @property
    def lacking(self) -> bool:
        """Whether a head may be missing that the hours of the contracts could fill."""
        return self.program.sunk > 0 and self.left > _ONE_HEAD * self.program.short_cost

    def accept(self, x: NDArray[Any]) -> None:
        """Keep a whole solution if it is feasible and better."""
        whole = np.rint(x).astype(np.int64)
        if self.program.holds(whole) and (value := self.program.value(whole)) < self.value:
            self.x, self.value = whole, value


def search(
    programs: Sequence[Program],
    settings: CoverSettings,
    callback: Callable[[Progress], object] | None = None,
) -> tuple[list[Found], str]:
    """Find the cheapest whole solution of several programs, and say how the search ended.

    Parameters
    ----------
    programs : sequence of Program
        Solved together: work goes where most can still be saved.
    settings : CoverSettings
    callback : callable, optional
        Called with a `Progress` after every step. A KeyboardInterrupt, from it or from the keyboard, ends the
        search with the best that was found.
    """
    known: dict[tuple[int, tuple[bytes, ...]], _Part] = {}
    owned = [[_owned(program, *nodes, known) for nodes in program.parts()] for program in programs]
    parts = list(known.values())
    constant, sunk = (sum(getattr(program, name) for program in programs) for name in ("constant", "sunk"))
    clock = _Clock(parts, settings, constant, sunk, callback)
    status = "within the gap"
    try:
        _each(partial(_begin, settings=settings, clock=clock), parts, clock)
        while worst := clock.worst():
            _each(
                partial(_improve, enough_cost=clock.open_cost, settings=settings, clock=clock), worst, clock
            )
        if clock.open_cost > 1e-6:
            status = "the work allowed is done"
    except TimeUpError:
        status = "the time is up"
    except KeyboardInterrupt:
        status = "interrupted"
    finally:
        clock.bar.close()
    return [_found(program, own) for program, own in zip(programs, owned, strict=True)], status


def _owned(
    program: Program,
    rows: Ints,
    links: Ints,
    columns: Ints,
    known: dict[tuple[int, tuple[bytes, ...]], _Part],
) -> tuple[_Part, Ints, Ints]:
    """Return the part of some rows, links and columns, or an equal part that is already known."""
    own = program.part(rows, links, columns)
    part = known.setdefault((id(program), own.kind), _Part(own))
    part.times += 1
    return part, links, columns


def _each(work: Callable[[_Part], None], parts: Sequence[_Part], clock: _Clock) -> None:
    """Work on parts in parallel, the largest first; an exception in one ends all."""
    pool = ThreadPoolExecutor(clock.settings.threads)
    try:
        for _ in pool.map(work, sorted(parts, key=lambda part: -len(part.x))):
            pass
    except BaseException:
        # HiGHS cannot be stopped from outside. We do not wait for it: its results from now on are dropped.
        clock.over = True
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _found(program: Program, parts: Sequence[tuple[_Part, Ints, Ints]]) -> Found:
    """Combine the parts of a program."""
    x = np.zeros(len(program.cost), dtype=np.int64)
    link_cost = np.zeros(program.links.shape[0])
    for part, links, columns in parts:
        x[columns], link_cost[links] = part.x, part.link_cost
    return Found(x, sum(part.bound for part, _, _ in parts) + program.constant, link_cost)


@dataclass
class _Clock:
    """Controls a search: reports its progress, ends it in time, and chooses the parts to continue with."""

    parts: list[_Part]
    settings: CoverSettings
    constant: float
    sunk: float
    callback: Callable[[Progress], object] | None
    deadline: Deadline = field(init=False)
    over: bool = False
    bar: Any = field(init=False)
    _lock: Any = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.deadline = Deadline(self.settings.time_limit_s)
        self.bar = tqdm(desc="shifts", unit="step", leave=False)

    def total(self, name: str) -> float:
        """Sum over the parts."""
        return float(sum(part.times * getattr(part, name) for part in self.parts))

    @property
    def open_cost(self) -> float:
        """Money still to be saved, or proven not to exist, before the gap is closed."""
        enough = self.total("bound") + self.constant + _SUNK * self.sunk
        return self.total("left") - self.settings.gap * enough

    def tick(self) -> None:
        """Report a finished step."""
        with self._lock:
            self._tell()

    def _tell(self) -> None:
        if self.over:
            raise TimeUpError
        objective, bound = (self.total(name) + self.constant for name in ("value", "bound"))
        progress = Progress(self.deadline.passed_s, objective, bound)
        self.bar.update()
        self.bar.set_postfix_str(f"{progress.objective:,.0f}, bound {progress.bound:,.0f}", False)
        if self.callback is not None:
            self.callback(progress)
        self.deadline.check()

    def worst(self) -> list[_Part]:
        """The fewest parts that could close the gap; none if it is closed or all work is done.

        Where pay is sunk, a missing head is little of the whole: parts that may lack one go on.
        """
        rounds = self.settings.rounds
        own = [part for part in self.parts if part.left > 1e-6 and part.rounds < rounds and not part.vain]
        own.sort(key=lambda part: -part.times * part.left / 4**part.rounds)
        sums = np.cumsum([part.times * part.left for part in own])
        if self.open_cost > 0:
            return own[: int(np.searchsorted(sums, self.open_cost)) + 1]
        return [part for part in own if part.lacking]


def _begin(part: _Part, settings: CoverSettings, clock: _Clock) -> None:
    """Find a first solution and a bound."""
    program, relaxed = part.program, relax(part.program)
    part.bound, part.link_cost = max(relaxed.value, 0.0), relaxed.link_cost
    windows, x = program.windows(0.0), relaxed.x
    # CP-SAT finds few plans of a day that leave the contracts' hours to the other days.
    shared = program.sunk > 0 and len(windows) > 1
    # In the start of a large window, only the classes that the relaxation uses are worth their place.
    used = (x[program.heads] > _USED) | program.flow
    whole = np.zeros(len(x), dtype=bool)
    for window in windows:
        small = len(window) <= _SMALL and not shared
        times = (_WHOLE if len(windows) == 1 else 1.0) if small else _START
        own = window if small else window[used[window]]
        x[window] = np.where(used[window] | small, x[window], 0.0)
        found = _branched(part, x, own, times * settings.effort, clock) if shared else None
        x = _settled(part, x, own, times * settings.effort, clock) if found is None else found
        whole[window] = True
        part.accept(np.where(whole, x, 0.0))
        clock.tick()


def _improve(part: _Part, enough_cost: float, settings: CoverSettings, clock: _Clock) -> None:
    """Prove a single day, if it is small; otherwise solve every window again, shifted.

    A part that has saved enough by itself stops: what others save meanwhile depends on the threads. One that
    lacks heads after a round moves hours between days: it solves them two by two, each round farther apart.
    """
    part.rounds += 1
    windows = part.program.windows(0.5 * (part.rounds % 2))
    together = part.lacking and part.rounds > 1
    if together:
        apart = (part.rounds - 1) % len(windows)
        others = windows[apart:] + windows[:apart]
        windows = [np.union1d(one, other) for one, other in zip(windows, others, strict=True)]
    effort = settings.effort * 2**part.rounds
    left = part.left
    for window in windows:
        if len(windows) == 1 and len(window) <= _SMALL:
            part.accept(_settled(part, part.x.astype(float), window, _WHOLE * effort, clock))
        else:
            _solved_again(part, window, effort, clock)
        clock.tick()
        saved = part.times * (left - part.left)
        if saved >= enough_cost if enough_cost > 0 else not part.lacking:
            break
    part.vain = part.rounds > 1 and part.left > left - 1e-6


def _solved_again(part: _Part, window: Ints, effort: float, clock: _Clock) -> None:
    """Solve a window again by branch and bound, all else fixed.

    Classes that neither the window's relaxation nor the plan uses are dropped: many shifts are equivalent,
    and without them the tree is three times as fast.
    """
    program = part.program
    rest = part.x.astype(float)
    rest[window] = 0.0
    part.accept(rest)
    own = program.around(rest, window)
    window = window[(relax(own).x[own.heads] > _USED) | (part.x[program.heads[window]] > 0) | own.flow]
    found = _branched(part, rest, window, effort, clock)
    if found is not None:
        part.accept(found)


def _branched(part: _Part, x: Floats, window: Ints, effort: float, clock: _Clock) -> Floats | None:
    """Make the heads of a window whole by branch and bound, all else fixed; then place their breaks.

    None if the window has no heads, or no plan is found.
    """
    program, rest = part.program, x.copy()
    rest[window] = 0.0
    heads = window[(program.heads[window] == window) & ~program.flow[window]]
    if not len(heads):
        return None
    nodes = math.ceil(_NODES * effort)
    # Half of what a day of the part may leave open.
    enough = clock.settings.gap * (part.bound + _SUNK * program.sunk) * program.day / program.steps / 2
    own = program.around(rest, window)
    found = branch(own, nodes, clock.deadline.left_s, clock.settings.seed, enough)
    if found is None:
        return None
    rest[window] = found
    rest[heads] = np.rint(rest[heads])
    return _settled(part, rest, window, effort, clock, heads)


def _settled(
    part: _Part, x: Floats, window: Ints, effort: float, clock: _Clock, held: Ints | None = None
) -> Floats:
    """Make the columns of a window whole, with all others fixed and their fractions rounded.

    A window of all columns also gives a bound, unless some of them (`held`) keep their value.
    """
    program = part.program
    # CP-SAT branches in the order of the columns: in order of time it finds good plans much sooner.
    window = window[np.argsort(program.at[window], kind="stable")]
    known = x[window] if not np.mod(x[window], 1).any() else None
    rest = x.copy()
    rest[window] = 0.0
    own = program.around(rest, window)
    lower, upper = np.zeros(len(window), dtype=np.int64), program.tops[window]
    if held is not None:
        keep = np.isin(window, held)
        lower[keep] = upper[keep] = np.rint(x[window[keep]])
    grain = _grain(own)
    whole = held is None and len(window) == len(x)
    solver = _solver(effort, clock)
    # Presolve hides the structure of a small day from CP-SAT: without it, most are proven in half a second.
    solver.parameters.cp_model_presolve = not (whole and len(window) <= _SMALL)
    status = solver.solve(_model(own, known, grain, lower, upper))
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        rest[window] = np.array(list(solver.response_proto.solution), dtype=float)[: len(window)]
        if whole:
            part.bound = max(part.bound, solver.best_objective_bound * grain)
    elif known is not None:
        rest[window] = known
    return rest


def _solver(effort: float, clock: _Clock) -> cp_model.CpSolver:
    """One worker that counts its work; a strong relaxation helps here, probing and symmetry do not."""
    solver = cp_model.CpSolver()
    parameters = solver.parameters
    parameters.num_workers = 1
    parameters.random_seed = clock.settings.seed
    parameters.max_deterministic_time = effort
    parameters.linearization_level = 2
    parameters.cp_model_probing_level = 0
    parameters.symmetry_level = 0
    parameters.relative_gap_limit = clock.settings.gap / 10
    parameters.max_time_in_seconds = clock.deadline.left_s
    # Ctrl-C ends the whole search, not only the current window.
    parameters.catch_sigint_signal = False
    return solver


def _grain(program: Program) -> float:
    """Largest amount of money that divides all costs: with coarse costs the proof is short.

    The price of a missing head is also rounded down to this unit; if that would change it by more than a
    fifth, the smallest unit is used.
    """
    units = np.floor(program.cost / program.unit_cost + 1e-6).astype(np.int64)
    grain = float(max(np.gcd.reduce(units), 1) * program.unit_cost)
    return grain if program.short_cost // grain * grain > 0.8 * program.short_cost else program.unit_cost


def _model(
    program: Program, known: Floats | None, grain: float, lower: Ints, upper: Ints
) -> cp_model.CpModel:
    """Write a program for CP-SAT directly from the arrays, with its columns within bounds.

    Money is rounded down to whole units, so CP-SAT's bound is also a bound of the true cost.
    """
    model = cp_model.CpModel()
    proto = model.proto
    rows, columns = program.position.shape
    bottoms, tops = np.concatenate([lower, np.zeros(rows, dtype=np.int64)]), np.append(upper, program.need)
    for bottom, top in zip(bottoms.tolist(), tops.tolist(), strict=True):
        proto.variables.add().domain.extend([bottom, top])
    for number, need in enumerate(program.need.tolist()):
        _add(proto, program.position, number, columns + number, need, _FREE)
    for number in range(program.links.shape[0]):
        low, high = np.clip([program.low[number], program.high[number]], -_FREE, _FREE)
        _add(proto, program.links, number, None, int(low), int(high))
    units = np.floor(program.cost / grain + 1e-6).astype(np.int64).tolist()
    price = math.floor(program.short_cost / grain + 1e-6)
    proto.objective.vars.extend(range(columns + rows))
    proto.objective.coeffs.extend([*units, *([price] * rows)])
    if known is not None:
        proto.solution_hint.vars.extend(range(columns + rows))
        proto.solution_hint.values.extend(np.rint([*known, *program.short(known)]).astype(np.int64).tolist())
    return model


def _add(proto: Any, matrix: Any, row: int, extra: int | None, low: int, high: int) -> None:
    """Add a row of a matrix as a linear constraint, plus one more column with coefficient 1."""
    begin, end = matrix.indptr[row], matrix.indptr[row + 1]
    linear = proto.constraints.add().linear
    linear.vars.extend(matrix.indices[begin:end].tolist() + ([] if extra is None else [extra]))
    linear.coeffs.extend(
        np.rint(matrix.data[begin:end]).astype(np.int64).tolist() + ([] if extra is None else [1])
    )
    linear.domain.extend([low, high])
