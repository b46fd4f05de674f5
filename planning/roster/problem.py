"""One team's roster as a problem: its shifts, its groups of equal people, and all costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from planning.checks import Floats, Ints, check_settings
from planning.effort import Deadline
from planning.roster.inputs import Person, TeamShifts
from planning.roster.kernels import pattern_cost
from planning.roster.limits import Counts, Days, Limits
from planning.roster.patterns import Start, Timeline, best_patterns
from planning.roster.rules import Rule

_LOWEST = {"pricing_rounds": 1, "dive_rounds": 1, "search_people": 2, "threads": 1}
"""Bounds of the settings that must not be zero."""
CERTAIN = 1e-5
"""Part of a bound that may be rounding in the simplex method."""
OFTEN = 6
"""The most shifts of a cap that pricing counts from the start."""
NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class RosterSettings:
    """Settings of the search for a roster; without a time limit the same settings give the same roster.

    Prices of what nobody is paid for are in hours: `planning.pay.unit_hour` is what an hour costs.
    """

    gap: float = 0.005
    """Stop when the bound proves that at most this share of the objective can still be saved ..."""
    tolerance_h: float = 0.02
    """... or at most this much per person, hours."""
    fair_hour_h: float = 0.2
    """Price of a squared hour away from the even share of the hours, per contract hour."""
    fair_night_h: float = 0.08
    """Price of a squared night shift away from the even share, last month's nights included."""
    fair_weekend_h: float = 0.12
    """Price of a squared weekend away from the even share, last month's included."""
    fair_late_h: float = 0.02
    """Price of a squared late shift away from the even share."""
    pricing_rounds: int = 150
    """The most rounds of pricing before the dive."""
    smooth: float = 0.85
    """Weight of the best prices so far in the smoothed prices."""
    dive_rounds: int = 5
    """The most rounds of pricing between two steps of the dive."""
    dive_step: float = 0.06
    """Smallest share of the people that a step of the dive schedules; at 0, the best, one at a time."""
    nearly_whole: float = 0.7
    """Share of a schedule from which the dive assigns it together with others."""
    exchanges: int = 20_000
    """Exchanges of days that are tried for each person, to share burdens fairly."""
    searches: int = 60
    """The most searches for better schedules of a few people at once."""
    search_people: int = 8
    """People who get new schedules in the first searches; more if these find nothing."""
    threads: int = 2
    """Threads of the pricing; the roster does not depend on them."""
    seed: int = 1
    """Seed of the exchanges and searches."""
    time_limit_s: float | None = None
    """Wall time after which the best roster so far is returned, seconds; a first one is made in any case."""

    def __post_init__(self) -> None:
        check_settings(self, _LOWEST)


@dataclass(frozen=True)
class Clock:
    """Reports the progress of a search, and ends it when its time is up."""

    deadline: Deadline
    tell: Callable[[str], None] = lambda _: None

    def __call__(self, text: str) -> None:
        """Pass on a text, unless the time is up."""
        self.deadline.check()
        self.tell(text)


@dataclass(frozen=True, eq=False)
class Group:
    """People of one team who may work the same."""

    members: tuple[Person, ...]
    limits: Limits

    @property
    def batch(self) -> tuple[object, ...]:
        """A key shared by groups whose best schedules one batch can find."""
        limits = self.limits
        work = (limits.banned.tobytes(), limits.prices.tobytes(), limits.rest_s.tobytes())
        # If hours are required, the units left over at the end tell whether there are enough.
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
    """A burden to share fairly: how much of it each shift counts, and each person's even share."""

    name: str
    money: float
    counts: Ints
    """1 for each shift that is part of the burden; with `by_weekend`, the number of its weekend or -1."""
    by_weekend: bool
    even: dict[str, float]
    """Even share of each person, less what they carried last month."""

    def carried(self, pattern: Ints) -> int:
        """Count the burden of a schedule."""
        marks = self.counts[pattern]
        return len(np.unique(marks[marks >= 0])) if self.by_weekend else int(marks.sum())

    def cost(self, person: Person, pattern: Ints) -> float:
        """Price of the distance from the even share."""
        even = self.even.get(person.agent_id)
        return 0.0 if even is None else self.money * (self.carried(pattern) - even) ** 2


@dataclass(frozen=True, eq=False)
class Problem:
    """One team's roster: its shifts, its groups, and all costs."""

    team_shifts: TeamShifts
    groups: tuple[Group, ...]
    settings: RosterSettings
    unmet_cost: Floats
    """Price of a missing head on each shift, shape (shifts,)."""
    idle_cost_h: float = 0.0
    """Price of an hour of the norm that is not worked."""
    surplus_cost: Floats | None = None
    """Price of an extra head on each shift, shape (shifts,); None allows no extra heads."""
    hour_cost: float = 1.0
    """What an hour costs in which the settings' prices are counted."""

    @cached_property
    def timeline(self) -> Timeline:
        """The timeline of pricing; all groups have the same rests, because they have the same rules."""
        limits, exact = self.groups[0].limits, any(group.limits.least_h > 0 for group in self.groups)
        return Timeline(self.team_shifts, limits.rest_s, limits.weekly_rest[0], exact)

    @cached_property
    def missing_cost(self) -> Floats:
        """Cost of a missing head: its price, plus the hours that somebody is then idle, shape (shifts,)."""
        return self.unmet_cost + self.idle_cost_h * self.team_shifts.paid_h

    @cached_property
    def base_cost(self) -> float:
        """Idle pay if no head is missing: equal in every roster, so it is not in a schedule's cost."""
        if not self.idle_cost_h:
            return 0.0
        hours = sum(group.limits.most_h * len(group.members) for group in self.groups)
        return self.idle_cost_h * (hours - self.wanted_h)

    @cached_property
    def sizes(self) -> Ints:
        """People of each group, shape (groups,)."""
        return np.array([len(group.members) for group in self.groups], dtype=np.int64)

    def tolerance(self, objective: float) -> float:
        """Amount of money too small to justify a search."""
        return max(
            self.settings.gap * objective, self._money(self.settings.tolerance_h) * float(self.sizes.sum())
        )

    def _money(self, hours: float) -> float:
        """Price of some hours, without the last bits of a product."""
        return round(hours * self.hour_cost, 9)

    def is_close(self, objective: float, bound: float, share: float = 1.0) -> bool:
        """Tell whether at most (a share of) the tolerance of the settings can still be saved."""
        within = objective - self.certified(bound) <= share * self.tolerance(objective)
        return bool(np.isfinite(objective) and within)

    def is_enough(self, schedules: Sequence[Schedule], bound: float) -> bool:
        """Tell whether column generation can save no more above its bound.

        The bound excludes the burdens and the prices of irregular weeks, at least 0. If there are burdens, it
        stops as soon as no head is missing, or the bound proves that no head fewer can be.
        """
        if self.is_close(self.seen(schedules), bound):
            return True
        missing = missing_heads(self, schedules) > 0
        if not any(burden.money for burden in self.burdens):
            return False
        left = self.seen(schedules) - self.certified(bound)
        return not missing.any() or bool(left < self.missing_cost[missing].min())

    @cached_property
    def whole(self) -> bool:
        """Whether the cost of every roster is a whole number, so that bounds may be rounded up."""
        prices: list[Any] = [self.missing_cost, self.base_cost, self.burden_bound, *self.final]
        prices += [] if self.surplus_cost is None else [self.surplus_cost]
        prices += [group.limits.prices for group in self.groups]
        prices += [self.unrested, *(days.cost for days in self.days)]
        prices += [group.limits.weekends[1] for group in self.groups]
        prices += [group.limits.week_days[1] for group in self.groups]
        prices += [group.limits.split_weekend for group in self.groups]
        prices += [price for group in self.groups for *_, price in group.limits.counted]
        prices += [burden.money for burden in self.burdens]
        amounts = np.concatenate([np.ravel(price) for price in prices])
        return bool((amounts[np.isfinite(amounts)] % 1 == 0).all())

    @cached_property
    def unrested(self) -> float:
        """Price of a week without its long rest; the same for everybody."""
        return self.groups[0].limits.weekly_rest[1]

    def certified(self, bound: float) -> float:
        """The smallest cost of a roster at or above a bound."""
        return float(np.ceil(bound - CERTAIN)) if self.whole else bound

    @cached_property
    def caps(self) -> Ints:
        """The most paid units in the horizon, shape (groups,)."""
        return np.array([self.timeline.cap(group.limits.most_h) for group in self.groups], dtype=np.int64)

    @cached_property
    def batches(self) -> tuple[tuple[int, ...], ...]:
        """Groups that share a batch of the pricing."""
        found: dict[tuple[object, ...], list[int]] = {}
        for number, group in enumerate(self.groups):
            found.setdefault(group.batch, []).append(number)
        return tuple(tuple(groups) for groups in found.values())

    @cached_property
    def days(self) -> tuple[Days, ...]:
        """The automaton of the days for each batch."""
        return self._automata(lambda limits: limits)

    @cached_property
    def priced_days(self) -> tuple[Days, ...]:
        """What pricing knows of it."""
        return self._automata(lambda limits: limits.priced)

    def _automata(self, known: Callable[[Limits], Limits]) -> tuple[Days, ...]:
        """Build an automaton for each batch; those with the same rules share one."""
        limits = [self.groups[groups[0]].limits for groups in self.batches]
        people: dict[tuple[object, ...], list[Person]] = {}
        for each, groups in zip(limits, self.batches, strict=True):
            people.setdefault(each.day_rules, []).extend(self.groups[group].members[0] for group in groups)
        team_shifts = self.team_shifts
        made = {
            each.day_rules: Days(
                known(each),
                team_shifts.letters,
                people[each.day_rules],
                kinds=team_shifts.kinds,
                weekend_days=team_shifts.weekend_days,
            )
            for each in {each.day_rules: each for each in limits}.values()
        }
        return tuple(made[each.day_rules] for each in limits)

    @cached_property
    def counts(self) -> tuple[Counts, ...]:
        """The automaton of the counts for each batch."""
        limits = [self.groups[groups[0]].limits for groups in self.batches]
        return tuple(Counts(each, range(len(each.counted))) for each in limits)

    @cached_property
    def _counts_with(self) -> Callable[[int, tuple[int, ...], bool], Counts]:
        return cache(
            lambda batch, caps, weekly: Counts(
                self.groups[self.batches[batch][0]].limits, caps, weekly=weekly
            )
        )

    @cached_property
    def batch_of(self) -> dict[int, int]:
        """Batch of each group."""
        return {group: number for number, groups in enumerate(self.batches) for group in groups}

    @cached_property
    def final(self) -> tuple[Floats, ...]:
        """Cost by number of units left over, for each batch: the distance from the even share."""
        return tuple(self._final(groups) for groups in self.batches)

    def _final(self, groups: tuple[int, ...]) -> Floats:
        unit_h, norm_h = self.timeline.unit_min / 60, float(self.team_shifts.norms[:2].sum(axis=1).max())
        caps = self.caps[list(groups)]
        left_h = np.arange(caps.max() + 1) * unit_h
        contract_h = self.groups[groups[0]].members[0].contract_h_week
        share = contract_h * norm_h / self.team_shifts.week_h
        even_h = self.spare_part * share
        cost = self._money(self.settings.fair_hour_h) * (left_h - even_h) ** 2 / max(share, 1.0)
        least = self.groups[groups[0]].limits.least_h
        if least > 0:
            cost = np.where(left_h > caps.min() * unit_h - least + 1e-9, np.inf, cost)
        return np.asarray(cost + self.groups[groups[0]].limits.fixed)

    @cached_property
    def spare_part(self) -> float:
        """Share of everybody's hours that the shifts do not need."""
        wanted = self.wanted_h
        there = float((self.caps * self.sizes).sum()) * self.timeline.unit_min / 60
        return max(1.0 - wanted / there, 0.0) if there else 0.0

    def cost(self, group: int, pattern: Ints) -> float:
        """Cost of one person's pattern without burdens; inf if it is not lawful."""
        return self._walked(group, pattern, self.days, weekly=True)

    def priced_cost(self, group: int, pattern: Ints) -> float:
        """The part of it that pricing knows (`Limits.priced`)."""
        weekly = bool(np.isinf(self.groups[group].limits.week_days[1]))
        return self._walked(group, pattern, self.priced_days, weekly=weekly)

    def _walked(self, group: int, pattern: Ints, automata: Sequence[Days], *, weekly: bool) -> float:
        """Walk along a pattern."""
        batch, limits = self.batch_of[group], self.groups[group].limits
        counted_cost = limits.count_cost(pattern)
        if np.isinf(counted_cost):
            return np.inf
        days, counts, person = (
            automata[batch],
            self._counts_with(batch, (), weekly),
            self.groups[group].members[0],
        )
        team_shifts, before = self.team_shifts, person.carry_over.last_end
        opens = int(team_shifts.midnights[0])
        return counted_cost + float(
            pattern_cost(
                pattern, team_shifts.start, team_shifts.end, team_shifts.day, team_shifts.letter, counts.sort,
                self.timeline.rest_s,
                limits.banned, limits.prices, self.timeline.units, self.final[batch], self._week_bounds,
                team_shifts.first, len(team_shifts.midnights) - 1, days.starts[person.agent_id],
                int(self.caps[group]),
                limits.opens, opens if before is None else before, *limits.weekly_rest, days.following,
                days.cost,
                days.worked, counts.following, counts.cost, counts.final,
            )
        )  # fmt: skip

    @cached_property
    def _week_bounds(self) -> Ints:
        return np.ascontiguousarray(self.team_shifts.week_bounds)

    def price(self, duals: Floats, residual: Ints, groups: Ints) -> tuple[Floats, list[tuple[int, Ints]]]:
        """Find the best patterns of some groups.

        Returns
        -------
        worth : ndarray
            Duals less cost of each group's best pattern, shape (given groups,).
        columns : list of (group, pattern)
        """
        asked = set(groups.tolist())
        jobs = [
            (batch, [c for c in members if c in asked])
            for batch, members in enumerate(self.batches)
            if not asked.isdisjoint(members)
        ]
        if self.settings.threads == 1 or len(jobs) == 1:
            parts = [self._price_batch(duals, residual, *job) for job in jobs]
        else:
            with ThreadPoolExecutor(self.settings.threads) as pool:
                parts = list(pool.map(lambda job: self._price_batch(duals, residual, *job), jobs))
        worth: dict[int, float] = {}
        columns: dict[int, Ints] = {}
        for (_, members), (value, patterns) in zip(jobs, parts, strict=True):
            worth |= dict(zip(members, value.tolist(), strict=True))
            columns |= dict(zip(members, patterns, strict=True))
        order = groups.tolist()
        return np.array([worth[c] for c in order]), [(c, columns[c]) for c in order]

    def _price_batch(
        self, duals: Floats, residual: Ints, batch: int, groups: Sequence[int]
    ) -> tuple[Floats, list[Ints]]:
        limits, days = self.groups[groups[0]].limits, self.priced_days[batch]
        worth = self._worth(limits, duals, residual)
        starts = [self._start(group) for group in groups]
        # Least counts and tight caps are counted from the start.
        caps = tuple(
            number
            for number, (_, least, most, _) in enumerate(limits.counted)
            if least or (most is not None and most <= OFTEN)
        )
        weekly = False
        while True:
            value, patterns = best_patterns(
                self.timeline, days, self._counts_with(batch, caps, weekly), worth, self.final[batch], starts,
                unrested=limits.weekly_rest[1],
            )  # fmt: skip
            # Few patterns come close to a wide cap, or to the bound of a week, so these are counted only once
            # one does. A group without a lawful pattern gets an empty one of value -inf.
            broken, long = set(limits.broken(patterns)), limits.priced.has_long_week(patterns)
            if broken <= set(caps) and long <= weekly:
                return value, patterns
            caps, weekly = tuple(sorted({*caps, *broken})), weekly or long

    def _worth(self, limits: Limits, duals: Floats, residual: Ints) -> Floats:
        """Value of each shift for a person, -inf if it is closed to them, shape (shifts,)."""
        closed = limits.banned | (residual <= 0) if self.surplus_cost is None else limits.banned
        return np.where(closed, -np.inf, duals - limits.prices)

    def _start(self, group: int) -> Start:
        """The beginnings of a group's schedules."""
        person, limits = self.groups[group].members[0], self.groups[group].limits
        state = self.priced_days[self.batch_of[group]].starts[person.agent_id]
        return Start(person, state, int(self.caps[group]), limits.opens)

    @cached_property
    def burdens(self) -> tuple[Burden, ...]:
        """The burdens: nights, weekends and late ends, with everybody's even share."""
        team_shifts, settings = self.team_shifts, self.settings
        night = (team_shifts.kind == team_shifts.night_kind).astype(np.int64)
        late_kind = team_shifts.kinds.index("late") if "late" in team_shifts.kinds else -1
        late = (team_shifts.kind == late_kind).astype(np.int64)
        weekend = np.where(team_shifts.weekend, team_shifts.week, -1)
        heads = team_shifts.headcount
        nights, lates = (float((each * heads).sum()) for each in (night, late))
        worked_weekends = float(heads[weekend >= 0].sum()) / team_shifts.weekend_days
        return (
            self._burden("nights", self._money(settings.fair_night_h), night, False, nights),
            self._burden("weekends", self._money(settings.fair_weekend_h), weekend, True, worked_weekends),
            self._burden("late shifts", self._money(settings.fair_late_h), late, False, lates),
        )

    def _burden(self, name: str, money: float, counts: Ints, by_weekend: bool, total: float) -> Burden:
        """Divide a total by the hours of those who may carry any of it."""
        marked = counts >= 0 if by_weekend else counts > 0
        able = [
            (person, float(self.caps[number]))
            for number, group in enumerate(self.groups)
            for person in group.members
            if bool((marked & ~group.limits.banned).any())
        ]
        before = {"nights": "nights_before", "weekends": "weekends_before"}.get(name)
        past = {p.agent_id: getattr(p.carry_over, before) if before else 0 for p, _ in able}
        hours, everything = sum(hours for _, hours in able), total + sum(past.values())
        even = {p.agent_id: everything * h / hours - past[p.agent_id] for p, h in able} if hours else {}
        return Burden(name, money, counts, by_weekend, even)

    @cached_property
    def wanted_h(self) -> float:
        """Paid hours of all shifts."""
        return float((self.team_shifts.paid_h * self.team_shifts.headcount).sum())

    @cached_property
    def burden_bound(self) -> float:
        """Least cost of the burdens in any roster, given last month and whole numbers."""
        return sum(_least_unfair(burden, self.team_shifts.headcount) for burden in self.burdens)

    @cached_property
    def least_cost(self) -> float:
        """Lower bound of the cost of any roster, before any search."""
        if not self.groups:
            return float((self.team_shifts.headcount * self.unmet_cost).sum())
        return self.base_cost + self.burden_bound

    def assigned(self, patterns: Iterable[tuple[Person, Ints]]) -> list[Schedule]:
        """Find the group of each of some people."""
        group_of = {p.agent_id: number for number, group in enumerate(self.groups) for p in group.members}
        return [Schedule(group_of[person.agent_id], person, pattern) for person, pattern in patterns]

    def schedule_cost(self, schedule: Schedule) -> float:
        """Cost of a schedule, including burdens."""
        return self.cost(schedule.group, schedule.pattern) + self.burden_cost(
            schedule.person, schedule.pattern
        )

    def burden_cost(self, person: Person, pattern: Ints) -> float:
        """Price of a person's distance from the even shares."""
        return sum(burden.cost(person, pattern) for burden in self.burdens)

    def objective(self, schedules: Sequence[Schedule]) -> float:
        """Cost of a team's roster, from the schedules themselves."""
        return self.seen(schedules) + sum(
            self.schedule_cost(schedule) - self.priced_cost(schedule.group, schedule.pattern)
            for schedule in schedules
        )

    def seen(self, schedules: Sequence[Schedule]) -> float:
        """Cost of a team's roster in column generation, without burdens and what pricing does not know."""
        short = missing_heads(self, schedules)
        total = self.base_cost + float((np.maximum(short, 0) * self.missing_cost).sum())
        total += sum(self.priced_cost(schedule.group, schedule.pattern) for schedule in schedules)
        if self.surplus_cost is not None:
            total += float((np.maximum(-short, 0) * self.surplus_cost).sum())
        return total


def _least_unfair(burden: Burden, headcount: Ints) -> float:
    """Assign a burden one by one to the person whom it brings closest to the even share, while that helps.

    Each head at work carries at most one, so no roster assigns more. Gains fall from one to the next, so the
    greedy choice is optimal.
    """
    marked = burden.counts >= 0 if burden.by_weekend else burden.counts > 0
    total = int(headcount[marked].sum())
    even = np.array(list(burden.even.values()))
    gains = np.concatenate([2 * (even - k) - 1 for k in range(int(np.ceil(even.max(initial=0.0))) + 1)])
    gains = np.sort(gains[gains > 0])[::-1][:total]
    return float(burden.money * ((even**2).sum() - gains.sum()))


def groups_of(team_shifts: TeamShifts, people: Iterable[Person], rules: Sequence[Rule]) -> tuple[Group, ...]:
    """Group people to whom the rules leave the same choices."""
    return grouped(limits_of(person, team_shifts, rules) for person in people)


def limits_of(person: Person, team_shifts: TeamShifts, rules: Sequence[Rule]) -> Limits:
    """Record what the rules allow one person."""
    limits = Limits.of(person, team_shifts)
    for rule in rules:
        rule.constrain(limits)
    return limits


def grouped(limits: Iterable[Limits]) -> tuple[Group, ...]:
    """Group people who have the same choices."""
    groups: dict[tuple[object, ...], list[Limits]] = {}
    for each in sorted(limits, key=lambda each: each.person.agent_id):
        groups.setdefault(each.identity, []).append(each)
    return tuple(Group(tuple(each.person for each in group), group[0]) for group in groups.values())


@dataclass(frozen=True, eq=False)
class Schedule:
    """A person, their group, and the shifts that they work."""

    group: int
    person: Person
    pattern: Ints


@dataclass(frozen=True, eq=False)
class TeamRoster:
    """One team's schedules and their bound."""

    schedules: list[Schedule]
    bound: float


def missing_heads(problem: Problem, schedules: Sequence[Schedule]) -> Ints:
    """Count the uncovered heads, shape (shifts,); negative if there are too many."""
    worked = np.concatenate([NOTHING, *(schedule.pattern for schedule in schedules)])
    return problem.team_shifts.headcount - np.bincount(worked, minlength=len(problem.team_shifts))
