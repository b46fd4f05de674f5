"""The contact centre as data: sites, queues, teams, targets, overflow, pay and labour rules.

A `Centre` is frozen and is read from a TOML file. Nothing else in the package holds a figure about the
centre, so a what-if is a `Centre.replace` and nothing more.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    model_validator,
)

from planning.centre.settings import NotNegative, Positive, Settings, Share
from planning.centre.systems import Systems
from planning.errors import PlanningError
from planning.queueing.target import Target

__all__ = [
    "Alternatives",
    "CallRecords",
    "Centre",
    "Labour",
    "Norm",
    "Overflow",
    "Pay",
    "Queue",
    "Shape",
    "ShiftRules",
    "Site",
    "Target",
    "Team",
    "ThirdSite",
]

DAY = timedelta(days=1)


def _clock(value: object) -> object:
    """Turn "22:00" into the time since local midnight; "24:00" is the end of the day."""
    if not isinstance(value, str):
        return value
    hours, _, minutes = value.partition(":")
    if not (len(minutes) == 2 and hours.isdecimal() and minutes.isdecimal() and int(minutes) < 60):
        raise ValueError('must be a time of day such as "08:00" or "24:00"')
    return timedelta(hours=int(hours), minutes=int(minutes))


def clock_text(value: timedelta) -> str:
    """Write a time of day as a planner does.

    Examples
    --------
    >>> clock_text(timedelta(hours=22))
    '22:00'
    """
    minutes = int(value.total_seconds()) // 60
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError('must be an IANA time zone such as "Europe/Moscow"') from None
    return value


Clock = Annotated[
    timedelta,
    BeforeValidator(_clock),
    Field(ge=timedelta(0), le=DAY),
    PlainSerializer(clock_text, when_used="json"),
]
Zone = Annotated[str, AfterValidator(_zone)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _target(value: object) -> object:
    """Make a target of a table; a part that the table leaves out is not asked."""
    if not isinstance(value, Mapping):
        return value
    names = [field.name for field in fields(Target)]
    unknown = set(value) - set(names)
    if unknown:
        raise ValueError(f"{unknown.pop()} is no part of a target: use {', '.join(names)}")
    return Target(**{"service_level": None, **value})


class Site(Settings):
    """A building where agents sit, with its opening hours on the centre's clock."""

    opens: Clock = timedelta(0)
    """First minute that the site answers calls."""
    closes: Clock = DAY
    """Minute from which the site answers no more; "24:00" is the end of the day."""
    ahead_h: Annotated[float, Field(ge=-24, le=24)] = 0.0
    """Hours by which the site's own clock is ahead of the centre's; night hours are counted on it."""
    seats: Annotated[int, Field(ge=0)] | None = None
    """Workplaces of the site; None where they are no limit."""

    @model_validator(mode="after")
    def _closes_after_opening(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError(
                f"closes is {clock_text(self.closes)}, must lie after opens {clock_text(self.opens)}: "
                'use "24:00" for the end of the day and an overflow rule for the night'
            )
        return self

    def is_open(self, time_of_day: timedelta) -> bool:
        """Tell whether the site answers at a time of day on the centre's clock."""
        return self.opens <= time_of_day < self.closes


class Shape(Settings):
    """The form of a duration's law; its mean stands elsewhere and the form is scaled to it."""

    law: Literal["exponential", "lognormal", "deterministic", "empirical"]
    """Family of the law."""
    cv: Positive | None = None
    """Coefficient of variation, of a lognormal law only."""
    quantiles_s: Annotated[list[NotNegative], Field(min_length=2)] | None = None
    """Rising quantiles at equal steps from the least to the greatest, of an empirical law only."""

    @model_validator(mode="after")
    def _has_its_numbers(self) -> Self:
        if (self.cv is None) == (self.law == "lognormal"):
            raise ValueError(f"cv is {self.cv}, law is {self.law}: give cv for a lognormal law and no other")
        if (self.quantiles_s is None) == (self.law == "empirical"):
            raise ValueError(
                f"quantiles_s is {self.quantiles_s}, law is {self.law}: give them for an empirical law and "
                "no other"
            )
        quantiles = self.quantiles_s or [1.0]
        if sorted(quantiles) != quantiles or not sum(quantiles) > 0:
            raise ValueError(f"quantiles_s is {quantiles}, must rise and not all be 0: sort them")
        return self


class Queue(Settings):
    """A kind of work that waits for an agent: calls, or work that may wait (no service level asked)."""

    sites: dict[str, Share]
    """Share of the queue's calls whose home is each site; must add up to 1."""
    target: Annotated[Target, BeforeValidator(_target)]
    """What the planner promises the callers."""
    patience_s: Annotated[float, Field(ge=0.25)] = float("inf")
    """Mean patience of a caller, seconds; inf for work that does not hang up."""
    pooled: bool = True
    """National routing: one queue over all sites that answer, against a queue a site."""
    aht_s: Positive | None = None
    """Mean handle time that replaces the records' (their profile by hour is kept), seconds."""
    volume: NotNegative = 1.0
    """Factor on the records' calls, for what-ifs."""
    lookup_s: NotNegative = 0.0
    """Time from arrival in which all on the caller is collected; nobody is answered before, seconds."""
    service_cv: NotNegative = 1.0
    """Coefficient of variation of the handle time, lognormal unless `service` says otherwise."""
    service: Shape | None = None
    """Form of the handle time's law in the simulation."""
    patience: Shape | None = None
    """Form of the patience's law in the simulation; exponential by default."""
    lookup: Shape | None = None
    """Form of the lookup's law in the simulation; always the same time by default."""
    transfers: dict[str, Share] = Field(default_factory=dict)
    """Share of the answered calls that go on to another queue, whose demand counts them already."""
    consults: dict[str, Share] = Field(default_factory=dict)
    """Share whose agent asks another queue's agent and stays until the answer; counted there already."""
    balk: Share = 0.0
    """Share of the callers who hang up at once where they would have to wait."""
    redial: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of those who abandoned who call again, beyond the demand."""
    redial_pause_s: Positive = 600.0
    """Mean pause before they call again, seconds."""
    personal: bool = False
    """Every caller has an agent of their own, who is tried before the others."""
    day_cv: NotNegative = 0.0
    """Coefficient of variation of a day's volume around its forecast."""
    opens: Clock = timedelta(0)
    """First minute of the queue, on the centre's clock."""
    closes: Clock = DAY
    """Minute from which the queue takes no more calls, on the centre's clock."""
    min_agents: Annotated[int, Field(ge=0)] = 1
    """Fewest agents on position at an answering site while the queue is open."""
    abandoned_cost: NotNegative = 0.0
    """What a caller who gives up costs, roubles."""
    follow_ups: dict[str, NotNegative] = Field(default_factory=dict)
    """Pieces of work that an answered call leaves behind in another queue; no demand need count them."""
    due_days: Positive | None = None
    """Days within which work that may wait is done; None for callers, who wait on the line."""
    beside_calls: Share = 0.0
    """Share of the time between two calls in which such work gets on: it is put aside when a call comes."""

    @property
    def waits(self) -> bool:
        """Whether it is work that may wait, with no caller on the line."""
        return self.due_days is not None

    @model_validator(mode="after")
    def _work_that_waits(self) -> Self:
        target = self.target
        asked = (target.service_level, target.max_asa_s, target.max_abandonment)
        if self.waits and asked != (None, None, None):
            raise ValueError(
                f"due_days is {self.due_days:g} beside a target for callers: drop service_level, max_asa_s "
                "and max_abandonment, or due_days"
            )
        if self.beside_calls and not self.waits:
            raise ValueError(f"beside_calls is {self.beside_calls:g} without due_days: add it, or drop both")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError(
                f"closes is {clock_text(self.closes)}, must lie after opens {clock_text(self.opens)}"
            )
        total = sum(self.sites.values())
        if abs(total - 1) > 1e-9:
            raise ValueError(f"sites add up to {total:g}, must add up to 1: change the shares")
        moved = sum(self.transfers.values()) + sum(self.consults.values())
        if moved > 1 + 1e-9:
            raise ValueError(
                f"transfers and consults add up to {moved:g}, must be at most 1: lower the shares"
            )
        return self


class Team(Settings):
    """People of one site, one set of skills and one rate of pay: they answer queues, or are on duty."""

    site: str
    """Site where the team sits."""
    queues: list[str] = Field(default_factory=list)
    """Queues that the team answers; it is staffed for the first, and a free agent picks in this order."""
    duty_h: Annotated[float, Field(gt=0, le=24)] | None = None
    """One of the team is on duty at every open hour of the site, at most so long; meals are taken on duty."""
    wage_month: Positive
    """Gross monthly wage at the full norm of hours, roubles."""
    shrinkage: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of rostered time lost to sickness, training and coaching (breaks and leave are planned)."""
    grade: str = "operator"
    """Grade of the team's members."""

    @model_validator(mode="after")
    def _has_work(self) -> Self:
        if bool(self.queues) == (self.duty_h is not None):
            raise ValueError(
                f"queues is {self.queues} and duty_h {self.duty_h}: give the queues that the team answers, "
                "or the longest duty of a team that answers none"
            )
        return self


class Overflow(Settings):
    """A rule that sends a site's calls to another site: for part of the day, or when they wait too long."""

    from_site: str
    """Site whose calls go elsewhere."""
    to_site: str
    """Site that answers them."""
    at: Clock | None = None
    """From this time of day on; by default from the closing of `from_site`."""
    until: Clock | None = None
    """Up to this time of day, across midnight if earlier than `at`; by default the opening of `from_site`."""
    days: Annotated[list[Weekday], Field(min_length=1)] | Literal["all"] = "all"
    """Weekdays on which the rule begins."""
    queues: Annotated[list[str], Field(min_length=1)] | Literal["all"] = "all"
    """Queues that the rule moves."""
    after_s: NotNegative | None = None
    """Only callers who waited so long, while both sites are open; 0: as soon as nobody is free at home."""

    @model_validator(mode="after")
    def _by_hours_or_by_wait(self) -> Self:
        if self.after_s is not None and not (self.at is None and self.until is None and self.days == "all"):
            raise ValueError(
                f"after_s is {self.after_s:g} beside at, until or days: a rule moves calls by the hour or by "
                "their wait, make two rules of it"
            )
        return self


class Norm(Settings):
    """A limit with the article that sets it."""

    value: NotNegative
    """The limit, in the unit that ends its name."""
    article: str
    """Where the limit comes from."""


class Labour(Settings):
    """Labour rules; the defaults' home is the centre's file, so another country is another file."""

    night_from: Clock
    """Start of the night hours."""
    night_until: Clock
    """End of the night hours."""
    night_premium: Norm
    """Addition to the hourly rate for each night hour, a share of the rate."""
    holiday_premium: Norm
    """Addition to the hourly rate for each hour on a public holiday, a share of the rate."""
    overtime_premium: Norm
    """Addition to the hourly rate for work after the end of the shift, a share of the rate."""
    week_h: Norm
    """Normal working week, hours."""
    min_rest_h: Norm
    """Fewest hours between two shifts."""
    weekly_rest_h: Norm
    """Fewest uninterrupted hours of rest in a week."""
    max_shift_h: Norm
    """Longest shift, paid hours."""
    min_meal_min: Norm
    """Shortest meal break, minutes, unpaid."""
    max_meal_min: Norm
    """Longest meal breaks together, minutes, unpaid."""
    max_days_in_row: Norm
    """Most working days in a row."""
    night_consent: Norm
    """1 where night hours are only for those who may and agreed to work at night."""
    rest_twice_shift: Norm
    """1 where the rest between two shifts is twice the first one's length, if that is more."""
    max_nights_in_row: Norm
    """Most night shifts in a row."""
    min_days_off: Norm
    """Fewest days off in a row."""
    free_weekends: Norm
    """Fewest weekends off in four weeks."""
    overtime_two_days_h: Norm
    """Most overtime in two consecutive days, hours."""
    overtime_year_h: Norm
    """Most overtime in a year, hours."""
    publish_days: Norm
    """Days before it takes effect that a roster is published; a later change needs the person's consent."""
    kinds: Annotated[dict[str, Clock], Field(min_length=1)]
    """Kinds of shift by the time of day from which they start; half a shift at night makes it "night"."""
    forbidden_successions: list[Annotated[list[str], Field(min_length=2, max_length=2)]]
    """Kinds of shift that must not follow each other from one day to the next."""
    most_of_kind: dict[str, Annotated[int, Field(ge=0)]] = Field({})
    """Most shifts of a kind that a person works in four weeks, for the kinds that are bounded."""
    least_of_kind: dict[str, Annotated[int, Field(ge=0)]] = Field({})
    """Fewest shifts of a kind that a person works in four weeks, where that is wished."""

    @model_validator(mode="after")
    def _kinds_exist(self) -> Self:
        known = {*self.kinds, "night"}
        named = {
            "forbidden_successions": {kind for pair in self.forbidden_successions for kind in pair},
            "most_of_kind": set(self.most_of_kind),
            "least_of_kind": set(self.least_of_kind),
        }
        for name, kinds in named.items():
            for kind in sorted(kinds - known):
                raise ValueError(f"{name} names {kind!r}, must be one of {', '.join(sorted(known))}")
        for kind in sorted(set(self.most_of_kind) & set(self.least_of_kind)):
            if self.least_of_kind[kind] > self.most_of_kind[kind]:
                raise ValueError(
                    f"least_of_kind.{kind} is {self.least_of_kind[kind]}, must be at most "
                    f"most_of_kind.{kind}, which is {self.most_of_kind[kind]}"
                )
        return self


class ShiftRules(Settings):
    """What shifts may look like."""

    start_every_min: Annotated[int, Field(gt=0)]
    """Grid of the start times, minutes."""
    lengths_h: dict[str, Positive]
    """Presence of each kind of shift, hours, meal included."""
    meal_min: dict[str, Annotated[int, Field(gt=0)]]
    """Unpaid meal of each kind, minutes."""
    rest_min: Annotated[int, Field(gt=0)]
    """A paid rest break, minutes."""
    work_between_rests_h: Positive
    """Aim for the work between two breaks, hours."""
    quiet_from: Clock
    """No shift starts or ends from here ..."""
    quiet_until: Clock
    """... to here, when nobody can get home; "00:30" to "05:30" by default."""
    breaks: Literal["optimised", "fixed"] = "optimised"
    """Whether each person's breaks are chosen with the shifts, or lie at equal distances for all."""
    break_every_min: Annotated[int, Field(gt=0)] = 15
    """Grid of the breaks' starts within a shift, minutes."""
    work_tolerance_h: NotNegative = 0.5
    """How far the work between two breaks may lie from the aim, hours."""
    meal_middle: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The meal lies within the middle part of the shift that is this share of it."""
    gap_h: dict[str, Positive] = Field(default_factory=dict)
    """Kinds of shift in two parts: the unpaid gap between them, hours, in place of the meal."""
    part_time: list[str] = Field(default_factory=list)
    """Kinds of shift that count as part-time."""
    max_part_time: Share = 1.0
    """Largest share of a team's shifts that may be part-time."""
    max_heads: dict[str, Annotated[int, Field(ge=0)]] = Field({})
    """Most people of a team, by its name, whose shifts start on one day."""
    max_starts: Annotated[int, Field(gt=0)] | None = None
    """Most times of day at which a team's shifts may start."""
    explicit: list[str] = Field(default_factory=list)
    """The shifts that there are, such as "09:00-18:00 meal 12:30-13:30", in place of the rules above."""

    @model_validator(mode="after")
    def _same_kinds(self) -> Self:
        meals = set(self.meal_min) | set(self.gap_h)
        if set(self.lengths_h) != meals:
            raise ValueError(
                f"meal_min names {sorted(meals)}, lengths_h names {sorted(self.lengths_h)}: "
                "give each kind of shift both"
            )
        unknown = sorted(set(self.part_time) - set(self.lengths_h))
        if unknown:
            raise ValueError(
                f"part_time names {unknown[0]!r}, must be one of {', '.join(sorted(self.lengths_h))}"
            )
        return self


class Pay(Settings):
    """How hours become roubles."""

    norm_h_month: Positive
    """Hours of the monthly wage: the production calendar's year over twelve."""
    contributions: NotNegative
    """Employer's contributions on pay, a share of it."""
    unmet_cost_h: Positive
    """Price of an hour of an agent missing on position, so that a plan is never silently short."""
    over_cost_h: NotNegative = 0.0
    """Price of an hour of an agent on position beyond the requirement."""
    weekend_premium: NotNegative = 0.0
    """Addition to the hourly rate on Saturdays and Sundays, a share of the rate."""
    taxi_cost: NotNegative = 0.0
    """A ride home for who leaves while nothing else goes, roubles."""
    taxi_from: Clock = timedelta(hours=23)
    """From this time of day rides are paid ..."""
    taxi_until: Clock = timedelta(hours=5, minutes=30)
    """... to this one."""
    seat_cost_month: NotNegative = 0.0
    """A workplace more than a site has: rent and equipment, roubles a month."""


class ThirdSite(Settings):
    """A site that is not there yet, on the centre's clock."""

    name: str
    """Its name on reports."""
    opens: Clock
    """First minute that it answers calls."""
    closes: Clock
    """Minute from which it answers no more."""
    ahead_h: Annotated[float, Field(ge=-24, le=24)]
    """Hours by which its own clock is ahead of the centre's."""
    wage: Positive
    """Its wages, a multiple of those of the site that closes."""


class Alternatives(Settings):
    """What a night without the other site would cost: prices of the ways that are not in use."""

    outsource_cost_call: NotNegative
    """What a partner asks for a call, roubles."""
    call_back_accepted: Share
    """Share of the callers of a closed site who leave their number; the others are lost."""
    call_back_calls: Positive
    """Calls that it takes to reach one of them the next day, each as long as the call itself."""
    standby_share: NotNegative
    """Pay of an hour of stand-by at home, a share of the hourly rate."""
    failures_year: NotNegative
    """Nights of a year on which the night site fails."""
    third_site: ThirdSite
    """A site where the night is day."""


class CallRecords(Settings):
    """How the operator's call records are written: their columns, their clock and their codes."""

    time_zone: Zone | None = None
    """Clock of the times that are written without an offset; None refuses such times."""
    date_order: Literal["year", "day", "month"] = "year"
    """What texts of times begin with: "day" as in 23.11.2026 08:00:14, "month" as in 11/23/2026 08:00:14."""
    decimal: Literal[".", ","] = "."
    """What parts the decimals of a number in a text: "," as in 200,5."""
    queue: str = "queue"
    """Column of the queue's name."""
    arrival: str = "arrival"
    """Column of the instant at which the call joined the queue."""
    handle_s: list[str] = Field(default=["handle_s"], min_length=1)
    """Columns that add up to the handle time, such as talk, hold and wrap-up, seconds."""
    outcome: str = "outcome"
    """Column of the outcome's code."""
    call_id: str | None = None
    """Column of the call's number, by which a record that came twice is found."""
    wait_s: str | None = None
    """Column of the wait, seconds."""
    agent_id: str | None = None
    """Column of who answered."""
    caller_id: str | None = None
    """Column of who called, by which attempts are told from callers."""
    end: str | None = None
    """Column of the call's end, by which its times are checked."""
    answered: list[str] = Field(default=["answered"], min_length=1)
    """Codes of calls that an agent answered."""
    abandoned: list[str] = Field(default=["abandoned"])
    """Codes of calls whose caller hung up while waiting."""
    lost: list[str] = Field(default=["lost"])
    """Codes of calls that the centre lost: no free line, a fault; they were offered all the same."""
    queues: dict[str, str] = Field(default={})
    """The centre's name of a queue by its name in the records, where the two differ."""


class Centre(Settings):
    """The whole contact centre.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml")
    >>> centre.replace({"sites.moscow.closes": "23:00"}).sites["moscow"].closes
    datetime.timedelta(seconds=82800)
    """

    schema_version: Literal[1]
    """Version of this file's shape."""
    name: str
    """Name on the reports."""
    time_zone: Zone
    """The plan's clock."""
    interval_s: Annotated[int, Field(gt=0, le=3600)]
    """Length of an interval, seconds."""
    country: str
    """Country of the production calendar, ISO 3166."""
    sites: Annotated[dict[str, Site], Field(min_length=1)]
    """Sites by name."""
    queues: Annotated[dict[str, Queue], Field(min_length=1)]
    """Queues by name."""
    teams: Annotated[dict[str, Team], Field(min_length=1)]
    """Teams by name."""
    overflow: list[Overflow] = Field(default_factory=list)
    """Overflow rules, the first that applies wins."""
    labour: Labour
    """Labour rules."""
    shifts: ShiftRules
    """Shapes of shifts."""
    pay: Pay
    """Money."""
    alternatives: Alternatives | None = None
    """Prices of the ways that are not in use; needed only to compare them."""
    records: CallRecords = Field(default_factory=CallRecords)
    """How the call records are written."""
    systems: Systems = Field(default_factory=Systems)
    """What the second line, quality, careers and the other systems are asked to do."""

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for place, name, known in self._references():
            if name not in known:
                raise ValueError(f"{place} names {name!r}, must be one of {', '.join(sorted(known))}")
        return self

    @model_validator(mode="after")
    def _follow_ups_can_wait(self) -> Self:
        for name, queue in self.queues.items():
            for other in queue.follow_ups:
                if not self.queues[other].waits or self.queues[other].aht_s is None:
                    raise ValueError(
                        f"queues.{name}.follow_ups names {other!r}, which must have due_days and aht_s: add "
                        "both, or make it a transfer"
                    )
        return self

    @model_validator(mode="after")
    def _every_grade_is_paid(self) -> Self:
        careers = self.systems.careers
        paid = {team.grade for team in self.teams.values()}
        for name, grade in careers.grades.items() if careers else ():
            if grade.wage_month is None and name not in paid:
                raise ValueError(
                    f"systems.careers.grades.{name}.wage_month is missing: no team has this grade, so "
                    "give its wage"
                )
        return self

    @model_validator(mode="after")
    def _someone_answers(self) -> Self:
        # Here and not at the top: routing reads a centre, so it stands to the right of this module.
        from planning.centre.routing import check_routing

        check_routing(self)
        return self

    def _references(self) -> list[tuple[str, str, Mapping[str, object]]]:
        found: list[tuple[str, str, Mapping[str, object]]] = []
        for queue_name, queue in self.queues.items():
            found += [(f"queues.{queue_name}.sites", site, self.sites) for site in queue.sites]
            for kind in ("transfers", "consults", "follow_ups"):
                shares = getattr(queue, kind)
                found += [(f"queues.{queue_name}.{kind}", other, self.queues) for other in shares]
        for team_name, team in self.teams.items():
            found.append((f"teams.{team_name}.site", team.site, self.sites))
            found += [(f"teams.{team_name}.queues", queue, self.queues) for queue in team.queues]
        found += [("shifts.max_heads", team, self.teams) for team in self.shifts.max_heads]
        if self.systems.quality is not None:
            found.append(("systems.quality.queue", self.systems.quality.queue, self.queues))
        if self.systems.second_line is not None:
            second = self.systems.second_line
            found.append(("systems.second_line.queue", second.queue, self.queues))
            found.append(("systems.second_line.first_line", second.first_line, self.queues))
        if self.systems.careers is not None:
            own = {name: team for name, team in self.teams.items() if team.queues}
            grades = self.systems.careers.grades
            found += [(f"teams.{name}.grade", team.grade, grades) for name, team in own.items()]
        for number, rule in enumerate(self.overflow):
            place = f"overflow.{number}"
            found += [(f"{place}.from_site", rule.from_site, self.sites)]
            found += [(f"{place}.to_site", rule.to_site, self.sites)]
            if rule.queues != "all":
                found += [(f"{place}.queues", queue, self.queues) for queue in rule.queues]
        return found

    @classmethod
    def load(cls, path: str | Path = "data/centre.toml") -> Self:
        """Read and check a centre's file.

        Raises
        ------
        PlanningError
            The file is missing, is not TOML, or holds a value that cannot be.
        """
        return super().load(path)

    def replace(self, changes: Mapping[str, Any]) -> Self:
        """Return a centre with settings changed, for a what-if.

        Parameters
        ----------
        changes : mapping
            New values by dotted path, such as ``{"sites.moscow.closes": "23:00"}``.

        Raises
        ------
        PlanningError
            A path does not exist, or the changed centre cannot be.
        """
        raw = self.model_dump()
        for path, value in changes.items():
            *parents, last = path.split(".")
            node: Any = raw
            for depth, key in enumerate(parents):
                node = node[_step(node, key, ".".join(parents[:depth]), path)]
            node[_step(node, last, ".".join(parents), path)] = value
        return self.of(raw)

    @property
    def ahead_h(self) -> dict[str, float]:
        """Hours by which the clock of each site is ahead of the centre's."""
        return {name: site.ahead_h for name, site in self.sites.items()}

    def team_for(self, queue: str, site: str) -> str | None:
        """Name the team that a site staffs for a queue, if there is one."""
        here = [(name, team.queues) for name, team in self.teams.items() if team.site == site]
        first = (name for name, queues in here if queues[:1] == [queue])
        # Work that may wait is done by who answers something else too.
        beside = (name for name, queues in here if queue in queues and self.queues[queue].waits)
        return next(first, None) or next(beside, None)

    def hourly_cost(self, team: str) -> float:
        """Cost of a paid hour of a team without premiums, contributions included, roubles."""
        wage = self.teams[team].wage_month / self.pay.norm_h_month
        return wage * (1 + self.pay.contributions)


def _step(node: Any, key: str, above: str, path: str) -> str | int:
    """Find a key of a dotted path, or say what is there instead."""
    if isinstance(node, list) and key.isdecimal() and int(key) < len(node):
        return int(key)
    if isinstance(node, dict) and key in node:
        return key
    names = [str(name) for name in node] if isinstance(node, dict) else []
    near = difflib.get_close_matches(key, names, n=1) or names[:8]
    hint = f": use {', '.join(near)}" if near else ": it has no parts"
    raise PlanningError(
        f"{path} is no setting of the centre, {above or 'the top level'} has no {key!r}{hint}"
    )
