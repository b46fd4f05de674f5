"""What the rules allow one person, as figures and small automata.

`Limits` records the rules; from it, `Days` builds the automaton of which day may follow which, and `Counts`
what is counted over the horizon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from planning.calendars import NIGHT
from planning.checks import Bools, Floats, Ints
from planning.roster.inputs import FOREVER, Person, TeamShifts

NEVER = -1
"""The target of a forbidden step."""


@dataclass
class Limits:
    """What a person may work, as figures that pricing understands.

    Examples
    --------
    A rule speaks, and the limits remember:

    >>> from planning.roster.rules import DaysInRow
    >>> from planning.roster.inputs import Person
    >>> limits = Limits(Person("ann", "kaluga", "vip", 40.0, night_ok=True), team_shifts=None)
    >>> DaysInRow(6, article="TK RF 110").constrain(limits)
    >>> limits.run
    (6, inf)
    """

    person: Person
    team_shifts: TeamShifts
    banned: Bools = field(default_factory=lambda: np.zeros(0, dtype=bool))
    prices: Floats = field(default_factory=lambda: np.zeros(0))
    rest_s: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    opens: int = 0
    least_h: float = 0.0
    most_h: float = np.inf
    weekly_rest: tuple[int, float] = (0, np.inf)
    run: tuple[int | None, float] = (None, np.inf)
    nights: tuple[int | None, float] = (None, np.inf)
    off: tuple[int, float] = (1, np.inf)
    shortest_run: tuple[int, float] = (1, np.inf)
    weekends: tuple[int | None, float] = (None, np.inf)
    successions: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    """Price of each letter of `TeamShifts.letters` on the day after another."""
    moves: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    """Price of each letter after another with at most one day off between."""
    week_days: tuple[int | None, float] = (None, np.inf)
    split_weekend: float = 0.0
    counted: list[tuple[Bools, int, int | None, float]] = field(default_factory=list)
    """Sets of shifts with the least and the most to work, and the price of each beyond."""
    fixed: float = 0.0
    """Price of working nothing at all."""

    @classmethod
    def of(cls, person: Person, team_shifts: TeamShifts) -> Limits:
        """Allow a person everything."""
        count, letters = len(team_shifts), len(team_shifts.letters)
        return cls(
            person,
            team_shifts,
            banned=np.zeros(count, dtype=bool),
            prices=np.zeros(count),
            rest_s=np.zeros(count, dtype=np.int64),
            successions=np.zeros((letters, letters)),
            moves=np.zeros((letters, letters)),
        )

    def forbid(self, shifts: Bools, price: float | None = None) -> None:
        """Forbid shifts, or set a price on each, shape (shifts,)."""
        if price is None:
            self.banned = self.banned | shifts
        else:
            self.prices = self.prices + price * shifts

    def ask(self, shifts: Bools, price: float) -> None:
        """Set a price on each of some shifts if it is not worked, shape (shifts,)."""
        self.prices = self.prices - price * shifts
        self.fixed += price * int(shifts.sum())

    def not_before(self, instant: int) -> None:
        """Let nothing start before an instant, seconds."""
        self.opens = max(self.opens, instant)

    def separate(self, rest_s: Ints) -> None:
        """Keep a rest after each shift, shape (shifts,)."""
        self.rest_s = np.maximum(self.rest_s, rest_s)

    def cap_hours(self, least_h: float, most_h: float) -> None:
        """Bound the paid hours of the horizon."""
        self.least_h, self.most_h = max(self.least_h, least_h), min(self.most_h, most_h)

    def cap_run(self, days: int, price: float | None = None) -> None:
        """Bound the consecutive days on which a shift starts."""
        self.run = (days, _price(price))

    def cap_nights(self, nights: int, price: float | None = None) -> None:
        """Bound the consecutive days on which a night shift starts."""
        self.nights = (nights, _price(price))

    def least_off(self, days: int, price: float | None = None) -> None:
        """Set the fewest consecutive days off."""
        self.off = (days, _price(price))

    def least_run(self, days: int, price: float | None = None) -> None:
        """Set the fewest consecutive working days."""
        self.shortest_run = (days, _price(price))

    def forbid_succession(self, pairs: Bools, price: float | None = None) -> None:
        """Forbid some letters on the day after others, shape (letters, letters)."""
        self.successions = self.successions + np.where(pairs, _price(price), 0.0)

    def forbid_move(self, pairs: Bools, price: float | None = None) -> None:
        """Forbid some letters after others with at most one day off between, shape (letters, letters)."""
        self.moves = self.moves + np.where(pairs, _price(price), 0.0)

    def rest_weekly(self, rest_h: float, price: float | None = None) -> None:
        """Keep one uninterrupted rest within every week."""
        self.weekly_rest = (round(rest_h * 3600), _price(price))

    def cap_weekends(self, most: int, price: float | None = None) -> None:
        """Bound the weekends on which a shift starts."""
        self.weekends = (most, _price(price))

    def cap_week(self, days: int, price: float | None = None) -> None:
        """Bound the days of each week on which a shift starts."""
        self.week_days = (days, _price(price))

    def join_weekends(self, price: float | None = None) -> None:
        """Work both days of a weekend of two, or neither."""
        self.split_weekend = _price(price)

    def bound_count(self, shifts: Bools, least: int, most: int | None, price: float | None = None) -> None:
        """Bound how many of some shifts are worked, shape (shifts,); None means any number."""
        self.counted.append((shifts, least, most, _price(price)))

    @property
    def priced(self) -> Limits:
        """What pricing knows: all but the prices of successions, moves and long weeks.

        These would multiply its states, and with them its memory. If one is forbidden, pricing knows it.
        """
        days, price = self.week_days
        return replace(
            self,
            successions=_forbidden(self.successions),
            moves=_forbidden(self.moves),
            week_days=(days if np.isinf(price) else None, price),
        )

    def has_long_week(self, patterns: Sequence[Ints]) -> bool:
        """Tell whether some patterns of shifts have too many days in a week."""
        most, week = self.week_days[0], self.team_shifts.week
        return most is not None and any(np.bincount(week[p], minlength=1).max() > most for p in patterns)

    def broken(self, patterns: Sequence[Ints]) -> list[int]:
        """Bounds of counts that some patterns of shifts break, by number."""
        return [
            number
            for number, bounds in enumerate(self.counted)
            if any(_outside(*bounds, pattern) for pattern in patterns)
        ]

    def count_cost(self, pattern: Ints) -> float:
        """Price of the bounds of counts that a pattern of shifts breaks."""
        return sum(_outside(*bounds, pattern) for bounds in self.counted)

    @property
    def day_rules(self) -> tuple[object, ...]:
        """The figures that decide which day may follow which."""
        figures = (self.run, self.nights, self.off, self.shortest_run, self.weekly_rest)
        return (*figures, self.successions.tobytes(), self.moves.tobytes())

    @property
    def count_rules(self) -> tuple[object, ...]:
        """The figures of what is counted over the horizon."""
        return (
            self.weekends,
            self.week_days,
            self.split_weekend,
            *((shifts.tobytes(), *bounds) for shifts, *bounds in self.counted),
        )

    @property
    def identity(self) -> tuple[object, ...]:
        """A key that is equal for people who are interchangeable."""
        carry_over = self.person.carry_over
        before = (self.opens, carry_over.last_end, carry_over.days, carry_over.nights, carry_over.kind)
        work = (self.banned.tobytes(), self.prices.tobytes(), self.rest_s.tobytes())
        return (*work, self.fixed, self.least_h, self.most_h, self.person.contract_h_week, self.day_rules,
                self.count_rules, before)  # fmt: skip


def _price(price: float | None) -> float:
    return np.inf if price is None else price


def _forbidden(prices: Floats) -> Floats:
    return np.where(np.isinf(prices), np.inf, 0.0)


def _outside(shifts: Bools, least: int, most: int | None, price: float, pattern: Ints) -> float:
    """Price of a pattern's distance from the bounds of a count."""
    worked = int(shifts[pattern].sum())
    away = max(least - worked, 0 if most is None else worked - most, 0)
    return price * away if away else 0.0


State = tuple[int, int, int, int, bool]
"""Days off, days of the run, letter of the last shift, its nights at the end, whether it may be short."""


class Days:
    """Which day may follow which, as an automaton over off and the letters of `TeamShifts.letters`.

    Attributes
    ----------
    following : ndarray of shape (states, letters), -1 where the letter is forbidden
    cost : ndarray of shape (states, letters), price by the soft rules
    worked : ndarray of shape (states,), whether the last day was worked and may be of a weekend's two
    alike : ndarray of shape (letters,), equal for letters that make no difference

    Examples
    --------
    Two days in a row at most, one kind of shift:

    >>> limits = Limits(Person("ann", "kaluga", "vip", 40.0, True), team_shifts=None)
    >>> limits.cap_run(2)
    >>> days = Days(limits, np.array([[0, -1]]), [Person("ann", "kaluga", "vip", 40.0, True)], kinds=["day"])
    >>> days.following.tolist()
    [[0, 1], [0, 2], [0, -1]]
    """

    def __init__(
        self,
        limits: Limits,
        letters: Ints,
        people: Sequence[Person],
        *,
        kinds: Sequence[str],
        weekend_days: int = 2,
    ) -> None:
        self._limits, self._kinds = limits, tuple(kinds)
        night = self._kinds.index(NIGHT) if NIGHT in self._kinds else -1
        self._nights = set(np.flatnonzero(letters[:, 0] == night).tolist())
        self._moves = bool(limits.moves.any())
        self._remembers = self._moves or bool(limits.successions.any())
        self._enough = max(limits.off[0], 2 if self._moves else 1)
        starts = [self._start(person) for person in people]
        numbers = {state: number for number, state in enumerate(dict.fromkeys(starts))}
        rows: list[list[tuple[int, float]]] = []
        queue = list(numbers)
        for state in queue:  # grows while it is read
            rows.append([])
            for letter in range(-1, len(letters)):
                after, cost = self._step(state, letter)
                if np.isfinite(cost) and after not in numbers:
                    numbers[after] = len(numbers)
                    queue.append(after)
                rows[-1].append((numbers[after] if np.isfinite(cost) else NEVER, cost))
        following = np.array([[after for after, _ in row] for row in rows], dtype=np.int64)
        costs = np.array([[price if np.isfinite(price) else 0.0 for _, price in row] for row in rows])
        # Where a weekend has one day, the day before is none of it.
        worked = np.array([state[1] > 0 and weekend_days == 2 for state in queue], dtype=bool)
        merged, kept = _merged(following, costs, worked)
        self.following = np.where(following >= 0, merged[following], NEVER)[kept]
        self.cost, self.worked = costs[kept], worked[kept]
        letters = np.vstack([self.following, self.cost])
        self.alike = np.unique(letters, axis=1, return_inverse=True)[1].reshape(-1).astype(np.int64)
        self.starts = {
            person.agent_id: int(merged[numbers[start]]) for person, start in zip(people, starts, strict=True)
        }

    def _start(self, person: Person) -> State:
        """State on the eve of the horizon."""
        carry_over, (most, _), (nights, _) = person.carry_over, self._limits.run, self._limits.nights
        exempt = self._limits.shortest_run[0] > 1
        if not carry_over.days:
            return (self._enough, 0, -1, 0, exempt)
        known = self._remembers and carry_over.kind in self._kinds
        kind = self._kinds.index(carry_over.kind) if known else -1  # the first letters are the kinds
        return (
            0,
            min(carry_over.days, self._longest(most)),
            kind,
            min(carry_over.nights, nights or 0),
            exempt,
        )

    def _longest(self, most: int | None) -> int:
        """Days of a run that must be distinguished."""
        return max(1 if most is None else most, self._limits.shortest_run[0], 1)

    def _step(self, state: State, letter: int) -> tuple[State, float]:
        """State after one more day, and its cost."""
        return self._rest(state) if letter < 0 else self._work(state, letter)

    def _rest(self, state: State) -> tuple[State, float]:
        off, run, last, _, exempt = state
        least, price = self._limits.shortest_run
        short = run > 0 and run < least and not exempt
        # Days off at the horizon's start may be any number.
        after = self._enough if exempt and not run else min(off + 1, self._enough)
        return (after, 0, last if self._moves and run else -1, 0, False), price if short else 0.0

    def _work(self, state: State, letter: int) -> tuple[State, float]:
        off, run, last, nights, exempt = state
        cost = 0.0
        least_off, price = self._limits.off
        if not run and off < least_off:
            cost += price
        if last >= 0:
            cost += float(self._limits.moves[last, letter])
            cost += float(self._limits.successions[last, letter]) if run else 0.0
        most, price = self._limits.run
        if most is not None and run + 1 > most:
            cost += price
        most_nights, price = self._limits.nights
        in_row = nights + 1 if letter in self._nights else 0
        if most_nights is not None and in_row > most_nights:
            cost += price
        after = (
            0, min(run + 1, self._longest(most)), letter if self._remembers else -1,
            min(in_row, most_nights or 0), exempt and run + 1 < self._limits.shortest_run[0],
        )  # fmt: skip
        return after, cost


def _merged(following: Ints, cost: Floats, worked: Bools) -> tuple[Ints, Ints]:
    """Merge states with the same future: the class of each state, and one state of each class.

    Source: E. F. Moore, Gedanken-experiments on sequential machines (1956).

    Examples
    --------
    The last two states of three are one:

    >>> merged, kept = _merged(np.array([[0, 1], [0, 2], [0, 2]]), np.zeros((3, 2)), np.array([0, 1, 1]) > 0)
    >>> merged.tolist(), kept.tolist()
    ([0, 1, 1], [0, 1])
    """
    classes, kept = np.zeros(len(following), dtype=np.int64), np.zeros(1, dtype=np.int64)
    while True:
        ahead = np.where(following >= 0, classes[following], NEVER)
        marks = np.column_stack([classes, worked, ahead, cost])
        _, firsts, found = np.unique(marks, axis=0, return_index=True, return_inverse=True)
        if len(firsts) == len(kept):
            return classes, kept
        order = np.argsort(np.argsort(firsts))  # classes are numbered as they first occur
        classes, kept = np.asarray(order[found.reshape(-1)], dtype=np.int64), np.sort(firsts)


class Counts:
    """What is counted (weekends, days of the week, and shifts of some bounds) encoded as one number.

    Attributes
    ----------
    following : ndarray of shape (counts, 4 x sorts)
        Count after an event: 0 nothing, and at the end of a week 1 its weekend was worked, 2 it was free, 3
        one of its two days was worked; + 4 x the shift's sort.
    cost : ndarray of shape (counts, 4 x sorts)
    final : ndarray of shape (counts,), cost of a count at the end
    sort : ndarray of shape (shifts,), sort 0 is not counted
    """

    def __init__(self, limits: Limits, caps: Sequence[int] = (), *, weekly: bool = True) -> None:
        counted = [limits.counted[cap] for cap in caps]
        most_days, day_price = limits.week_days
        most_days = most_days if weekly and most_days is not None and most_days < 7 else None
        weeks, (most, price) = limits.team_shifts.weeks, limits.weekends
        # The smaller number is counted: the weekends worked, or those free.
        self._free = most is not None and weeks - most < most
        self._bound = 0 if most is None else max(weeks - most, 0) if self._free else most
        self._price, self._limited = price, most is not None and most < weeks
        if not self._limited:
            self._free, self._bound = False, 0
        masks = np.array([shifts for shifts, *_ in counted], dtype=bool).reshape(-1, len(limits.team_shifts))
        if most_days is not None:
            masks = np.vstack([masks, np.ones((1, masks.shape[1]), dtype=bool)])
        sorts, self.sort = np.unique(
            np.vstack([np.zeros((len(masks), 1), bool).T, masks.T]) if len(masks) else
            np.zeros((len(limits.team_shifts) + 1, 0), bool), axis=0, return_inverse=True,
        )  # fmt: skip
        self.sort = np.asarray(self.sort.reshape(-1)[1:], dtype=np.int64)
        # If there is no upper bound, all counts from the least on are merged.
        leasts = [least if most is None else FOREVER for _, least, most, _ in counted]
        enough = np.array(leasts, dtype=np.int64)
        ends = np.array([least if most is None else most for _, least, most, _ in counted], dtype=np.int64)
        prices = np.array([price for *_, price in counted])
        soft = np.isfinite(prices)
        shape = (self._bound + 1, (most_days or 0) + 1, *(ends + 1).tolist())
        counts = list(np.ndindex(*shape))
        numbers = {count: number for number, count in enumerate(counts)}
        self.following = np.full((len(counts), 4 * len(sorts)), NEVER, dtype=np.int64)
        self.cost = np.zeros(self.following.shape)
        for row, (weekends, week, *rest) in enumerate(counts):
            for sort, marks in enumerate(sorts.astype(np.int64)):
                days = week + (int(marks[-1]) if most_days is not None else 0)
                long = most_days is not None and days > most_days
                for event in range(4):
                    after, cost = self._weekend(weekends, event)
                    cost += (limits.split_weekend if event == 3 else 0.0) + (day_price if long else 0.0)
                    # A count that does not exist is above its bound; above a soft bound it stays and has a
                    # price.
                    now = np.minimum(np.array(rest, dtype=np.int64) + marks[: len(rest)], enough)
                    above = soft & (now > ends)
                    now, cost = np.where(above, ends, now), cost + float(prices[above].sum())
                    tally = 0 if event else week if long else days
                    target = numbers.get((after, tally, *now.tolist()), NEVER)
                    if np.isfinite(cost):
                        self.following[row, 4 * sort + event] = target
                        self.cost[row, 4 * sort + event] = cost
        short = np.array([self._bound - count[0] if self._free else 0 for count in counts])
        few = np.array([least for _, least, *_ in counted]) - np.array([count[2:] for count in counts])
        self.final = np.where(short > 0, price * np.maximum(short, 1), 0.0)
        self.final += (np.where(few > 0, prices, 0.0) * np.maximum(few, 1)).sum(axis=1)

    def _weekend(self, count: int, event: int) -> tuple[int, float]:
        if not self._limited or event == 0 or (event == 2) != self._free:
            return count, 0.0
        if count < self._bound:
            return count + 1, 0.0
        return count, 0.0 if self._free else self._price
