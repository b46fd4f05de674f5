"""Sites apart: the service of each site's own callers over the day, and every closing with its overrun."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.centre.routing import answering_sites, late_rules
from planning.checks import Floats
from planning.errors import PlanningError
from planning.queueing.handover import Overrun, closings, exact_sites, overrun, states_at_closings
from planning.queueing.transient import exact_states
from planning.service import check_unbroken, heads_on_site
from planning.staffing import behind_lookup, promised_service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planning.centre import Centre

# Measures that a home's callers take from the site that answers them.
_OF_THE_ANSWER = ("agents", "formula", "service_level", "wait_probability", "abandonment", "queue_end")


@dataclass(frozen=True)
class _Evening:
    """A queue's requirement as arrays: a row per interval, a column per site."""

    times: pd.DatetimeIndex
    sites: list[str]
    calls: Floats
    aht_s: Floats
    agents: Floats
    answers: NDArray[np.int64]


def apart_service(
    centre: Centre,
    needed: pd.DataFrame,
    queue: str,
    *,
    agents: pd.DataFrame | None = None,
    waiting: str = "move",
) -> pd.DataFrame:
    """Service of a queue whose sites work apart, for each site's own callers, hand-overs included.

    Parameters
    ----------
    centre : Centre
    needed : DataFrame
        REQUIREMENT.
    queue : str
        A queue that is not pooled.
    agents : DataFrame, optional
        Agents on position: index interval_start, a column per site; by default those of the requirement. They
        do not count while a site answers nobody.
    waiting : {"move", "call_back", "lost"}
        What happens to the callers who wait at a site when it closes: they join the queue of the site that
        takes over, placed by time of arrival, are promised a call-back, or are lost.

    Returns
    -------
    DataFrame
        A row per interval and home site, in that order: interval_start, home, site (which answers), calls (of
        the home), aht_s; formula (service level by the stationary formula, interval by interval),
        service_level and wait_probability, exact, of the callers who arrive; agents, abandonment and
        queue_end of the site that answers, over all its callers; closing_queue and overrun_s of the home
        site: callers who waited when it closed, and seconds that its leavers still work.

    Raises
    ------
    PlanningError
        The queue is not in the requirement, is pooled, closes in between, or moves callers after a wait; or
        the requirement has calls at a site that answers nobody.

    Examples
    --------
    From 22:00 on the same for both homes, and better at first than the formula says:

    >>> from planning import Centre, requirement
    >>> centre = Centre.load().replace({"queues.first_line.pooled": False})
    >>> times = pd.date_range("2026-11-23 21:30", periods=4, freq="15min", tz="Europe/Moscow")
    >>> demand = pd.DataFrame(
    ...     {"queue": "first_line", "interval_start": times, "calls": 150.0, "aht_s": 200.0}
    ... )
    >>> needed = requirement(centre, demand)
    >>> found = apart_service(centre, needed, "first_line")
    >>> found[["home", "site", "agents", "formula", "service_level"]].iloc[2:].round(4)
         home    site  agents  formula  service_level
    2  moscow  moscow      28   0.9548         0.9551
    3  kaluga  kaluga      20   0.9523         0.9526
    4  moscow  kaluga      43   0.9528         0.9766
    5  kaluga  kaluga      43   0.9528         0.9766
    6  moscow  kaluga      43   0.9528         0.9537
    7  kaluga  kaluga      43   0.9528         0.9537
    """
    evening = _evening(centre, needed, queue, agents)
    settings = centre.queues[queue]
    if settings.pooled:
        raise PlanningError(f"queues.{queue}.pooled is true, must be false: use exact_service")
    stays, target = behind_lookup(settings, settings.patience_s)
    found = exact_sites(
        evening.calls * stays,
        evening.aht_s,
        evening.agents,
        evening.answers,
        interval_s=centre.interval_s,
        patience_s=settings.patience_s,
        threshold_s=target.threshold_s,
        waiting=waiting,
    )
    found["abandonment"] = 1.0 - stays * (1.0 - found["abandonment"])
    for column in ("service_level", "wait_probability"):
        found[column] *= stays
    found["formula"] = promised_service(
        settings,
        found["calls"] / stays,
        evening.aht_s.ravel(),
        found["agents"],
        centre.interval_s,
        settings.patience_s,
    )
    return _by_home(evening, found)


def _by_home(evening: _Evening, found: pd.DataFrame) -> pd.DataFrame:
    """Give each home's callers the measures of the site that answers them."""
    count = len(evening.sites)
    answering = (np.arange(len(evening.times))[:, None] * count + evening.answers).ravel()
    there = found.iloc[answering].reset_index(drop=True)
    names = np.array(evening.sites, dtype=object)
    return pd.DataFrame(
        {
            "interval_start": evening.times.repeat(count),
            "home": np.tile(names, len(evening.times)),
            "site": names[evening.answers.ravel()],
            "calls": evening.calls.ravel(),
            "aht_s": evening.aht_s.ravel(),
            **{name: there[name] for name in _OF_THE_ANSWER},
            **{name: found[name] for name in ("closing_queue", "overrun_s")},
        }
    )


def closing_overruns(
    centre: Centre,
    needed: pd.DataFrame,
    queue: str,
    *,
    agents: pd.DataFrame | None = None,
    waiting: str = "move",
) -> pd.DataFrame:
    """List the closings of a queue's sites, with the callers who wait and how long the agents still work.

    This also works for a pooled queue: its callers wait in the common queue of all sites and stay in it, and
    the leavers are some of all its agents.

    Parameters
    ----------
    centre, needed, queue, agents, waiting
        As in `apart_service`; `waiting` matters only to queues that are apart.

    Returns
    -------
    DataFrame
        A row per closing: at, site, into (the site that takes over), agents (who leave), and the fields of
        `Overrun`.

    Examples
    --------
    The hall in Moscow is dark after twelve minutes on average, and after twenty on 95 % of the evenings:

    >>> from planning import Centre, requirement
    >>> centre = Centre.load().replace({"queues.first_line.pooled": False})
    >>> times = pd.date_range("2026-11-23 21:30", periods=4, freq="15min", tz="Europe/Moscow")
    >>> demand = pd.DataFrame(
    ...     {"queue": "first_line", "interval_start": times, "calls": 150.0, "aht_s": 200.0}
    ... )
    >>> needed = requirement(centre, demand)
    >>> found = closing_overruns(centre, needed, "first_line")
    >>> found[["site", "into", "agents", "busy", "total_s", "last_s", "last_95_s"]].round(1)
         site    into  agents  busy  total_s  last_s  last_95_s
    0  moscow  kaluga      28  19.8   3959.1   712.8     1191.1
    """
    evening = _evening(centre, needed, queue, agents)
    settings = centre.queues[queue]
    stays, _ = behind_lookup(settings, settings.patience_s)
    rules: dict[str, Any] = {"interval_s": centre.interval_s, "patience_s": settings.patience_s}
    given = (evening.calls * stays, evening.aht_s, evening.agents)
    by_site = states_at_closings(*given, evening.answers, waiting=waiting, **rules)
    together = _pooled_states(*given, **rules) if settings.pooled else None
    rows = []
    for i, into, site in closings(evening.answers):
        team = evening.agents[i - 1]
        leaving, aht_s = int(team[site]), float(evening.aht_s[i, site])
        if together is None:
            found = overrun(by_site[i][0][site], leaving, aht_s)
        else:
            found = overrun(together[i - 1], int(team.sum()), aht_s, leaving=leaving)
        names = evening.sites[site], evening.sites[into]
        rows.append((evening.times[i], *names, leaving, *astuple(found)))
    measures = [field.name for field in fields(Overrun)]
    return pd.DataFrame(rows, columns=["at", "site", "into", "agents", *measures])


def _pooled_states(calls: Floats, aht_s: Floats, agents: Floats, **rules: Any) -> Floats:
    """Return the law of the number of callers in one queue over all sites at the end of each interval."""
    leaving = np.maximum(-np.diff(agents, axis=0, prepend=agents[:1]), 0).sum(axis=1)
    staff = agents.sum(axis=1)
    return exact_states(calls.sum(axis=1), aht_s[:, 0], staff, leaving=leaving, start="stationary", **rules)


def _evening(centre: Centre, needed: pd.DataFrame, queue: str, agents: pd.DataFrame | None) -> _Evening:
    """Read a queue's requirement: who calls, who answers, with how many agents."""
    rows = needed[needed["queue"] == queue]
    if rows.empty:
        raise PlanningError(f"queue {queue!r} is not in the requirement, which has {set(needed['queue'])}")
    share = centre.queues[queue].sites
    if late_rules(centre, queue) and not centre.queues[queue].pooled:
        raise PlanningError(
            f"queues.{queue} moves callers after a wait (after_s), must keep its sites apart while both are "
            "open: drop the rule, or simulate a whole plan, which keeps it"
        )
    times = pd.DatetimeIndex(rows["interval_start"].unique()).sort_values()
    check_unbroken(centre, queue, times)
    answers = answering_sites(centre, queue, times)
    if (closed := answers.isna().any(axis=1).to_numpy()).any():
        raise PlanningError(
            f"the requirement of {queue} has a row at {times[closed][0]:%Y-%m-%d %H:%M}, when "
            "nobody answers: make it for this centre"
        )
    sites = list(dict.fromkeys([*answers.columns, *answers.to_numpy().ravel()]))
    into = _answers(answers, sites, share)
    heads = heads_on_site(rows, times, agents).reindex(columns=sites).fillna(0.0).to_numpy(dtype=np.float64)
    aht_s = rows.groupby("interval_start")["aht_s"].first().reindex(times).to_numpy()
    return _Evening(
        times,
        sites,
        calls=_home_calls(rows, times, sites, into, share),
        aht_s=np.repeat(aht_s[:, None], len(sites), axis=1),
        agents=np.where(into == np.arange(len(sites)), heads, 0.0),
        answers=into,
    )


def _answers(answers: pd.DataFrame, sites: list[str], share: Mapping[str, float]) -> NDArray[np.int64]:
    """Return the number of the answering site by interval and site.

    A site that is nobody's home has callers only by overflow; when it closes, they go where most of them go.
    """
    number_of = {site: at for at, site in enumerate(sites)}
    into = np.array([[number_of[name] for name in row] for row in answers.to_numpy()], dtype=np.int64)
    weight = np.array([share[home] for home in answers.columns])
    guests = np.zeros((len(into), len(sites) - into.shape[1]), dtype=np.int64)
    for i, row in enumerate(into):
        for at in range(guests.shape[1]):
            site = at + into.shape[1]
            had = np.where(into[max(i - 1, 0)] == site, 1.0 + weight, weight)
            guests[i, at] = site if site in row else row[np.argmax(had)]
    return np.hstack([into, guests])


def _home_calls(
    rows: pd.DataFrame,
    times: pd.DatetimeIndex,
    sites: list[str],
    into: NDArray[np.int64],
    share: Mapping[str, float],
) -> Floats:
    """Divide the calls that each site answers by the shares of the homes that it answers."""
    answered = rows.pivot(index="interval_start", columns="site", values="calls")
    answered = answered.reindex(index=times).fillna(0.0)
    for name in answered.columns:
        idle = ~(into == sites.index(name)).any(axis=1) if name in sites else np.ones(len(times), dtype=bool)
        bad = idle & (answered[name] > 0.0).to_numpy()
        if bad.any():
            raise PlanningError(
                f"the requirement has {answered[name][bad].iloc[0]:g} calls for {name} at "
                f"{times[bad][0]:%Y-%m-%d %H:%M}, when it answers nobody: make it for this centre"
            )
    here = answered.reindex(columns=sites).fillna(0.0).to_numpy()
    weight = np.broadcast_to([share.get(site, 0.0) for site in sites], into.shape)
    at = np.arange(len(times))[:, None]
    total = np.zeros_like(here)
    np.add.at(total, (at, into), weight)
    part = np.divide(weight, total[at, into], out=np.zeros_like(here), where=total[at, into] > 0.0)
    calls: Floats = part * here[at, into]
    return calls
