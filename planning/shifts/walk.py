"""A walk through the plans of a small team: a few people go, and whoever serves best comes, breaks and all.

Where few are at work, the relaxation's fractions say little about whole people, and a branching search drowns
in shifts that are worth the same. So plans are walked through person by person: of those near one another one
to three go, then, one after the other, the shift comes whose breaks (a shortest path) leave the most of what
is short on position for its pay. What is short has a low price at first, so that the walk leads through plans
that do not hold; where it stays short the price rises. The worse of two plans is kept as often as simulated
annealing says. Every choice is a function of the seed.

Sources: S. Kirkpatrick, C. Gelatt, M. Vecchi, Science 220 (1983), annealing; G. Schrimpf et al., Journal of
Computational Physics 159 (2000), ruin and recreate; C. Voudouris, E. Tsang, European Journal of Operational
Research 113 (1999), prices that rise where the search is stuck.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numba
import numpy as np

from planning.shifts.implicit import layouts
from planning.shifts.program import Floats, Ints, Program

__all__ = ["MOVES_PER_SECOND", "Walk"]

MOVES_PER_SECOND = 100_000
"""Moves that count as one deterministic second, which is about what a core does."""
_MONEY_S = 900
# What follows counts in the pay of a quarter of an hour: the price of a head short for so long at first, the
# temperature at the begin and the end of a walk, what the price rises by where it stays short, and the part
# of it that is kept where it does not.
_SHORT, _HOT, _COLD, _RISE, _KEEP = 5.0, 1.0, 0.1, 0.2, 0.98
# A gain is shaken by so much to either side, and a head where none is to spare is worth up to so little.
_SHAKE, _SPARE = 0.15, 0.02
_PRICED_EVERY = 500
_MOST_OUT, _MOST_IN = 3, 16


class _Kinds(NamedTuple):
    """Shapes as arrays: presence and a grid step in steps; of each break its places, distances and size."""

    length: Ints
    grid: Ints
    slots: Ints
    first: Ints
    last: Ints
    least: Ints
    most: Ints
    size: Ints


class _Classes(NamedTuple):
    """Classes by start: start, kind, column of the heads; first class of each step; cost of each column."""

    start: Ints
    kind: Ints
    column: Ints
    of_step: Ints
    cost: Floats


class _People(NamedTuple):
    """Class and places of the breaks of everybody; how many there are."""

    who: Ints
    places: Ints
    there: Ints


class _Room(NamedTuple):
    """Where the kernel works: gains before each step of a window, least losses and where they come from."""

    gain: Floats
    loss: Floats
    back: Ints
    chosen: Ints


@dataclass
class Walk:
    """A walk through one program of plain classes, and the best plan on its way.

    Parameters
    ----------
    program : Program
        `Program.plain`.
    seed : int
    x : int array
        Plan to begin with; nobody at all is one.
    """

    program: Program
    seed: int
    x: Ints
    _price: Floats = field(init=False)
    _state: Any = field(init=False)

    def __post_init__(self) -> None:
        program = self.program
        self._unit = program.unit_cost * 1000 * _MONEY_S / 3600
        self._kinds, self._classes = _kinds(program), _classes(program, self._unit)
        self._need = np.bincount(program.row_at, program.need, program.steps).astype(np.int64)
        self._low = _SHORT * program.step_s / _MONEY_S
        self._price = np.full(program.steps, self._low)
        self._state = np.array([self.seed + 1], dtype=np.uint64)
        self._people = self._named(self.x)

    def go(self, moves: int, begin: float, end: float) -> Ints:
        """Walk on, from one share of the whole way to another, and return the best plan of this stretch."""
        best = _copy(self._people)
        rises = (self._low, _RISE * self.program.step_s / _MONEY_S, _KEEP)
        heats = (_HOT * (_COLD / _HOT) ** begin, _HOT * (_COLD / _HOT) ** end)
        _walk(
            self._state, moves, heats, rises, self.program.short_cost / self._unit, self._need, self._price,
            self._kinds, self._classes, self._people, best,
        )  # fmt: skip
        return self._counted(best)

    def _named(self, x: Ints) -> _People:
        """People of the counts of a plan."""
        program, kinds, classes = self.program, self._kinds, self._classes
        rows: list[list[int]] = []
        for number, column in enumerate(classes.column.tolist()):
            if not x[column]:
                continue
            shape = program.shapes[int(program.shape[column])]
            for pattern, heads in layouts(shape, x[column : column + shape.width]):
                places = [pause.start_s // shape.grid_s for pause in pattern.breaks]
                rows += [[number, *places]] * heads
        room = 2 * len(rows) + 4 * int(self._need.max(initial=0)) * (1 + program.steps // program.day) + 64
        people = _People(
            np.zeros(room, dtype=np.int64),
            np.zeros((room, max(kinds.first.shape[1], 1)), dtype=np.int64),
            np.array([len(rows)], dtype=np.int64),
        )
        for number, (who, *places) in enumerate(rows):
            people.who[number], people.places[number, : len(places)] = who, places
        return people

    def _counted(self, people: _People) -> Ints:
        """Counts of the columns of some people."""
        x = np.zeros(len(self.program.cost), dtype=np.int64)
        for number in range(int(people.there[0])):
            who = int(people.who[number])
            kind, column = int(self._classes.kind[who]), int(self._classes.column[who])
            x[column] += 1
            column += 1
            for slot in range(int(self._kinds.slots[kind])):
                first, last = int(self._kinds.first[kind, slot]), int(self._kinds.last[kind, slot])
                x[column + int(people.places[number, slot]) - first] += 1
                column += last - first + 1
        return x


def _copy(people: _People) -> _People:
    return _People(people.who.copy(), people.places.copy(), people.there.copy())


def _kinds(program: Program) -> _Kinds:
    """Write the shapes of a program as arrays."""
    shapes, step_s = program.shapes, program.step_s
    most = max((len(shape.slots) for shape in shapes), default=0)
    table = np.zeros((5, len(shapes), max(most, 1)), dtype=np.int64)
    for number, shape in enumerate(shapes):
        for slot, pause in enumerate(shape.slots):
            least, most = shape.apart[slot - 1] if slot else (0, 0)
            table[:, number, slot] = pause.first, pause.last, least, most, -(-pause.length_s // step_s)
    return _Kinds(
        np.array([shape.length_s // step_s for shape in shapes], dtype=np.int64),
        np.array([max(shape.grid_s // step_s, 1) for shape in shapes], dtype=np.int64),
        np.array([len(shape.slots) for shape in shapes], dtype=np.int64),
        *table,
    )


def _classes(program: Program, unit_cost: float) -> _Classes:
    """Write the classes of a program as arrays."""
    columns = np.flatnonzero(program.heads == np.arange(len(program.heads)))
    columns = columns[np.argsort(program.at[columns], kind="stable")]
    starts = program.at[columns]
    of_step = np.searchsorted(starts, np.arange(program.steps + 1))
    return _Classes(
        starts.astype(np.int64), program.shape[columns].astype(np.int64), columns.astype(np.int64),
        of_step.astype(np.int64), program.cost / unit_cost,
    )  # fmt: skip


def _njit(function: Any) -> Any:
    return numba.njit(cache=True, nogil=True)(function)


@_njit
def _random(state: Any) -> float:
    """Next number of [0, 1) (splitmix64: G. Steele, D. Lea, C. Flood, OOPSLA 2014)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    number: float = float(z >> np.uint64(11)) * (1.0 / 9007199254740992.0)
    return number


@_njit
def _put(kinds: Any, classes: Any, who: int, places: Any, cover: Any, sign: int) -> float:
    """Put a person on position, or take them off; return their pay."""
    steps, kind = len(cover), classes.kind[who]
    start, column = classes.start[who], classes.column[who]
    pay: float = classes.cost[column]
    for step in range(kinds.length[kind]):
        cover[(start + step) % steps] += sign
    column += 1
    for slot in range(kinds.slots[kind]):
        begin = start + places[slot] * kinds.grid[kind]
        for step in range(kinds.size[kind, slot]):
            cover[(begin + step) % steps] -= sign
        pay += classes.cost[column + places[slot] - kinds.first[kind, slot]]
        column += kinds.last[kind, slot] - kinds.first[kind, slot] + 1
    return pay


@_njit
def _rest(kinds: Any, classes: Any, who: int, at: int, room: Any) -> float:
    """Place the breaks of a class that starts at a step of the window where they lose least."""
    kind = classes.kind[who]
    count, column = kinds.slots[kind], classes.column[who] + 1
    for slot in range(count):
        first = kinds.first[kind, slot]
        for place in range(first, kinds.last[kind, slot] + 1):
            begin = at + place * kinds.grid[kind]
            loss = room.gain[begin + kinds.size[kind, slot]] - room.gain[begin]
            loss += classes.cost[column + place - first]
            before, least = -1, 0.0
            if slot:
                least = np.inf
                low = max(kinds.first[kind, slot - 1], place - kinds.most[kind, slot])
                high = min(kinds.last[kind, slot - 1], place - kinds.least[kind, slot])
                for other in range(low, high + 1):
                    if room.loss[slot - 1, other] < least:
                        before, least = other, room.loss[slot - 1, other]
            room.loss[slot, place], room.back[slot, place] = least + loss, before
        column += kinds.last[kind, slot] - first + 1
    if not count:
        return 0.0
    end, least = -1, np.inf
    for place in range(kinds.first[kind, count - 1], kinds.last[kind, count - 1] + 1):
        if room.loss[count - 1, place] < least:
            end, least = place, room.loss[count - 1, place]
    room.back[count, 0] = end
    return least


@_njit
def _gains(state: Any, cover: Any, need: Any, price: Any, begin: int, room: Any) -> bool:
    """Add up what a head is worth over the steps of a window; say whether any is short."""
    steps, total, short = len(cover), 0.0, False
    for step in range(len(room.gain)):
        room.gain[step] = total
        at = (begin + step) % steps
        if cover[at] < need[at]:
            total += price[at] * (1.0 + _SHAKE * (2.0 * _random(state) - 1.0))
            short = True
        elif cover[at] == need[at]:
            total += _SPARE * _random(state)
    return short


@_njit
def _best(kinds: Any, classes: Any, begin: int, reach: int, steps: int, room: Any) -> int:
    """Return the class that is worth most above its pay, its breaks in `room.chosen`; -1 for none."""
    most, found = 1e-9, -1
    for at in range(2 * reach):
        step = (begin + at) % steps
        for who in range(classes.of_step[step], classes.of_step[step + 1]):
            kind = classes.kind[who]
            worth = room.gain[at + kinds.length[kind]] - room.gain[at] - classes.cost[classes.column[who]]
            if worth <= most:  # breaks only lose
                continue
            worth -= _rest(kinds, classes, who, at, room)
            if worth > most:
                most, found = worth, who
                place = room.back[kinds.slots[kind], 0]
                for slot in range(kinds.slots[kind] - 1, -1, -1):
                    room.chosen[slot] = place
                    place = room.back[slot, place]
    return found


@_njit
def _priced(cover: Any, need: Any, price: Any) -> Any:
    """Heads short, and what they cost."""
    short, money = 0, 0.0
    for step in range(len(cover)):
        if cover[step] < need[step]:
            short += need[step] - cover[step]
            money += price[step] * (need[step] - cover[step])
    return short, money


@_njit
def _add(people: Any, who: int, places: Any) -> None:
    people.who[people.there[0]] = who
    people.places[people.there[0]] = places
    people.there[0] += 1


@_njit
def _take(state: Any, kinds: Any, classes: Any, people: Any, out: Any, cover: Any, reach: int) -> Any:
    """Let one to three who start near one another go; return where, and their pay."""
    dice = _random(state)
    wanted = 1 if dice < 0.4 else (2 if dice < 0.85 else _MOST_OUT)
    steps, pay, anchor = len(cover), 0.0, int(_random(state) * len(cover))
    for trial in range(20 * wanted):
        if people.there[0] == 0 or out.there[0] == wanted:
            break
        number = int(_random(state) * people.there[0])
        who = people.who[number]
        apart = (classes.start[who] - anchor) % steps
        if trial == 0:
            anchor = classes.start[who]
        elif min(apart, steps - apart) > reach // 2:
            continue
        pay += _put(kinds, classes, who, people.places[number], cover, -1)
        _add(out, who, people.places[number])
        people.there[0] -= 1
        people.who[number] = people.who[people.there[0]]
        people.places[number] = people.places[people.there[0]]
    return anchor, pay


@_njit
def _bring(
    state: Any, kinds: Any, classes: Any, come: Any, cover: Any, need: Any, price: Any, anchor: int,
    reach: int, room: Any,
) -> float:  # fmt: skip
    """Let whoever serves best come, one after the other, while it pays; return their pay."""
    pay, steps = 0.0, len(cover)
    begin = (anchor - reach) % steps
    while come.there[0] < _MOST_IN and _gains(state, cover, need, price, begin, room):
        who = _best(kinds, classes, begin, reach, steps, room)
        if who < 0:
            break
        pay += _put(kinds, classes, who, room.chosen, cover, 1)
        _add(come, who, room.chosen)
    return pay


@_njit
def _walk(
    state: Any, moves: int, heats: Any, rises: Any, short_price: float, need: Any, price: Any, kinds: Any,
    classes: Any, people: Any, best: Any,
) -> None:  # fmt: skip
    """Move so many times; `people` are the plan in the end, `best` the cheapest on the way."""
    steps, slots, reach = len(need), people.places.shape[1], kinds.length.max()
    cover, cost = np.zeros(steps, dtype=np.int64), 0.0
    for number in range(people.there[0]):
        cost += _put(kinds, classes, people.who[number], people.places[number], cover, 1)
    room = _Room(
        np.zeros(3 * reach + 1), np.zeros((slots, reach + 1)),
        np.zeros((slots + 1, reach + 1), dtype=np.int64), np.zeros(slots, dtype=np.int64),
    )  # fmt: skip
    zero = np.zeros(1, dtype=np.int64)
    out = _People(
        np.zeros(_MOST_OUT, dtype=np.int64), np.zeros((_MOST_OUT, slots), dtype=np.int64), zero.copy()
    )
    come = _People(
        np.zeros(_MOST_IN, dtype=np.int64), np.zeros((_MOST_IN, slots), dtype=np.int64), zero.copy()
    )
    short, owed = _priced(cover, need, price)
    least = cost + short_price * short
    for move in range(moves):
        heat = heats[0] * (heats[1] / heats[0]) ** (move / moves)
        if move % _PRICED_EVERY == _PRICED_EVERY - 1:
            for step in range(steps):
                if cover[step] < need[step]:
                    price[step] += rises[1]
                else:
                    price[step] = max(rises[0], price[step] * rises[2])
            short, owed = _priced(cover, need, price)
        out.there[0], come.there[0] = 0, 0
        anchor, before = _take(state, kinds, classes, people, out, cover, reach)
        after = _bring(state, kinds, classes, come, cover, need, price, anchor, reach, room)
        missing, money = _priced(cover, need, price)
        worse = after - before + money - owed
        kept = come
        if worse <= 0 or _random(state) < np.exp(-worse / heat):
            cost, short, owed = cost + after - before, missing, money
        else:
            kept = out
            for number in range(come.there[0]):
                _put(kinds, classes, come.who[number], come.places[number], cover, -1)
            for number in range(out.there[0]):
                _put(kinds, classes, out.who[number], out.places[number], cover, 1)
        if people.there[0] + kept.there[0] > len(people.who):
            break
        for number in range(kept.there[0]):
            _add(people, kept.who[number], kept.places[number])
        value = cost + short_price * short
        if value < least - 1e-6:
            least = value
            best.who[:] = people.who
            best.places[:] = people.places
            best.there[0] = people.there[0]
