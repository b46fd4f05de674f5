"""Alternatives for the night: other hours, no closing, call-backs, a partner, a third site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from tqdm import tqdm

from planning.centre.settings import WEEKDAYS
from planning.demand.planned import planned_demand
from planning.errors import PlanningError
from planning.overflow.closing import closing_rules, closing_site, movable_queues
from planning.overflow.flow import calls_by_site
from planning.overflow.night import Alternative, Night, run_night
from planning.pay import caller_costs, hour_cost

if TYPE_CHECKING:
    from planning.centre import Alternatives, Centre


def alternatives(centre: Centre, demand: pd.DataFrame, *, site: str | None = None) -> list[Alternative]:
    """List the ways to run the night of a site that closes.

    The first is today's; then the site never closes, or closes at weekends only. Where the centre has prices
    of ``alternatives``, callers are also called back the next day, answered by a partner, or by a third site.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND of whole days.
    site : str, optional
        The site that closes; needed where several do.

    Raises
    ------
    PlanningError
        The site is unclear, or no single overflow rule moves its callers when it closes.

    Examples
    --------
    >>> from planning import Centre
    >>> from planning.calendars import axis, day_start
    >>> times = axis(day_start("2026-11-23", "Europe/Moscow"), 1, 900)
    >>> flat = pd.DataFrame({"queue": "first_line", "interval_start": times, "calls": 60.0, "aht_s": 200.0})
    >>> nights = run_nights(alternatives(Centre.load(), flat))
    >>> min(nights, key=lambda night: night.cost_day).alternative.name
    'Kaluga answers'
    >>> round(break_even_wage(nights[0], nights[1], "kaluga", "moscow"), 2)
    0.99
    >>> round(break_even_price(nights[0], nights[4]))
    47
    """
    number = _rule(centre, site)
    rule = centre.overflow[number]
    asleep, awake = _title(rule.from_site), _title(rule.to_site)
    found = [
        Alternative(f"{awake} answers", centre, demand),
        Alternative(f"{asleep} never closes", _never_closes(centre, number), demand),
        Alternative(f"{asleep} closes at weekends only", _weekends_only(centre, number), demand),
    ]
    prices = centre.alternatives
    if prices is None:
        return found
    own, moved = _without_moved(centre, planned_demand(centre, demand), rule.from_site)
    return [
        *found,
        _call_back(centre, own, moved, prices, rule.from_site),
        _partner(centre, own, moved, prices),
        Alternative(
            f"Third site: {_title(prices.third_site.name)}", _third_site(centre, number, prices), demand
        ),
    ]


def run_nights(options: Sequence[Alternative], *, executor: Executor | None = None) -> list[Night]:
    """Evaluate the night under each of several alternatives, in their order.

    Parameters
    ----------
    options : sequence of Alternative
    executor : concurrent.futures.Executor, optional
        One after the other by default; the numbers are the same on every executor.
    """
    nights = map(run_night, options) if executor is None else executor.map(run_night, options)
    return list(tqdm(nights, total=len(options), desc="nights", unit="night", leave=False))


def compare_nights(nights: Sequence[Night]) -> pd.DataFrame:
    """Compare nights.

    Returns
    -------
    DataFrame
        A row per night in the order given: alternative, cost_day, cost_year, the parts of the cost per day,
        worst_day (the smallest margin of a queue's service level on a day over its target), worst_interval,
        meets (every queue on every day).
    """
    return pd.DataFrame([night.row for night in nights])


def break_even_wage(one: Night, other: Night, site: str, than: str) -> float:
    """Find the wage ratio of two sites at which two alternatives cost the same.

    The pay of `site` is proportional to its wages and nothing else depends on them, so the ratio is the root
    of a linear equation.

    Parameters
    ----------
    one, other : Night
        Both with the same wages.
    site, than : str
        The ratio is an agent's wage at `site` over that of the same team at `than`.

    Raises
    ------
    PlanningError
        Both pay the site the same, so no wage ratio makes them equal.
    """
    pay = one.site_cost(site) - other.site_cost(site)
    rest = (one.cost_day - one.site_cost(site)) - (other.cost_day - other.site_cost(site))
    if abs(pay) < 1e-9:
        raise PlanningError(
            f"{one.alternative.name!r} and {other.alternative.name!r} pay {site} the same: no wage ratio "
            "decides between them"
        )
    ratio = wage_ratio(one.alternative.centre, site, than)
    if ratio is None:
        raise PlanningError(f"{site} and {than} have no queue in common: name two sites that share one")
    return -rest / pay * ratio


def break_even_volume(
    centre: Centre,
    demand: pd.DataFrame,
    one: str,
    other: str,
    *,
    site: str | None = None,
    most: float = 8.0,
) -> float | None:
    """Find the largest factor on the night's calls at which two alternatives cost the same.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND of whole days.
    one, other : str
        Names of two of `alternatives`.
    site : str, optional
        The site that closes; needed where several do.
    most : float
        The largest factor to try.

    Returns
    -------
    float or None
        Factor on all calls in the hours in which the site's calls are moved, to 0.01; None where one
        alternative is always cheaper.
    """
    planned = planned_demand(centre, demand)
    closed = centre.overflow[_rule(centre, site)].from_site
    night = planned["interval_start"].isin(_moved(centre, planned, closed)["interval_start"])

    def difference(factor: float) -> float:
        calls = planned["calls"] * np.where(night, factor, 1.0)
        found = {
            option.name: option for option in alternatives(centre, planned.assign(calls=calls), site=site)
        }
        first, second = (run_night(_named(found, name)).cost_day for name in (one, other))
        return first - second

    # Costs change by whole agents, so they may cross more than once: search downwards from many calls.
    high, above = most, difference(most)
    while high > 0.01:
        low = high / 2
        below = difference(low)
        if above * below <= 0:
            return float(brentq(difference, low, high, xtol=0.01))
        high, above = low, below
    return None


def break_even_price(site: Night, partner: Night) -> float:
    """Find the price of a call at which a partner costs as much as the other site."""
    calls = sum(partner.alternative.promised.values()) / partner.days
    return (site.cost_day - partner.cost_day + float(partner.cost["partner"])) / calls


def _named(found: Mapping[str, Alternative], name: str) -> Alternative:
    if name not in found:
        raise PlanningError(f"{name!r} is not an alternative, must be one of {', '.join(found)}")
    return found[name]


# --- the alternatives ---------------------------------------------------------------------------------------


def _never_closes(centre: Centre, rule: int) -> Centre:
    site = centre.overflow[rule].from_site
    others = [one.model_dump() for number, one in enumerate(centre.overflow) if number != rule]
    return centre.replace(
        {"overflow": others, f"sites.{site}.opens": "00:00", f"sites.{site}.closes": "24:00"}
    )


def _weekends_only(centre: Centre, rule: int) -> Centre:
    """Open day and night on the site's working days; at its weekend, calls are answered elsewhere."""
    given = centre.overflow[rule]
    days = [WEEKDAYS[day] for day in centre.weekend(given.from_site)]
    moved = movable_queues(centre, rule)
    weekend = {
        "from_site": given.from_site, "to_site": given.to_site, "queues": moved,
        "at": "00:00", "until": "24:00", "days": days,
    }  # fmt: skip
    never = _never_closes(centre, rule)
    return never.replace({"overflow": [*(one.model_dump() for one in never.overflow), weekend]})


def _call_back(
    centre: Centre, own: pd.DataFrame, moved: pd.DataFrame, prices: Alternatives, site: str
) -> Alternative:
    """Callers of the closed site leave a number; the day's agents of the site ring them back."""
    reached = moved["calls"] * prices.call_back_accepted
    hours = reached * prices.call_back_calls * moved["aht_s"] / 3600
    rate = moved["queue"].map(lambda queue: _day_rate(centre, queue, site))
    lost = moved["calls"] - reached
    price = moved["queue"].map(caller_costs(centre)["unanswered"])
    costs = {"callbacks": float((hours * rate).sum()), "lost": float((lost * price).sum())}
    return Alternative(
        "Call-back next day", centre, own, costs, moved.groupby("queue")["calls"].sum().to_dict()
    )


def _day_rate(centre: Centre, queue: str, site: str) -> float:
    """Cost of an hour of work by day, including the queue's idle time and absence."""
    team = centre.team_for(queue, site)
    if team is None:
        raise PlanningError(f"queues.{queue} has no team at {site} that could ring back: add one")
    busy = centre.queues[queue].target.max_occupancy or 1.0
    return hour_cost(centre, team) / busy / (1 - centre.teams[team].shrinkage)


def _partner(centre: Centre, own: pd.DataFrame, moved: pd.DataFrame, prices: Alternatives) -> Alternative:
    """A partner answers the closed site's callers at a price a call, and keeps the promise by contract."""
    calls = moved.groupby("queue")["calls"].sum()
    costs = {"partner": float(calls.sum() * prices.outsource_cost_call)}
    return Alternative("Partner at a price a call", centre, own, costs, promised=calls.to_dict())


def _third_site(centre: Centre, rule: int, prices: Alternatives) -> Centre:
    """A site in another time zone takes the rule's queues from both sites until the first one opens."""
    given, third = centre.overflow[rule], prices.third_site
    asleep = centre.sites[given.from_site]
    moved = movable_queues(centre, rule)
    raw = centre.model_dump()
    # The site does not exist yet, so every desk is new.
    raw["sites"][third.name] = third.model_dump(include={"opens", "closes", "time_zone"}) | {"seats": 0}
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


def _rule(centre: Centre, site: str | None) -> int:
    """Number of the overflow rule that moves a site's callers when it closes."""
    name = closing_site(centre, site)
    rules = closing_rules(centre, name)
    if len(rules) != 1:
        raise PlanningError(
            f"{name} has {len(rules)} overflow rules by the hour, must have one for its alternatives to be "
            "priced: "
            + ("give one rule for all queues" if rules else "add a rule that says who answers then")
        )
    return rules[0]


def _moved(centre: Centre, planned: pd.DataFrame, site: str) -> pd.DataFrame:
    """Calls of a site that another site answers."""
    calls = calls_by_site(centre, planned)
    return calls[(calls["home"] == site) & (calls["site"] != site)]


def _without_moved(centre: Centre, planned: pd.DataFrame, site: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide a planned demand into what stays and the site's calls that another site answers."""
    keys = ["queue", "interval_start"]
    moved = (
        _moved(centre, planned, site)
        .groupby(keys, as_index=False)["calls"]
        .sum()
        .merge(planned[[*keys, "aht_s"]], on=keys)
    )
    lost = planned[keys].merge(moved[[*keys, "calls"]], on=keys, how="left")["calls"].fillna(0.0).to_numpy()
    # Without calls nobody is needed, not even the minimum number of agents.
    stays = ~((lost > 0) & (lost >= planned["calls"] * (1 - 1e-9)))
    return planned.assign(calls=np.maximum(planned["calls"] - lost, 0.0))[stays], moved


def wage_ratio(centre: Centre, site: str, than: str) -> float | None:
    """Ratio of two sites' wages, in the first queue that both answer; None if there is no such queue."""
    for queue in centre.queues:
        here, there = (centre.team_for(queue, name) for name in (site, than))
        if here and there:
            return hour_cost(centre, here) / hour_cost(centre, there)
    return None


def _title(site: str) -> str:
    return site.replace("_", " ").capitalize()
