"""Who works where and answers what: sites, queues, teams and overflow rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from planning.centre.settings import (
    Clock,
    Closing,
    Country,
    Hours,
    NotNegative,
    Positive,
    Settings,
    Share,
    Weekday,
    Zone,
)
from planning.queueing.target import Target


def _target(value: object) -> object:
    """Make a target from a table; parts missing from the table are not required."""
    if not isinstance(value, Mapping):
        return value
    names = [field.name for field in fields(Target)]
    unknown = set(value) - set(names)
    if unknown:
        raise ValueError(f"{unknown.pop()} is no part of a target: use {', '.join(names)}")
    return Target(**{"service_level": None, **value})


class Site(Hours):
    """A building where agents work, with the hours in which it answers calls."""

    time_zone: Zone | None = None
    """The site's time zone, if it is not the centre's: night hours, holidays and weekends follow it."""
    country: Country | None = None
    """Country whose law, holidays and weekend apply at the site, if it is not the centre's."""
    weekend: Annotated[list[Weekday], Field(min_length=1, max_length=6)] | None = None
    """The site's weekend, if it is not its country's."""
    seats: Annotated[int, Field(ge=0)] | None = None
    """Workplaces of the site; None means no limit."""


class Distribution(Settings):
    """The shape of a duration's law, scaled to a mean that is given elsewhere."""

    law: Literal["exponential", "lognormal", "deterministic", "empirical"]
    """Family of the law."""
    cv: Positive | None = None
    """Coefficient of variation, for a lognormal law only."""
    quantiles_s: Annotated[list[NotNegative], Field(min_length=2)] | None = None
    """Rising quantiles at equal steps from the least to the greatest, for an empirical law only."""

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


class Queue(Hours):
    """A kind of work for agents: calls, or work that may wait (without a service level).

    It has the hours of its sites by default.
    """

    sites: dict[str, Share]
    """Share of the queue's calls whose home is each site, sum 1; by default equal for all that answer."""
    target: Annotated[Target, BeforeValidator(_target)] = Target(0.8, 20.0)
    """Promise to the callers: by default 80 % in 20 s; for work that waits, 90 % occupancy."""
    patience_s: Annotated[float, Field(ge=0.25)] = float("inf")
    """Mean patience of a caller, seconds; inf for work without a caller."""
    pooled: bool = True
    """National routing: one queue over all sites that answer, against a queue per site."""
    aht_s: Positive | None = None
    """Mean handle time that replaces that of the records (their profile by hour is kept), seconds."""
    volume: NotNegative = 1.0
    """Factor on the records' calls, for what-ifs."""
    lookup_s: NotNegative = 0.0
    """Time from arrival in which the caller's data are collected; nobody is answered before, seconds."""
    service_cv: NotNegative = 1.0
    """Coefficient of variation of the handle time, lognormal unless `service` says otherwise."""
    service: Distribution | None = None
    """Law of the handle time in the simulation."""
    patience: Distribution | None = None
    """Law of the patience in the simulation; exponential by default."""
    lookup: Distribution | None = None
    """Law of the lookup in the simulation; by default always the same time."""
    transfers: dict[str, Share] = Field(default_factory=dict)
    """Share of the answered calls that go on to another queue, whose demand already includes them."""
    consults: dict[str, Share] = Field(default_factory=dict)
    """Share whose agent asks another queue's agent and stays until the answer; already in its demand."""
    balk: Share = 0.0
    """Share of the callers who hang up at once if they would have to wait."""
    redial: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the callers who abandoned and call again, on top of the demand."""
    redial_pause_s: Positive = 600.0
    """Mean pause before they call again, seconds."""
    personal: bool = False
    """Every caller has a personal agent, who is tried before the others."""
    day_cv: NotNegative = 0.0
    """Coefficient of variation of a day's volume around its forecast."""
    min_agents: Annotated[int, Field(ge=0)] = 1
    """Fewest agents on position at an answering site while the queue is open."""
    abandoned_cost: NotNegative = 0.0
    """Cost of a caller who gives up."""
    follow_ups: dict[str, NotNegative] = Field(default_factory=dict)
    """Pieces of work that an answered call leaves in another queue; its demand need not include them."""
    due_days: Positive | None = None
    """Days within which work that may wait must be done; None for calls."""
    beside_calls: Share = 0.0
    """Share of the time between two calls that such work can use: it is put aside when a call comes."""

    @property
    def waits(self) -> bool:
        """Whether it is work that may wait, without a caller on the line."""
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
    """People of one site with the same skills and pay: they answer queues, or are on duty."""

    site: str
    """Site where the team works; by default the only one."""
    queues: list[str] = Field(default_factory=list)
    """Queues that the team answers, by default the only one. The team is staffed for the first one, and
    a free agent picks in this order."""
    duty_h: Annotated[float, Field(gt=0, le=24)] | None = None
    """Longest duty, hours: one of the team is on duty at every open hour of the site, meals included."""
    wage_month: Positive
    """Gross monthly wage at the full norm of hours."""
    shrinkage: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of rostered time lost to sickness, training and coaching (breaks and leave are planned)."""
    training_month: NotNegative = 0.0
    """Price of training somebody of another team of the site for this one, a month: the training's cost
    divided by the months for which it serves."""
    grade: str = "operator"
    """Grade of the team's members."""
    rotation: str | None = None
    """Rotation by which its people work, unless they name another; None for free rosters."""

    @model_validator(mode="after")
    def _calls_or_duty(self) -> Self:
        if self.queues and self.duty_h is not None:
            raise ValueError(
                f"queues is {self.queues} beside duty_h {self.duty_h:g}: a team on duty answers no queue, "
                "drop either"
            )
        return self


class Overflow(Settings):
    """A rule that sends a site's calls to another site: for part of the day, or when they wait too long."""

    from_site: str
    """Site whose calls go elsewhere."""
    to_site: str
    """Site that answers them."""
    at: Closing | None = None
    """Start, a time of day; by default the closing of `from_site`."""
    until: Clock | None = None
    """End, a time of day, across midnight if earlier than `at`; by default the opening of `from_site`."""
    days: Annotated[list[Weekday], Field(min_length=1)] | Literal["all"] = "all"
    """Weekdays on which the rule begins; if it begins with the closing after midnight, the day before."""
    queues: Annotated[list[str], Field(min_length=1)] | Literal["all"] = "all"
    """Queues that the rule moves."""
    after_s: NotNegative | None = None
    """Move only callers who waited this long while both sites are open; 0 means if nobody is free at home."""

    @model_validator(mode="after")
    def _by_hours_or_by_wait(self) -> Self:
        if self.after_s is not None and not (self.at is None and self.until is None and self.days == "all"):
            raise ValueError(
                f"after_s is {self.after_s:g} beside at, until or days: a rule moves calls by the hour or by "
                "their wait, make two rules of it"
            )
        return self


class Organisation(Settings):
    """The part of a centre that decides who answers a call, which is all that routing reads."""

    time_zone: Zone
    """Time zone of the plan's clock."""
    sites: Annotated[dict[str, Site], Field(min_length=1)]
    """Sites by name."""
    queues: Annotated[dict[str, Queue], Field(min_length=1)]
    """Queues by name."""
    teams: Annotated[dict[str, Team], Field(min_length=1)]
    """Teams by name."""
    overflow: list[Overflow] = Field(default_factory=list)
    """Overflow rules; the first that applies wins."""

    @model_validator(mode="after")
    def _teams_have_work(self) -> Self:
        idle = [f"teams.{name}" for name, team in self.teams.items() if not team.queues and not team.duty_h]
        if idle:
            raise ValueError(
                f"{' and '.join(idle)}: queues is empty; name those that the team answers, of "
                f"{', '.join(self.queues)}, or give duty_h, the longest duty of a team that answers none"
            )
        return self

    def team_for(self, queue: str, site: str) -> str | None:
        """Name the team that a site staffs for a queue, if there is one."""
        here = [(name, team.queues) for name, team in self.teams.items() if team.site == site]
        first = (name for name, queues in here if queues[:1] == [queue])
        # Work that may wait is done by a team that may also answer something else.
        beside = (name for name, queues in here if queue in queues and self.queues[queue].waits)
        return next(first, None) or next(beside, None)
