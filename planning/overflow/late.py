"""Overflow by day: callers who have waited too long at home are answered by the other site."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from planning.centre.routing import late_rules
from planning.errors import PlanningError
from planning.overflow.steps import on_site
from planning.service import check_unbroken
from planning.simulation import Law, Network, Queue, Team, simulate_day
from planning.simulation.replications import open_seats

if TYPE_CHECKING:
    from planning.centre import Centre

__all__ = ["late_shares"]


def late_shares(
    centre: Centre, needed: pd.DataFrame, queue: str, *, replications: int = 50, seed: int = 1
) -> pd.DataFrame:
    """Simulate a queue whose sites work apart but take each other's calls after a wait.

    Each caller stands in the line of the own site; an overflow rule with `after_s` lets the other site's
    free agents take who has waited that long, their own callers first.

    Parameters
    ----------
    centre : Centre
    needed : DataFrame
        REQUIREMENT, of hours in which every site answers its own callers.
    queue : str
    replications, seed : int

    Returns
    -------
    DataFrame
        home, interval_start, calls (mean offered), a column a site (share of the calls answered there) and
        service_level. What is missing to 1 has given up.

    Raises
    ------
    PlanningError
        No rule moves the queue's callers by their wait, or the requirement has a gap.

    Examples
    --------
    >>> from planning import Centre, requirement
    >>> late = {"from_site": "moscow", "to_site": "kaluga", "after_s": 5, "queues": ["first_line"]}
    >>> rules = [*Centre.load().model_dump()["overflow"], late]
    >>> centre = Centre.load().replace({"overflow": rules, "queues.first_line.pooled": False})
    >>> noon = pd.date_range("2026-11-23 12:00", periods=4, freq="15min", tz="Europe/Moscow")
    >>> flat = pd.DataFrame({"queue": "first_line", "interval_start": noon, "calls": 400.0, "aht_s": 200.0})
    >>> late_shares(centre, requirement(centre, flat), "first_line").groupby("home")["kaluga"].mean().round(2)
    home
    kaluga    0.99
    moscow    0.01
    Name: kaluga, dtype: float64
    """
    rules = late_rules(centre, queue)
    if not rules:
        raise PlanningError(f"no overflow rule moves {queue} after a wait: add one with after_s")
    sites = on_site(needed, queue)
    check_unbroken(centre, queue, sites.index)
    network = _network(centre, needed, queue, sites)
    days = [simulate_day(network, seed=seed, replication=number).contacts for number in range(replications)]
    contacts = pd.concat(days, ignore_index=True)
    edges = np.arange(len(sites) + 1) * centre.interval_s
    contacts["interval"] = np.searchsorted(edges, contacts["arrival_s"], side="right") - 1
    threshold = centre.queues[queue].target.threshold_s
    contacts["within"] = contacts["answer_s"] - contacts["arrival_s"] <= threshold
    keys = ["queue", "interval"]
    counted = contacts[contacts["interval"] < len(sites)].astype({"queue": "str", "team": "str"})
    offered = counted.groupby(keys).size()
    answered = counted.groupby([*keys, "team"]).size().unstack("team", fill_value=0)
    table = answered.reindex(columns=list(sites), fill_value=0).div(offered, axis=0)
    table = table.assign(calls=offered / replications, service_level=counted.groupby(keys)["within"].mean())
    table = table.reset_index().rename(columns={"queue": "home"})
    table["interval_start"] = sites.index[table["interval"]]
    return table[["home", "interval_start", "calls", *sites, "service_level"]]


def _network(centre: Centre, needed: pd.DataFrame, queue: str, sites: pd.DataFrame) -> Network:
    """Describe the sites to the engine: a line a home site, seats of each site on its own and late calls."""
    settings, rows = centre.queues[queue], needed[needed["queue"] == queue]
    calls = rows.pivot(index="interval_start", columns="site", values="calls").fillna(0.0)
    aht_s = rows.groupby("interval_start")["aht_s"].first()
    mean_s = float(np.average(aht_s, weights=calls.sum(axis=1)))
    lines, helped = [], {site: [site] for site in sites}
    for home in sites:
        after = {r.to_site: r.after_s for r in late_rules(centre, queue) if r.from_site == home}
        helped = {site: [*lines_of, home] if site in after else lines_of for site, lines_of in helped.items()}
        line = Queue(
            home,
            Law.exponential(mean_s),
            (home, *after),
            service_scale=(aht_s / mean_s).to_numpy(),
            calls=calls[home].to_numpy(),
            patience=Law.never() if isinf(settings.patience_s) else Law.exponential(settings.patience_s),
            lookup=Law.deterministic(settings.lookup_s),
            overflow_s={site: float(wait or 0.0) for site, wait in after.items()},
            threshold_s=settings.target.threshold_s,
        )
        lines.append(line)
    teams = tuple(Team(site, tuple(queues)) for site, queues in helped.items())
    seats = [seat for site in sites for seat in open_seats(site, sites[site].to_numpy(), centre.interval_s)]
    return Network(tuple(lines), teams, tuple(seats), interval_s=float(centre.interval_s))
