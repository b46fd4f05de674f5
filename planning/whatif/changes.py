"""Scenarios: a centre with its calls, and the changes that turn one into another."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from planning.centre.settings import Settings
from planning.checks import number
from planning.errors import PlanningError
from planning.overflow import closing_at, open_hours
from planning.tables import read_csv

if TYPE_CHECKING:
    from planning.centre import Centre


@dataclass(frozen=True)
class Scenario:
    """A centre and the calls that it is planned for.

    Attributes
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND, or FORECAST if `probability` is given.
    probability : float, optional
        Probability with which each interval meets its target (`planning.requirement_at`). By default the mean
        calls are staffed for.
    unplanned : bool
        Whether nobody knew of the change in time, so that the staff is the base's.
    lost : mapping
        Calls by queue in the hours that a change closes, which nobody answers.
    rented : mapping
        Workplaces that a change adds to each site, which are rented.
    people : DataFrame, optional
        PEOPLE on staff, who are paid for the hours that they are owed. By default as many are employed as the
        shifts need.
    """

    centre: Centre
    demand: pd.DataFrame
    probability: float | None = None
    unplanned: bool = False
    lost: Mapping[str, float] = field(default_factory=dict)
    rented: Mapping[str, int] = field(default_factory=dict)
    people: pd.DataFrame | None = None


def apply_changes(scenario: Scenario, changes: Mapping[str, Any]) -> Scenario:
    """Apply changes: settings by their path first, then the names in the order of `NAMED`.

    Parameters
    ----------
    scenario : Scenario
    changes : mapping
        New values by a path of the centre (``"sites.moscow.closes": "23:00"``) or by a name in `NAMED`.

    Raises
    ------
    PlanningError
        A path or a name is unknown, or a value is not valid.

    Examples
    --------
    >>> from planning import Centre
    >>> from planning.calendars import axis, day_start
    >>> times = axis(day_start("2026-11-23", "Europe/Moscow"), 1, 900)
    >>> calls = pd.DataFrame({"queue": "vip", "interval_start": times, "calls": 2.0, "aht_s": 200.0})
    >>> today = Scenario(Centre.load(), calls)
    >>> busier = apply_changes(today, {"volume": 1.1, "wages.kaluga": 1.05})
    >>> busier.centre.queues["vip"].volume, busier.centre.teams["vip_kaluga"].wage_month
    (1.1, 85995.0)
    """
    seats = {name: site.seats for name, site in scenario.centre.sites.items()}
    paths = {key: value for key, value in changes.items() if _name_of(key) not in NAMED}
    if paths:
        scenario = replace(scenario, centre=scenario.centre.replace(paths))
    for name, apply in NAMED.items():
        for key in (key for key in changes if _name_of(key) == name):
            scenario = apply(scenario, key, changes[key])
    return replace(scenario, rented=_more_seats(seats, scenario.centre))


def _more_seats(before: Mapping[str, int | None], centre: Centre) -> dict[str, int]:
    """Workplaces that sites have beyond those before; a site without a limit needs none."""
    pairs = {name: (site.seats, before.get(name)) for name, site in centre.sites.items()}
    return {
        name: now - then
        for name, (now, then) in pairs.items()
        if now is not None and then is not None and now > then
    }


def _name_of(key: str) -> str:
    return key.partition(".")[0]


# --- the names ----------------------------------------------------------------------------------------------


def _volume(scenario: Scenario, key: str, value: object) -> Scenario:
    """Factor on the calls of every queue."""
    factor = _plain(key, value, 0.0)
    return _queues(scenario, lambda queue: {"volume": queue.volume * factor})


def _aht(scenario: Scenario, key: str, value: object) -> Scenario:
    """Factor on every handle time."""
    factor = _plain(key, value, 0.0, open_low=True)
    longer = replace(scenario, demand=scenario.demand.assign(aht_s=scenario.demand["aht_s"] * factor))
    return _queues(longer, lambda queue: {} if queue.aht_s is None else {"aht_s": queue.aht_s * factor})


def _patience(scenario: Scenario, key: str, value: object) -> Scenario:
    """Factor on the patience of callers who hang up."""
    factor = _plain(key, value, 0.0, open_low=True)
    return _queues(
        scenario,
        lambda queue: {"patience_s": queue.patience_s * factor} if isfinite(queue.patience_s) else {},
    )


def _shrinkage(scenario: Scenario, key: str, value: object) -> Scenario:
    """Share of the rostered time that every team loses."""
    share = _plain(key, value, 0.0, 1.0)
    return _teams(scenario, lambda _: {"shrinkage": share})


def _sickness(scenario: Scenario, key: str, value: object) -> Scenario:
    """Share of those otherwise present whom a wave of sickness keeps at home."""
    share = _plain(key, value, 0.0, 1.0)
    return _teams(scenario, lambda team: {"shrinkage": 1 - (1 - team.shrinkage) * (1 - share)})


def _wages(scenario: Scenario, key: str, value: object) -> Scenario:
    """Factor on every wage, or on those of a site named after a dot."""
    factor = number(key, value, 0.0, open_low=True)
    site = _site_of(scenario, key)
    return _teams(
        scenario,
        lambda team: {"wage_month": team.wage_month * factor} if site in (None, team.site) else {},
    )


def _closing_hour(scenario: Scenario, key: str, value: object) -> Scenario:
    """Time of day at which a site closes; name the site after a dot if several close.

    Its callers go where the overflow rules say. Without a rule its queues close too, and the calls of the
    closed hours are lost.
    """
    site = _site_of(scenario, key)
    if not isinstance(value, str):
        raise PlanningError(f'{key} is {value!r}, must be a time of day: write it as "22:00"')
    try:
        centre = closing_at(scenario.centre, value, site=site)
    except PlanningError as error:
        raise PlanningError(f"{key} is {value}: {error}") from None
    demand, lost = open_hours(scenario.centre, centre, scenario.demand)
    return replace(scenario, centre=centre, demand=demand, lost=lost)


def _lost_site(scenario: Scenario, key: str, value: object) -> Scenario:
    """Site that is lost: the largest other site takes its callers, hours and the work that only it did."""
    _whole_name(key)
    return replace(scenario, centre=_without_site(scenario.centre, str(value)))


def _probability(scenario: Scenario, key: str, value: object) -> Scenario:
    """Quantile of the forecast for which each interval is staffed."""
    _whole_name(key)
    if "rate_cv" not in scenario.demand:
        raise PlanningError(
            f"{key} is {value!r}, must come with a forecast and its quantiles: run forecast first"
        )
    return replace(scenario, probability=number(key, value, 0.0, 1.0))


def _save_rate(scenario: Scenario, key: str, value: object) -> Scenario:
    """Share of the customers who want to leave that the second line keeps."""
    _whole_name(key)
    scenario.centre.systems.part("second_line")
    return replace(scenario, centre=scenario.centre.replace({"systems.second_line.save_rate": value}))


def _unplanned(scenario: Scenario, key: str, value: object) -> Scenario:
    """Whether the change is a surprise, so that the base's staff has to meet it."""
    _whole_name(key)
    if not isinstance(value, bool):
        raise PlanningError(f"{key} is {value!r}, must be true or false")
    return replace(scenario, unplanned=value)


NAMED: dict[str, Callable[[Scenario, str, object], Scenario]] = {
    "volume": _volume,
    "aht": _aht,
    "patience": _patience,
    "shrinkage": _shrinkage,
    "sickness": _sickness,
    "wages": _wages,
    "closing_hour": _closing_hour,
    "lost_site": _lost_site,
    "probability": _probability,
    "save_rate": _save_rate,
    "unplanned": _unplanned,
}
"""Changes that have a name, in the order in which they are applied:"""


def _whole_name(key: str) -> None:
    name, _, rest = key.partition(".")
    if rest:
        raise PlanningError(f"{key} is no change, {name} has no parts: write {name}, or a path of the centre")


def _site_of(scenario: Scenario, key: str) -> str | None:
    """Read the site after the dot of a name, if there is one."""
    site = key.partition(".")[2]
    if site and site not in scenario.centre.sites:
        raise PlanningError(f"{key} names no site, must be one of {', '.join(scenario.centre.sites)}")
    return site or None


def _plain(key: str, value: object, low: float, high: float = inf, *, open_low: bool = False) -> float:
    """Read the number of a name that has no parts."""
    _whole_name(key)
    return number(key, value, low, high, open_low=open_low)


def _queues(scenario: Scenario, change: Callable[[Any], dict[str, Any]]) -> Scenario:
    return _each(scenario, "queues", scenario.centre.queues, change)


def _teams(scenario: Scenario, change: Callable[[Any], dict[str, Any]]) -> Scenario:
    return _each(scenario, "teams", scenario.centre.teams, change)


def _each(
    scenario: Scenario, group: str, members: Mapping[str, Any], change: Callable[[Any], dict[str, Any]]
) -> Scenario:
    """Change every queue, or every team."""
    paths = {
        f"{group}.{name}.{key}": value
        for name, member in members.items()
        for key, value in change(member).items()
    }
    return replace(scenario, centre=scenario.centre.replace(paths))


def _without_site(centre: Centre, site: str) -> Centre:
    """Close a site for good; the largest other one takes its callers, hours and the work that only it did."""
    if site not in centre.sites or len(centre.sites) == 1:
        raise PlanningError(f"lost_site is {site!r}, must be one of two or more: {', '.join(centre.sites)}")
    share = {
        name: sum(queue.sites.get(name, 0.0) for queue in centre.queues.values()) for name in centre.sites
    }
    heir = max((name for name in centre.sites if name != site), key=lambda name: share[name])
    raw = centre.model_dump()
    gone = raw["sites"].pop(site)
    for edge, choose in (("opens", min), ("closes", max)):
        raw["sites"][heir][edge] = choose(raw["sites"][heir][edge], gone[edge])
    for queue in raw["queues"].values():
        if site in queue["sites"]:
            queue["sites"][heir] = queue["sites"].get(heir, 0.0) + queue["sites"].pop(site)
    for name, team in centre.teams.items():
        if team.site == site:
            raw["teams"][name]["site"] = heir
            alike = [one for one in centre.teams.values() if one.site == heir and one.duty_h is not None]
            if centre.team_for(team.queues[0], heir) if team.queues else alike:
                del raw["teams"][name]
                raw["shifts"]["max_heads"].pop(name, None)
    raw["overflow"] = [rule for rule in raw["overflow"] if site not in (rule["from_site"], rule["to_site"])]
    return type(centre).of(raw)


# --- where scenarios come from ------------------------------------------------------------------------------


def grid(choices: Mapping[str, Sequence[Any]]) -> dict[str, dict[str, Any]]:
    """Every combination of some values, each a scenario named after its values.

    Examples
    --------
    >>> list(grid({"closing_hour": ["21:00", "22:00"], "volume": [1.1]}))
    ['closing_hour 21:00, volume 1.1', 'closing_hour 22:00, volume 1.1']
    """
    rows = [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
    return {_name(row): row for row in rows}


def _name(changes: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in changes.items())


class Scenarios(Settings):
    """Scenarios as they are in a TOML file."""

    scenarios: dict[str, dict[str, Any]]
    """The changes of each scenario, by its name."""


def read_scenarios(path: str | Path) -> dict[str, dict[str, Any]]:
    """Read scenarios from a file.

    A TOML file has a table ``[scenarios."the name"]`` for each scenario, with one change per line. A CSV file
    is a grid: a row per scenario, a column per change, and an empty cell to keep the base's value. A column
    ``scenario`` names the rows; otherwise their values do.

    Raises
    ------
    PlanningError
        The file cannot be read, has an empty row or one with more cells than headings, or names a scenario
        twice.
    """
    source = Path(path)
    if source.suffix.lower() == ".csv":
        return _from_csv(source)
    found = Scenarios.load(source).scenarios
    return {name: dict(_flat(changes)) for name, changes in found.items()}


def _flat(changes: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Turn TOML's nested tables into dotted paths."""
    for key, value in changes.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _from_csv(source: Path) -> dict[str, dict[str, Any]]:
    try:
        table = read_csv(source, keep_default_na=False, skipinitialspace=True).fillna("")
    except FileNotFoundError:
        raise PlanningError(
            f"scenarios file {source} does not exist: give the path of a CSV or TOML file"
        ) from None
    except (OSError, ValueError) as error:
        raise PlanningError(f"scenarios file {source} is not a CSV file: {error}") from None
    found: dict[str, dict[str, Any]] = {}
    for line, row in enumerate(table.to_dict("records"), start=2):
        name = row.pop("scenario", "")
        changes = {str(key): cell(text) for key, text in row.items() if text.strip()}
        name = name or _name(changes)
        if not name:
            raise PlanningError(
                f"scenarios file {source}: line {line} has neither a name nor a change: drop it"
            )
        if name in found:
            raise PlanningError(
                f"scenarios file {source}: line {line} names {name!r} again: give it another name"
            )
        found[name] = changes
    return found


def cell(text: str) -> Any:
    """Read a typed value: numbers, lists, true and false as in JSON, anything else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()
