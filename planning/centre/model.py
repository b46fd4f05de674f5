"""The contact centre as data, read from a TOML file.

A `Centre` is frozen. No other part of the package has a figure about the centre, so a what-if is just a
`Centre.replace`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from babel.numbers import is_currency
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from planning.calendars import day_norms, holiday_hours, is_holiday, weekend_of
from planning.centre.country import NO_CURRENCY, country_settings
from planning.centre.defaults import shortest_meal, with_defaults
from planning.centre.labour import OFF, WORK, Labour, Rotation
from planning.centre.organisation import Organisation
from planning.centre.prices import Alternatives, Pay
from planning.centre.records import CallRecords
from planning.centre.routing import check_routing
from planning.centre.settings import WEEKDAYS, Country
from planning.centre.shift_rules import ShiftRules
from planning.centre.systems import Systems
from planning.errors import PlanningError


def _unknown(place: str, name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f": did you mean {near[0]!r}?" if near else f", must be one of {', '.join(sorted(known))}"
    return f"{place} names {name!r}{remedy}"


def _currency(code: str) -> str:
    if code != NO_CURRENCY and not is_currency(code):
        raise ValueError(f'must be an ISO 4217 code or "{NO_CURRENCY}": write it as "EUR"')
    return code


class Centre(Organisation):
    """The whole contact centre.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml")
    >>> centre.replace({"sites.moscow.closes": "23:00"}).sites["moscow"].closes
    datetime.timedelta(seconds=82800)
    """

    schema_version: Literal[1] = 1
    """Version of the file's format."""
    name: str
    """Name on the reports."""
    interval_s: Annotated[int, Field(gt=0, le=3600)] = 900
    """Length of an interval, seconds."""
    country: Country
    """Country whose law, holidays and weekend apply: ISO 3166 ("DE", "DE-BY"), or "none" for
    house rules and no holidays."""
    currency: Annotated[str, AfterValidator(_currency)]
    """Currency of every amount, ISO 4217; the country's by default."""
    labour: Labour
    """Labour rules; the country's by default."""
    rotations: dict[str, Rotation] = Field({})
    """Written patterns of days, by name."""
    shifts: ShiftRules
    """Rules for the shape of shifts."""
    pay: Pay
    """What hours, rides and workplaces cost."""
    alternatives: Alternatives | None = None
    """Prices of the alternatives that are not in use; needed only to compare them."""
    records: CallRecords = Field(default_factory=CallRecords)
    """Format of the call records."""
    systems: Systems = Field(default_factory=Systems)
    """The second line, quality, careers and the other systems."""

    @model_validator(mode="before")
    @classmethod
    def _what_is_left_out(cls, raw: Any) -> Any:
        return with_defaults(raw) if isinstance(raw, Mapping) else raw

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        wrong = [_unknown(*each) for each in self._references() if each[1] not in each[2]]
        if wrong:
            raise ValueError("; ".join(wrong))
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
            if team.rotation is not None:
                found.append((f"teams.{team_name}.rotation", team.rotation, self.rotations))
        days = dict.fromkeys([*self.labour.kinds, "night", WORK, OFF])
        for name, rotation in self.rotations.items():
            found += [(f"rotations.{name}.cycle", day, days) for day in rotation.cycle]
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
    def load(cls, path: str | Path | None = None) -> Self:
        """Read and check a centre's file.

        Parameters
        ----------
        path : str or Path, optional
            By default the example ``operator``, a national operator with made-up figures, as its name says.

        Raises
        ------
        PlanningError
            The file is missing, is not TOML, or has a value that is not valid.
        """
        return super().load(_operator() if path is None else path)

    def replace(self, changes: Mapping[str, Any]) -> Self:
        """Return the centre with settings changed, for a what-if.

        Parameters
        ----------
        changes : mapping
            New values by dotted path, for example ``{"sites.moscow.closes": "23:00"}``. Another ``country``
            brings its law, as in a file that names it. The centre's own settings stay, and so does the
            currency, because amounts are not converted.

        Raises
        ------
        PlanningError
            A path does not exist, or the changed centre is not valid.
        """
        if "country" in changes:
            others = {path: value for path, value in changes.items() if path != "country"}
            return self._under(changes["country"]).replace(others)
        raw = self.model_dump()
        for path, value in changes.items():
            *parents, last = path.split(".")
            node: Any = raw
            for depth, key in enumerate(parents):
                node = node[_step(node, key, ".".join(parents[:depth]), path)]
            node[_step(node, last, ".".join(parents), path)] = value
        return self.of(self._written(raw, changes))

    def _written(self, raw: dict[str, Any], changes: Iterable[str] = ()) -> dict[str, Any]:
        """Leave out the settings of records that nobody wrote: a phone system's layout settles them."""
        changed = {path.split(".")[1] for path in changes if path.startswith("records.")}
        names = self.records.model_fields_set | changed
        records = {
            name: value for name, value in raw["records"].items() if name in names or "records" in changes
        }
        return raw | {"records": records}

    def at(self, site: str) -> Self:
        """Return the centre under the law of a site's country: its labour rules, pay settings and holidays.

        The centre's own settings apply at every site. A site of the centre's country has the centre's law,
        and so does an unknown site.

        Examples
        --------
        >>> centre = Centre.load("data/centre.toml").replace({"sites.kaluga.country": "DE"})
        >>> [centre.at(site).labour.min_rest_h.article for site in ("moscow", "kaluga")]
        ['TK RF 103 forbids two shifts in a row; 12 h is the house rule', 'ArbZG 5(1)']
        """
        return self._by_country.get(self.country_of(site), self)

    @cached_property
    def _by_country(self) -> dict[str, Self]:
        """The centre under the law of each other country that a site is in."""
        abroad = {site.country for site in self.sites.values() if site.country} - {self.country}
        return {country: self._under(country) for country in sorted(abroad)}

    def _under(self, country: Any) -> Self:
        """Put the centre under another country's law; settings equal to its present law are replaced too."""
        raw, law = self.model_dump(), country_settings(self.country)
        usual = {"labour": Labour.of(law["labour"]).model_dump(), "pay": law["pay"]}
        for table, settings in usual.items():
            kept = {name: value for name, value in raw[table].items() if value != settings.get(name)}
            raw[table] = kept
        lengths, meals = self.shifts.lengths_h, self.shifts.meal_min
        raw["shifts"]["meal_min"] = {
            kind: meal
            for kind, meal in meals.items()
            if meal != shortest_meal(lengths.get(kind), usual["labour"])
        }
        return self.of(self._written(raw) | {"country": country})

    def country_of(self, site: str | None = None) -> str:
        """Country whose law and holidays hold at a site; without one that the centre has, the centre's."""
        own = self.sites.get(site or "")
        return (own.country if own else None) or self.country

    def weekend(self, site: str | None = None) -> tuple[int, ...]:
        """Weekdays of a site's weekend, 0 for Monday to 6 for Sunday; without one, of the centre's country.

        Examples
        --------
        >>> centre = Centre.load("data/centre.toml").replace({"sites.kaluga.weekend": ["fri", "sat"]})
        >>> centre.weekend(), centre.weekend("kaluga")
        ((5, 6), (4, 5))
        """
        own = self.sites.get(site or "")
        if own is None or own.weekend is None:
            return weekend_of(self.country_of(site))
        return tuple(sorted(map(WEEKDAYS.index, own.weekend)))

    def is_holiday(self, days: Iterable[date]) -> NDArray[np.bool_]:
        """Tell which days are public holidays of the centre's country, shape (days,)."""
        return is_holiday(days, self.country, observed=bool(self.labour.observed_holidays.value))

    def holiday_hours(self, starts: pd.DatetimeIndex, ends: pd.DatetimeIndex) -> NDArray[np.float64]:
        """Hours of each span that fall on public holidays of the centre's country, shape (spans,)."""
        observed = bool(self.labour.observed_holidays.value)
        return holiday_hours(starts, ends, self.country, observed=observed)

    def day_norms(self, days: pd.DatetimeIndex, site: str | None = None) -> NDArray[np.float64]:
        """Working hours of each day in the production calendar of a site, or the centre, shape (days,)."""
        here = self.at(site) if site else self
        week_h, shorter_h = here.labour.week_h.value, here.labour.eve_shorter_h.value
        return day_norms(days, here.country, week_h, weekend=self.weekend(site), eve_shorter_h=shorter_h)

    @property
    def zones(self) -> dict[str, str]:
        """Time zone of each site's own clock."""
        return {name: site.time_zone or self.time_zone for name, site in self.sites.items()}


def _operator() -> Path:
    """File of the example ``operator``: in an installed package, or data/ of the repository."""
    packed = Path(__file__).parents[1] / "examples" / "operator" / "centre.toml"
    return packed if packed.exists() else Path(__file__).parents[2] / "data" / "centre.toml"


def _step(node: Any, key: str, above: str, path: str) -> str | int:
    """Find a key of a dotted path, or say which keys exist."""
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
