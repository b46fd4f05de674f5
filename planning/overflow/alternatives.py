"""Every other way to run the night: other hours, no closing, call-backs, a partner, a third site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from tqdm import tqdm

from planning.demand.planned import planned_demand
from planning.errors import PlanningError
from planning.overflow.flow import calls_by_site
from planning.overflow.night import Night, Way, run_night
from planning.pay import hour_cost

if TYPE_CHECKING:
    from planning.centre import Alternatives, Centre

__all__ = [
    "CLOSING_HOURS",
    "alternatives",
    "break_even_price",
    "break_even_volume",
    "break_even_wage",
    "closing_at",
    "closing_hours",
    "compared",
    "ways",
]

CLOSING_HOURS = (*(f"{hour}:{minute}" for hour in range(18, 24) for minute in ("00", "30")), "24:00")
"""Every half hour from 18:00 to 24:00."""


def closing_hours(
    centre: Centre,
    demand: pd.DataFrame,
    hours: Sequence[str] = CLOSING_HOURS,
    *,
    rule: int = 0,
    executor: Executor | None = None,
) -> list[Night]:
    """Run the night with each closing hour of the site that a rule moves calls away from.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND of whole days.
    hours : sequence of str
        Closing hours such as "20:30".
    rule : int
        Number of the overflow rule.
    executor : concurrent.futures.Executor, optional
        One after the other by default; the numbers are the same on every executor.

    Returns
    -------
    list of Night
        In the order of the hours.

    Examples
    --------
    >>> from planning import Centre
    >>> from planning.calendars import axis, day_start
    >>> times = axis(day_start("2026-11-23", "Europe/Moscow"), 1, 900)
    >>> flat = pd.DataFrame({"queue": "first_line", "interval_start": times, "calls": 60.0, "aht_s": 200.0})
    >>> nights = compared(closing_hours(Centre.load(), flat, ["20:00", "22:00"]))
    >>> nights[["way", "cost_day", "meets"]].round(-3)
         way   cost_day  meets
    0  20:00  359000.0   True
    1  22:00  367000.0   True
    """
    options = [Way(hour, closing_at(centre, hour, rule=rule), demand) for hour in hours]
    return _run(options, executor)


def alternatives(
    centre: Centre, demand: pd.DataFrame, *, rule: int = 0, executor: Executor | None = None
) -> list[Night]:
    """Run the night as it is and in every other way that `ways` knows.

    Examples
    --------
    >>> from planning import Centre
    >>> from planning.calendars import axis, day_start
    >>> times = axis(day_start("2026-11-23", "Europe/Moscow"), 1, 900)
    >>> flat = pd.DataFrame({"queue": "first_line", "interval_start": times, "calls": 60.0, "aht_s": 200.0})
    >>> nights = alternatives(Centre.load(), flat)
    >>> min(nights, key=lambda night: night.cost_day).way.name
    'Kaluga answers'
    >>> round(break_even_wage(nights[0], nights[1], "kaluga", "moscow"), 2)
    0.99
    >>> round(break_even_price(nights[0], nights[4]))
    47
    """
    return _run(ways(centre, demand, rule=rule), executor)


def _run(options: Sequence[Way], executor: Executor | None) -> list[Night]:
    nights = map(run_night, options) if executor is None else executor.map(run_night, options)
    return list(tqdm(nights, total=len(options), desc="nights", unit="night", leave=False))


def compared(nights: Sequence[Night]) -> pd.DataFrame:
    """Put nights side by side.

    Returns
    -------
    DataFrame
        A row a night in the order given: way, cost_day, cost_year, the parts of the cost (roubles a day),
        worst_day (the least distance of a queue's service level on a day to its target), worst_interval,
        meets (every queue on every day).
    """
    return pd.DataFrame([night.row for night in nights])


def closing_at(centre: Centre, hour: str | timedelta, *, rule: int = 0) -> Centre:
    """Return the centre whose rule begins at another hour.

    Queues that only the closing site answers stay there until their own end.

    Raises
    ------
    PlanningError
        The rule does not exist, moves calls by their wait, or has no queue that the other site can answer;
        the hour lies within an interval.

    Examples
    --------
    >>> from planning import Centre
    >>> closing_at(Centre.load(), "20:30").overflow[0].queues
    ['first_line', 'second_line', 'home_internet', 'vip']
    """
    given = _rule(centre, rule)
    moved = [name for name in centre.queues if _movable(centre, name, rule)]
    changes: dict[str, Any] = {
        f"overflow.{rule}.at": hour,
        f"overflow.{rule}.until": centre.sites[given.from_site].opens if given.until is None else given.until,
        f"overflow.{rule}.queues": moved,
    }
    later = centre.replace(changes | {f"sites.{given.from_site}.closes": "24:00"})
    begins = later.overflow[rule].at
    if begins is not None and begins.total_seconds() % centre.interval_s:
        raise PlanningError(
            f"closing hour is {hour}, must be a multiple of the interval of {centre.interval_s / 60:g} min: "
            "give another hour, or a shorter interval_s"
        )
    closes = max(centre.sites[given.from_site].closes, later.overflow[rule].at or timedelta(0))
    return later.replace({f"sites.{given.from_site}.closes": closes})


def ways(centre: Centre, demand: pd.DataFrame, *, rule: int = 0) -> list[Way]:
    """List the ways to run the night.

    As it is, never closed, closed at weekends only, call-back the next day, a partner, a third site.

    Parameters
    ----------
    centre : Centre
        With ``alternatives``, the prices of what is not in use.
    demand : DataFrame
        DEMAND of whole days.
    rule : int
        Number of the overflow rule whose alternatives are asked for.
    """
    prices = _prices(centre)
    given = _rule(centre, rule)
    planned = planned_demand(centre, demand)
    own, moved = _without_moved(centre, planned, rule)
    asleep, awake, third = (
        name.capitalize() for name in (given.from_site, given.to_site, prices.third_site.name)
    )
    return [
        Way(f"{awake} answers", centre, demand),
        Way(f"{asleep} never closes", _never_closes(centre, rule), demand),
        Way(f"{asleep} closes at weekends only", _weekends_only(centre, rule), demand),
        _call_back(centre, own, moved, prices, given.from_site),
        _partner(centre, own, moved, prices),
        Way(f"Third site: {third}", _third_site(centre, rule, prices), demand),
    ]


def break_even_wage(one: Night, other: Night, site: str, than: str) -> float:
    """Find the wage ratio of two sites at which two ways cost the same.

    The pay of `site` grows in proportion to its wages and nothing else does, so it is the root of a line.

    Parameters
    ----------
    one, other : Night
        Ways under the same wages.
    site, than : str
        The ratio is the wage of a `site`'s agent over that of the same team at `than`.

    Raises
    ------
    PlanningError
        Both ways pay the site the same, so no wage makes them equal.
    """
    pay = one.site_cost(site) - other.site_cost(site)
    rest = (one.cost_day - one.site_cost(site)) - (other.cost_day - other.site_cost(site))
    if abs(pay) < 1e-9:
        raise PlanningError(
            f"{one.way.name!r} and {other.way.name!r} pay {site} the same: no wage ratio decides between them"
        )
    return -rest / pay * _wage_ratio(one.way.centre, site, than)


def break_even_volume(
    centre: Centre,
    demand: pd.DataFrame,
    one: str,
    other: str,
    *,
    rule: int = 0,
    most: float = 8.0,
) -> float | None:
    """Find how many times the present night calls two ways cost the same, the largest such factor.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND of whole days.
    one, other : str
        Names of two of `ways`.
    rule : int
    most : float
        Largest factor that is looked at.

    Returns
    -------
    float or None
        Factor on all calls in the hours of the rule, to 0.01; None where one way is always cheaper.
    """
    planned = planned_demand(centre, demand)
    night = _while_closed(centre, planned, rule)

    def difference(factor: float) -> float:
        calls = planned["calls"] * np.where(night, factor, 1.0)
        found = {way.name: way for way in ways(centre, planned.assign(calls=calls), rule=rule)}
        pair = [_named(found, name) for name in (one, other)]
        first, second = (run_night(way).cost_day for way in pair)
        return first - second

    # Costs move by whole agents, so small crews may change sides more than once: from many calls down.
    high, above = most, difference(most)
    while high > 0.01:
        low = high / 2
        below = difference(low)
        if above * below <= 0:
            return float(brentq(difference, low, high, xtol=0.01))
        high, above = low, below
    return None


def break_even_price(site: Night, partner: Night) -> float:
    """Find the price of a call, roubles, at which a partner costs as much as the other site."""
    calls = sum(partner.way.promised.values()) / partner.days
    return (site.cost_day - partner.cost_day + float(partner.cost["partner"])) / calls


def _while_closed(centre: Centre, planned: pd.DataFrame, rule: int) -> NDArray[np.bool_]:
    """Tell which rows lie in the hours in which a rule moves calls."""
    calls = calls_by_site(centre, planned)
    given = _rule(centre, rule)
    gone = calls[(calls["home"] == given.from_site) & (calls["site"] != given.from_site)]
    return np.asarray(planned["interval_start"].isin(gone["interval_start"]))


def _named(found: Mapping[str, Way], name: str) -> Way:
    if name not in found:
        raise PlanningError(f"{name!r} is no way to run the night, must be one of {', '.join(found)}")
    return found[name]


# --- the ways ------------------------------------------------------------------------------------------


def _never_closes(centre: Centre, rule: int) -> Centre:
    site = centre.overflow[rule].from_site
    others = [one.model_dump() for number, one in enumerate(centre.overflow) if number != rule]
    return centre.replace(
        {"overflow": others, f"sites.{site}.opens": "00:00", f"sites.{site}.closes": "24:00"}
    )


def _weekends_only(centre: Centre, rule: int) -> Centre:
    """Day and night from Monday to Friday, calls elsewhere on Saturday and Sunday."""
    given = centre.overflow[rule]
    moved = [name for name in centre.queues if _movable(centre, name, rule)]
    weekend = {
        "from_site": given.from_site, "to_site": given.to_site, "queues": moved,
        "at": "00:00", "until": "24:00", "days": ["sat", "sun"],
    }  # fmt: skip
    never = _never_closes(centre, rule)
    return never.replace({"overflow": [*(one.model_dump() for one in never.overflow), weekend]})


def _call_back(
    centre: Centre, own: pd.DataFrame, moved: pd.DataFrame, prices: Alternatives, site: str
) -> Way:
    """Callers of the closed site leave a number; the day's agents of the site ring them back."""
    reached = moved["calls"] * prices.call_back_accepted
    hours = reached * prices.call_back_calls * moved["aht_s"] / 3600
    rate = moved["queue"].map(lambda queue: _day_rate(centre, queue, site))
    lost = moved["calls"] - reached
    price = moved["queue"].map(lambda queue: centre.queues[queue].abandoned_cost)
    costs = {"callbacks": float((hours * rate).sum()), "lost": float((lost * price).sum())}
    return Way("Call-back next day", centre, own, costs, moved.groupby("queue")["calls"].sum().to_dict())


def _day_rate(centre: Centre, queue: str, site: str) -> float:
    """Roubles an hour of work by day, the queue's own idle time and absence included."""
    team = centre.team_for(queue, site)
    if team is None:
        raise PlanningError(f"queues.{queue} has no team at {site} that could ring back: add one")
    busy = centre.queues[queue].target.max_occupancy or 1.0
    return hour_cost(centre, team) / busy / (1 - centre.teams[team].shrinkage)


def _partner(centre: Centre, own: pd.DataFrame, moved: pd.DataFrame, prices: Alternatives) -> Way:
    """A partner answers the closed site's callers at a price a call, and keeps the promise by contract."""
    calls = moved.groupby("queue")["calls"].sum()
    costs = {"partner": float(calls.sum() * prices.outsource_cost_call)}
    return Way("Partner at a price a call", centre, own, costs, promised=calls.to_dict())


def _third_site(centre: Centre, rule: int, prices: Alternatives) -> Centre:
    """A site where the night is day takes the rule's queues from both sites until the first one opens."""
    given, third = centre.overflow[rule], prices.third_site
    asleep = centre.sites[given.from_site]
    moved = [name for name in centre.queues if _movable(centre, name, rule)]
    raw = centre.model_dump()
    # It is not there yet, so every workplace is a new one.
    raw["sites"][third.name] = third.model_dump(include={"opens", "closes", "ahead_h"}) | {"seats": 0}
    for name in moved:
        team = centre.team_for(name, given.from_site) or centre.team_for(name, given.to_site)
        if team is not None:
            model = centre.teams[team].model_dump() | {"site": third.name, "queues": [name]}
            model["wage_month"] *= third.wage
            raw["teams"][f"{name}_{third.name}"] = model
    # From the third site's morning on it answers both sites' callers, until the first one opens.
    night = {"to_site": third.name, "at": third.opens, "until": asleep.opens, "queues": moved}
    begins = given.at if given.at is not None else asleep.closes
    evening = given.model_dump() | {"at": begins, "until": third.opens, "queues": moved}
    others = [one.model_dump() for number, one in enumerate(centre.overflow) if number != rule]
    raw["overflow"] = [
        *others, evening, {"from_site": given.from_site, **night}, {"from_site": given.to_site, **night}
    ]  # fmt: skip
    return centre.of(raw)


# --- what they share -----------------------------------------------------------------------------------


def _rule(centre: Centre, number: int) -> Any:
    if not 0 <= number < len(centre.overflow) or centre.overflow[number].after_s is not None:
        raise PlanningError(
            f"rule is {number}, must be the number of an overflow rule by the hour, of which the centre has "
            f"{[n for n, rule in enumerate(centre.overflow) if rule.after_s is None]}"
        )
    return centre.overflow[number]


def _movable(centre: Centre, queue: str, rule: int) -> bool:
    """Tell whether a rule moves callers of a queue and both sites can answer them."""
    given, settings = centre.overflow[rule], centre.queues[queue]
    asked = given.queues == "all" or queue in given.queues
    able = all(centre.team_for(queue, site) for site in (given.from_site, given.to_site))
    return asked and able and settings.sites.get(given.from_site, 0.0) > 0


def _without_moved(centre: Centre, planned: pd.DataFrame, rule: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide a planned demand into what stays and the calls that a rule moves (queue, calls, aht_s)."""
    given = _rule(centre, rule)
    calls = calls_by_site(centre, planned)
    gone = calls[(calls["home"] == given.from_site) & (calls["site"] != given.from_site)]
    keys = ["queue", "interval_start"]
    moved = gone.groupby(keys, as_index=False)["calls"].sum().merge(planned[[*keys, "aht_s"]], on=keys)
    lost = planned[keys].merge(moved[[*keys, "calls"]], on=keys, how="left")["calls"].fillna(0.0).to_numpy()
    # Where all calls are gone nobody is asked to be there, not even a least crew.
    stays = ~((lost > 0) & (lost >= planned["calls"] * (1 - 1e-9)))
    return planned.assign(calls=np.maximum(planned["calls"] - lost, 0.0))[stays], moved


def _prices(centre: Centre) -> Alternatives:
    if centre.alternatives is None:
        raise PlanningError("the centre has no [alternatives]: add their prices to its file to compare them")
    return centre.alternatives


def _wage_ratio(centre: Centre, site: str, than: str) -> float:
    """Wage of a site over another's, in the first queue that both answer."""
    for queue in centre.queues:
        here, there = (centre.team_for(queue, name) for name in (site, than))
        if here and there:
            return hour_cost(centre, here) / hour_cost(centre, there)
    raise PlanningError(f"{site} and {than} have no queue in common: name two sites that share one")
