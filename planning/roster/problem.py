"""One team's roster as a problem: its shifts, its crews, what everything costs, and what a line earns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from planning.checks import check_settings
from planning.effort import Deadline
from planning.roster.limits import Counts, Days, Limits
from planning.roster.lines import line_cost
from planning.roster.patterns import Start, Timeline, best_patterns, good_patterns
from planning.roster.rules import Rule
from planning.roster.slate import Floats, Ints, Person, Slate

__all__ = [
    "Assignment", "Burden", "Clock", "Crew", "Problem", "RosterSettings", "crews_of", "missing_heads",
]  # fmt: skip


_LOWEST = {"pricing_rounds": 1, "dive_rounds": 1, "repair_people": 2, "threads": 1}
"""Bounds of the settings that must not be zero."""
CERTAIN = 1e-5
"""Roubles of a bound that may be the simplex's rounding."""
OFTEN = 6
"""Most shifts of a cap that pricing counts from the start."""
NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class RosterSettings:
    """How a roster is sought; the same settings without a time limit give the same roster."""

    gap: float = 0.005
    """Stop when the bound proves that no more than this share of the objective can be gained ..."""
    tolerance_cost: float = 10.0
    """... or no more than so many roubles a person."""
    idle_share: float = 1.0
    """Share of the hourly rate that an hour of the contract costs which no shift fills: an assumption."""
    fairness_cost_h: float = 100.0
    """Price of a squared hour away from the even share of the hours, per hour of the contract's."""
    fair_night_cost: float = 40.0
    """Price of a squared night shift away from the even share, last month's nights included."""
    fair_weekend_cost: float = 60.0
    """Price of a squared weekend away from the even share, last month's included."""
    fair_late_cost: float = 10.0
    """Price of a squared late shift away from the even share."""
    pricing_rounds: int = 150
    """Most rounds of pricing before the dive."""
    smooth: float = 0.85
    """Weight of the best prices so far in those that pricing is asked at."""
    dive_rounds: int = 5
    """Most rounds of pricing between two steps of the dive."""
    dive_step: float = 0.06
    """Least part of the people that a step of the dive gives lines to; at 0 one at a time, which is best."""
    nearly_whole: float = 0.7
    """Share of a line from which the dive gives it out together with others, not alone."""
    exchanges: int = 20_000
    """Exchanges of days that are tried for each person, to share burdens fairly."""
    repair_people: int = 5
    """People whose lines are given up and sought anew in one repair."""
    repair_rounds: int = 60
    """Most repairs of a team that is left short."""
    repair_effort: float = 0.15
    """Deterministic seconds of CP-SAT for one repair."""
    searches: int = 0
    """Most searches for better lines of some people at once until the gap is met: in `best_lines` alone."""
    search_people: int = 8
    """People whose lines are sought anew in the first searches; more where these find nothing."""
    search_lines: int = 60
    """Most lines of each of them that are tried together."""
    threads: int = 2
    """Threads of the pricing; the roster does not depend on them."""
    seed: int = 1
    """Seed of the exchanges and repairs."""
    time_limit_s: float | None = None
    """Wall time after which the best roster so far is returned, seconds; a first one is made in any case."""

    def __post_init__(self) -> None:
        check_settings(self, _LOWEST)


@dataclass(frozen=True)
class Clock:
    """Tells how a search goes, and ends it when its time is over."""

    deadline: Deadline
    tell: Callable[[str], None] = lambda _: None

    def __call__(self, text: str) -> None:
        """Pass a text on, in time."""
        self.deadline.check()
        self.tell(text)


@dataclass(frozen=True, eq=False)
class Crew:
    """People of one team who may work the same."""

    members: tuple[Person, ...]
    limits: Limits

    @property
    def sweep(self) -> tuple[object, ...]:
        """What crews share whose best lines one sweep can find."""
        limits = self.limits
        work = (limits.banned.tobytes(), limits.prices.tobytes(), limits.rest_s.tobytes())
        # Where hours are asked, what is left over at the end says whether they are enough.
        hours = (limits.least_h, limits.most_h if limits.least_h > 0 else 0.0)
        return (
            *work,
            limits.fixed,
            *hours,
            self.members[0].contract_h_week,
            limits.day_rules,
            limits.count_rules,
        )


@dataclass(frozen=True, eq=False)
class Burden:
    """Something that is to be shared fairly: how much of it each shift is, and each person's even share."""

    name: str
    money: float
    counts: Ints
    """1 for each shift that is part of the burden; numbers of weekends, -1 for none, if `by_weekend`."""
    by_weekend: bool
    even: dict[str, float]
    """Even share of each person, less what they carried last month."""

    def carried(self, pattern: Ints) -> int:
        """Count the burden of a line."""
        marks = self.counts[pattern]
        return len(np.unique(marks[marks >= 0])) if self.by_weekend else int(marks.sum())

    def cost(self, person: Person, pattern: Ints) -> float:
        """Roubles of the distance from the even share."""
        even = self.even.get(person.agent_id)
        return 0.0 if even is None else self.money * (self.carried(pattern) - even) ** 2


@dataclass(frozen=True, eq=False)
class Problem:
    """One team's roster: its shifts, its crews, and what everything costs."""

    slate: Slate
    crews: tuple[Crew, ...]
    settings: RosterSettings
    unmet_cost: Floats
    """Price of a missing head on each shift, shape (shifts,)."""
    idle_cost_h: float = 0.0
    """Price of an hour of the norm that is not worked."""
    surplus_cost: Floats | None = None
    """Price of a head too many on each shift, shape (shifts,); None lets nobody be too many."""

    @cached_property
    def timeline(self) -> Timeline:
        """Time as pricing sees it; the crews' rests are the same, since the rules are."""
        limits, exact = self.crews[0].limits, any(crew.limits.least_h > 0 for crew in self.crews)
        return Timeline(self.slate, limits.rest_s, limits.weekly_rest[0], exact)

    @cached_property
    def missing_cost(self) -> Floats:
        """What a missing head costs: its price, and the hours that somebody is then idle, shape (shifts,)."""
        return self.unmet_cost + self.idle_cost_h * self.slate.paid_h

    @cached_property
    def base_cost(self) -> float:
        """Idle pay if no head is missing: the same whoever works what, so no line's cost holds it."""
        if not self.idle_cost_h:
            return 0.0
        hours = sum(crew.limits.most_h * len(crew.members) for crew in self.crews)
        return self.idle_cost_h * (hours - float(self.slate.paid_h @ self.slate.headcount))

    @cached_property
    def sizes(self) -> Ints:
        """People of each crew, shape (crews,)."""
        return np.array([len(crew.members) for crew in self.crews], dtype=np.int64)

    def tolerance(self, objective: float) -> float:
        """Roubles that are not worth a search."""
        return max(self.settings.gap * objective, self.settings.tolerance_cost * float(self.sizes.sum()))

    def is_close(self, objective: float, bound: float, share: float = 1.0) -> bool:
        """Tell whether there is no more to gain than (a share of) what the settings tolerate."""
        within = objective - self.certified(bound) <= share * self.tolerance(objective)
        return bool(np.isfinite(objective) and within)

    @cached_property
    def whole(self) -> bool:
        """Whether every roster costs whole roubles, so that bounds may be rounded up."""
        prices: list[Any] = [self.missing_cost, self.base_cost, self.burden_bound, *self.final]
        prices += [] if self.surplus_cost is None else [self.surplus_cost]
        prices += [crew.limits.prices for crew in self.crews]
        prices += [self.unrested, *(days.cost for days in self.days)]
        prices += [crew.limits.weekends[1] for crew in self.crews]
        prices += [price for crew in self.crews for *_, price in crew.limits.counted]
        prices += [burden.money for burden in self.burdens]
        amounts = np.concatenate([np.ravel(price) for price in prices])
        return bool((amounts[np.isfinite(amounts)] % 1 == 0).all())

    @cached_property
    def unrested(self) -> float:
        """Price of a week without its rest; the same for everybody."""
        return self.crews[0].limits.weekly_rest[1]

    def certified(self, bound: float) -> float:
        """The least that a roster can cost above a bound."""
        return float(np.ceil(bound - CERTAIN)) if self.whole else bound

    @cached_property
    def caps(self) -> Ints:
        """Most paid units of the horizon, shape (crews,)."""
        return np.array([self.timeline.cap(crew.limits.most_h) for crew in self.crews], dtype=np.int64)

    @cached_property
    def sweeps(self) -> tuple[tuple[int, ...], ...]:
        """Crews that share a sweep of the pricing."""
        found: dict[tuple[object, ...], list[int]] = {}
        for number, crew in enumerate(self.crews):
            found.setdefault(crew.sweep, []).append(number)
        return tuple(tuple(crews) for crews in found.values())

    @cached_property
    def days(self) -> tuple[Days, ...]:
        """What the rules remember of the days, for each sweep; people of one sweep share it."""
        return tuple(
            Days(self.crews[crews[0]].limits, self.slate.kinds, [self.crews[c].members[0] for c in crews])
            for crews in self.sweeps
        )

    @cached_property
    def counts(self) -> tuple[Counts, ...]:
        """What is counted for each sweep."""
        limits = [self.crews[crews[0]].limits for crews in self.sweeps]
        return tuple(Counts(each, range(len(each.counted))) for each in limits)

    @cached_property
    def _counts_with(self) -> Callable[[int, tuple[int, ...]], Counts]:
        return cache(lambda sweep, caps: Counts(self.crews[self.sweeps[sweep][0]].limits, caps))

    @cached_property
    def sweep_of(self) -> dict[int, int]:
        """Sweep of each crew."""
        return {crew: number for number, crews in enumerate(self.sweeps) for crew in crews}

    @cached_property
    def final(self) -> tuple[Floats, ...]:
        """Cost of so many units left over, for each sweep: distance from the even share."""
        return tuple(self._final(crews) for crews in self.sweeps)

    def _final(self, crews: tuple[int, ...]) -> Floats:
        unit_h, norm_h = self.timeline.unit_min / 60, float(self.slate.norms.sum())
        caps = self.caps[list(crews)]
        left_h = np.arange(caps.max() + 1) * unit_h
        share = self.crews[crews[0]].members[0].contract_h_week * norm_h / 40.0
        even_h = self.spare_part * share
        cost = self.settings.fairness_cost_h * (left_h - even_h) ** 2 / max(share, 1.0)
        least = self.crews[crews[0]].limits.least_h
        if least > 0:
            cost = np.where(left_h > caps.min() * unit_h - least + 1e-9, np.inf, cost)
        return np.asarray(cost + self.crews[crews[0]].limits.fixed)

    @cached_property
    def spare_part(self) -> float:
        """Part of everybody's hours that the shifts do not need."""
        wanted = float(self.slate.paid_h @ self.slate.headcount)
        there = float(self.caps @ self.sizes) * self.timeline.unit_min / 60
        return max(1.0 - wanted / there, 0.0) if there else 0.0

    def cost(self, crew: int, pattern: Ints) -> float:
        """Roubles of one person's pattern, burdens left out; inf if it is not lawful."""
        sweep, limits = self.sweep_of[crew], self.crews[crew].limits
        counted_cost = limits.count_cost(pattern)
        if np.isinf(counted_cost):
            return np.inf
        days, counts, person = self.days[sweep], self._counts_with(sweep, ()), self.crews[crew].members[0]
        slate, before = self.slate, person.tail.last_end
        opens = int(slate.midnights[0])
        return counted_cost + float(
            line_cost(
                pattern, slate.start, slate.end, slate.day, slate.kind, counts.sort, self.timeline.rest_s,
                limits.banned, limits.prices, self.timeline.units, self.final[sweep], self._week_bounds,
                slate.first, len(slate.midnights) - 1, days.starts[person.agent_id], int(self.caps[crew]),
                limits.opens, opens if before is None else before, *limits.weekly_rest, days.following,
                days.cost,
                days.worked, counts.following, counts.cost, counts.final,
            )
        )  # fmt: skip

    @cached_property
    def _week_bounds(self) -> Ints:
        return np.ascontiguousarray(self.slate.week_bounds)

    def price(self, duals: Floats, residual: Ints, crews: Ints) -> tuple[Floats, list[tuple[int, Ints]]]:
        """Find the best pattern of some crews.

        Returns
        -------
        worth : ndarray
            Duals less cost of each crew's best pattern, shape (crews asked for,).
        columns : list of (crew, pattern)
        """
        asked = set(crews.tolist())
        jobs = [
            (sweep, [c for c in members if c in asked])
            for sweep, members in enumerate(self.sweeps)
            if not asked.isdisjoint(members)
        ]
        if self.settings.threads == 1 or len(jobs) == 1:
            parts = [self._price_sweep(duals, residual, *job) for job in jobs]
        else:
            with ThreadPoolExecutor(self.settings.threads) as pool:
                parts = list(pool.map(lambda job: self._price_sweep(duals, residual, *job), jobs))
        worth: dict[int, float] = {}
        columns: dict[int, Ints] = {}
        for (_, members), (value, patterns) in zip(jobs, parts, strict=True):
            worth |= dict(zip(members, value.tolist(), strict=True))
            columns |= dict(zip(members, patterns, strict=True))
        order = crews.tolist()
        return np.array([worth[c] for c in order]), [(c, columns[c]) for c in order]

    def _price_sweep(
        self, duals: Floats, residual: Ints, sweep: int, crews: Sequence[int]
    ) -> tuple[Floats, list[Ints]]:
        limits, days = self.crews[crews[0]].limits, self.days[sweep]
        worth = self._worth(limits, duals, residual)
        starts = [self._start(crew) for crew in crews]
        caps = _tight(limits)
        while True:
            value, patterns = best_patterns(
                self.timeline, days, self._counts_with(sweep, caps), worth, self.final[sweep], starts,
                unrested=limits.weekly_rest[1],
            )  # fmt: skip
            # Few lines come near a wide cap, so it is counted only once they do; who has no lawful line at
            # all is given an empty one of worth -inf.
            broken = set(limits.broken(patterns))
            if broken <= set(caps):
                return value, patterns
            caps = tuple(sorted({*caps, *broken}))

    def _worth(self, limits: Limits, duals: Floats, residual: Ints) -> Floats:
        """What each shift earns a person, -inf where it is closed to them, shape (shifts,)."""
        closed = limits.banned | (residual <= 0) if self.surplus_cost is None else limits.banned
        return np.where(closed, -np.inf, duals - limits.prices)

    def _start(self, crew: int) -> Start:
        """Where the lines of a crew begin."""
        person, limits = self.crews[crew].members[0], self.crews[crew].limits
        state = self.days[self.sweep_of[crew]].starts[person.agent_id]
        return Start(person, state, int(self.caps[crew]), limits.opens)

    def good(
        self, duals: Floats, residual: Ints, crew: int, least: float, most: int
    ) -> tuple[list[Ints], bool]:
        """Find a crew's patterns of at least some worth, no more than so many, and whether these are all."""
        sweep, limits = self.sweep_of[crew], self.crews[crew].limits
        patterns, whole = good_patterns(
            self.timeline, self.days[sweep], self._counts_with(sweep, _tight(limits)),
            self._worth(limits, duals, residual), self.final[sweep], self._start(crew),
            unrested=limits.weekly_rest[1], least=least, most=most,
        )  # fmt: skip
        return [pattern for pattern in patterns if np.isfinite(limits.count_cost(pattern))], whole

    @cached_property
    def burdens(self) -> tuple[Burden, ...]:
        """Nights, weekends and late ends, with everybody's even share."""
        slate, settings = self.slate, self.settings
        night = (slate.kind == slate.night_kind).astype(np.int64)
        late_kind = slate.kinds.index("late") if "late" in slate.kinds else -1
        weekend = np.where(slate.day % 7 >= 5, slate.week, -1)
        heads = slate.headcount
        worked_weekends = float(heads[weekend >= 0].sum()) / 2
        return (
            self._burden("nights", settings.fair_night_cost, night, False, float(night @ heads)),
            self._burden("weekends", settings.fair_weekend_cost, weekend, True, worked_weekends),
            self._burden(
                "late shifts", settings.fair_late_cost, (slate.kind == late_kind).astype(np.int64), False,
                float((slate.kind == late_kind) @ heads),
            ),
        )  # fmt: skip

    def _burden(self, name: str, money: float, counts: Ints, by_weekend: bool, total: float) -> Burden:
        """Share a total out by the hours of those who may carry any of it."""
        marked = counts >= 0 if by_weekend else counts > 0
        able = [
            (person, float(self.caps[number]))
            for number, crew in enumerate(self.crews)
            for person in crew.members
            if bool((marked & ~crew.limits.banned).any())
        ]
        before = {"nights": "nights_before", "weekends": "weekends_before"}.get(name)
        past = {p.agent_id: getattr(p.tail, before) if before else 0 for p, _ in able}
        hours, everything = sum(hours for _, hours in able), total + sum(past.values())
        even = {p.agent_id: everything * h / hours - past[p.agent_id] for p, h in able} if hours else {}
        return Burden(name, money, counts, by_weekend, even)

    @cached_property
    def burden_bound(self) -> float:
        """Roubles of the burdens that no roster can be below: history weighs, and people are whole."""
        return sum(_least_unfair(burden, self.slate.headcount) for burden in self.burdens)

    @cached_property
    def least_cost(self) -> float:
        """Roubles that no roster can be below, before any search."""
        if not self.crews:
            return float(self.slate.headcount @ self.unmet_cost)
        return self.base_cost + self.burden_bound

    def line_cost(self, line: Assignment) -> float:
        """Roubles of a line, burdens included."""
        return self.cost(line.crew, line.pattern) + self.burden_cost(line.person, line.pattern)

    def burden_cost(self, person: Person, pattern: Ints) -> float:
        """Roubles of a person's distance from the even shares."""
        return sum(burden.cost(person, pattern) for burden in self.burdens)

    def objective(self, lines: Sequence[Assignment]) -> float:
        """Roubles of a team's roster, from the lines themselves."""
        short = missing_heads(self, lines)
        total = self.base_cost + float(np.maximum(short, 0) @ self.missing_cost)
        total += sum(self.line_cost(line) for line in lines)
        if self.surplus_cost is not None:
            total += float(np.maximum(-short, 0) @ self.surplus_cost)
        return total


def _tight(limits: Limits) -> tuple[int, ...]:
    """Bounds of counts that pricing keeps from the start, by number: least counts and tight caps."""
    return tuple(
        number
        for number, (_, least, most, _) in enumerate(limits.counted)
        if least or (most is not None and most <= OFTEN)
    )


def _least_unfair(burden: Burden, headcount: Ints) -> float:
    """Give a burden out one by one to whom it brings nearest to the even share, while that helps.

    A head at work carries at most one, so that no roster gives out more; gains fall from one to the next,
    so that the greedy choice is the best one.
    """
    marked = burden.counts >= 0 if burden.by_weekend else burden.counts > 0
    total = int(headcount[marked].sum())
    even = np.array(list(burden.even.values()))
    gains = np.concatenate([2 * (even - k) - 1 for k in range(int(np.ceil(even.max(initial=0.0))) + 1)])
    gains = np.sort(gains[gains > 0])[::-1][:total]
    return float(burden.money * ((even**2).sum() - gains.sum()))


def crews_of(
    slate: Slate,
    people: Sequence[Person],
    rules: Sequence[Rule],
    adjust: Callable[[Limits], None] = lambda _: None,
) -> tuple[Crew, ...]:
    """Group people whom the rules, and what is adjusted after them, leave the same choice."""
    crews: dict[tuple[object, ...], list[tuple[Person, Limits]]] = {}
    for person in sorted(people, key=lambda person: person.agent_id):
        limits = Limits(person, slate)
        for rule in rules:
            rule.constrain(limits)
        adjust(limits)
        crews.setdefault(limits.identity, []).append((person, limits))
    return tuple(Crew(tuple(p for p, _ in crew), crew[0][1]) for crew in crews.values())


@dataclass(frozen=True, eq=False)
class Assignment:
    """A person, their crew, and the shifts that they work."""

    crew: int
    person: Person
    pattern: Ints


def missing_heads(problem: Problem, lines: Sequence[Assignment]) -> Ints:
    """Count the heads that no line covers, shape (shifts,); negative where there are too many."""
    worked = np.concatenate([NOTHING, *(line.pattern for line in lines)])
    return problem.slate.headcount - np.bincount(worked, minlength=len(problem.slate))
