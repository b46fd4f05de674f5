"""Specialists: what they do, and what it is worth to teach some of them another team's work."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import pandas as pd

from planning.calendars import local_day
from planning.centre import Centre, clock_text
from planning.checks import one_of
from planning.deferred import age_when_done
from planning.demand.planned import planned_demand
from planning.errors import PlanningError
from planning.pay import caller_costs, hour_cost
from planning.shifts.cover import CoverPlan, on_position
from planning.simulation import Simulation, paired_difference, simulate
from planning.simulation.replications import Heads, Present
from planning.staffing import requirement
from planning.systems.quality import DAYS_MONTH
from planning.tables import ROSTER


def profile(centre: Centre, demand: pd.DataFrame, queues: Iterable[str]) -> pd.DataFrame:
    """Describe queues: volume, handle time, hours, and the share of their calls that other queues send.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND of whole days; calls handed on are counted only from the queues in it.
    queues : iterable of str

    Returns
    -------
    DataFrame
        Index queue: calls (a day), aht_s, cv (of the handle time), hours ("09:00-21:00"), handed_on (share of
        the calls that other queues send), due_days.
    """
    rows = planned_demand(centre, demand)
    calls = rows.groupby("queue")["calls"].sum()
    days = local_day(pd.DatetimeIndex(rows["interval_start"])).nunique()
    found = {}
    for name in queues:
        settings, own = centre.queues[name], rows[rows["queue"] == name]
        sent = sum(
            calls.get(other, 0.0) * queue.transfers.get(name, 0.0) for other, queue in centre.queues.items()
        )
        found[name] = {
            "calls": calls[name] / days,
            "aht_s": float(np.average(own["aht_s"], weights=own["calls"])),
            "cv": settings.service_cv,
            "hours": f"{clock_text(settings.opens)}-{clock_text(settings.closes)}",
            "handed_on": sent / calls[name],
            "due_days": settings.due_days,
        }
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("queue")


def simulated_age(
    centre: Centre, simulation: Simulation, needed: pd.DataFrame, plan: CoverPlan, queue: str
) -> float:
    """Age of the oldest work that waits, from the free time of a simulation, as a check of `waiting_work`.

    Parameters
    ----------
    centre : Centre
    simulation : Simulation
        The simulation of the calls of the team that does the work.
    needed : DataFrame
        REQUIREMENT, which says what work arrives when.
    plan : CoverPlan
        The cover, which says how many are on position.
    queue : str

    Returns
    -------
    float
        Days.
    """
    own, settings = needed[needed["queue"] == queue], centre.queues[queue]
    team = str(centre.team_for(queue, str(own["site"].iloc[0])))
    busy = simulation.occupancy[team].fillna(0.0)
    times, hour = pd.DatetimeIndex(busy.index), centre.interval_s / 3600
    mine = plan.shifts[plan.shifts["team"] == team]
    here = on_position(mine, plan.patterns, times) * (1 - centre.teams[team].shrinkage)
    free = pd.Series(here * (1 - busy.to_numpy()), times)
    by_time = own.set_index("interval_start").reindex(times)
    calls = needed[
        (needed["queue"] == centre.teams[team].queues[0]) & (needed["site"] == own["site"].iloc[0])
    ]
    wanted = calls.set_index("interval_start")["agents"].reindex(times).fillna(0.0)
    # Heads beyond those needed for calls do the work; the other free time is pauses between calls.
    extra = np.minimum(np.maximum(here - wanted, 0.0), free)
    able = (settings.target.max_occupancy or 1.0) * extra + settings.beside_calls * (free - extra)
    able = able.where(by_time["calls"].notna(), 0.0)
    work = by_time["load_erlangs"].fillna(0.0).to_numpy() * hour
    return float(age_when_done(work, able.to_numpy() * hour, interval_s=centre.interval_s).max())


def positions(centre: Centre, needed: pd.DataFrame) -> pd.DataFrame:
    """Turn the agents of a requirement into a roster of positions, each filled while it is needed.

    Parameters
    ----------
    centre : Centre
    needed : DataFrame
        REQUIREMENT.

    Returns
    -------
    DataFrame
        ROSTER; position k of a team is filled whenever the team needs more than k agents.
    """
    length = pd.Timedelta(seconds=centre.interval_s)
    rows = []
    for (queue, site), own in needed.groupby(["queue", "site"], sort=False):
        team = str(centre.team_for(str(queue), str(site)))
        times = pd.DatetimeIndex(own["interval_start"])
        for number in range(int(own["agents"].max())):
            there = times[own["agents"].to_numpy() > number]
            begins = there[np.append(True, np.diff(there) > length)]
            ends = there[np.append(np.diff(there) > length, True)] + length
            rows += [
                (f"{team}_position_{number:03d}", site, team, f"{team}_{number}_{start:%d%H%M}", start, end)
                for start, end in zip(begins, ends, strict=True)
            ]
    table = pd.DataFrame(rows, columns=["agent_id", "site", "team", "shift_id", "start", "end"])
    hours = (table["end"] - table["start"]) / pd.Timedelta(hours=1)
    return table.assign(paid_h=hours, night_h=0.0)[list(ROSTER.columns)]


def flexibility(
    centre: Centre,
    demand: pd.DataFrame,
    teams: tuple[str, str],
    cross_trained: Iterable[int],
    *,
    fewer: int = 0,
    replications: int = 100,
    seed: int = 1,
) -> pd.DataFrame:
    """Simulate two teams of a site in which some have learnt the other team's work.

    Everybody answers their own queue first; people with both skills take the other queue's calls when free.
    The same callers come each time (common random numbers). The positions are those of the requirement,
    without absence; those that are filled longest learn first.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND of the queues of both teams.
    teams : (str, str)
    cross_trained : iterable of int
        Positions in each team whose people have both skills, up to the size of the team.
    fewer : int
        Agents to take from each team at any time; at least one stays.
    replications, seed : int

    Returns
    -------
    DataFrame
        A row for each number: cross_trained, the service level of each queue, holds (whether both meet their
        target), late (callers of both who are not answered within their thresholds, per replication),
        abandoned_cost (of callers who give up), gain (reduction of late callers from the first row) and
        half_width (of its 95 % band).

    Raises
    ------
    PlanningError
        A team is unknown, or the two are at different sites.
    """
    return _simulated(
        centre, demand, teams, cross_trained, fewer=fewer, replications=replications, seed=seed
    )[0]


def _simulated(
    centre: Centre,
    demand: pd.DataFrame,
    teams: tuple[str, str],
    cross_trained: Iterable[int],
    *,
    fewer: int = 0,
    replications: int,
    seed: int,
) -> tuple[pd.DataFrame, list[pd.Series]]:
    """The table of `flexibility`, and for each row the cost of callers who give up by replication."""
    queues = _queues_of(centre, teams)
    planned = planned_demand(centre, demand)
    own = planned[planned["queue"].isin(queues)]
    needed = requirement(centre, own)
    needed = needed[[not centre.queues[name].waits for name in needed["queue"]]].reset_index(drop=True)
    there = (needed["site"] == centre.teams[teams[0]].site).to_numpy()
    needed["agents"] = needed["agents"].where(~there, (needed["agents"] - fewer).clip(lower=1))
    roster = positions(centre, needed)
    breaks = pd.DataFrame(
        {"agent_id": [], "shift_id": [], "start": roster["start"][:0], "end": roster["end"][:0]}
    )
    rows, lost, first = [], [], None
    for count in cross_trained:
        shared, people = _with_both_skills(centre, roster, teams, count)
        present = Present(Heads(people), breaks)
        found = simulate(shared, own, present, replications=replications, seed=seed)
        met = found.queues.loc[queues]
        late = ((1 - found.levels[queues]) * met["offered"]).sum(axis=1)
        cost = caller_costs(centre).loc[queues, "unanswered"]
        lost.append(found.gave_up[queues] @ cost)
        first = late if first is None else first
        gain = paired_difference(first, late)
        targets = [centre.queues[name].target.service_level or 0.0 for name in queues]
        holds = bool((met["service_level"] >= targets).all())
        worth = (late.mean(), lost[-1].mean(), gain.mean, gain.half_width)
        rows.append((count, *met["service_level"], holds, *worth))
    columns = ["cross_trained", *queues, "holds", "late", "abandoned_cost", "gain", "half_width"]
    return pd.DataFrame(rows, columns=columns), lost


def _queues_of(centre: Centre, teams: tuple[str, str]) -> list[str]:
    """First queues of two teams of one site."""
    for team in teams:
        one_of("teams", team, list(centre.teams))
    one, other = (centre.teams[team] for team in teams)
    if one.site != other.site:
        raise PlanningError(f"teams are {' and '.join(teams)}, must be at one site: choose two of one site")
    return [one.queues[0], other.queues[0]]


def _with_both_skills(
    centre: Centre, roster: pd.DataFrame, teams: tuple[str, str], count: int
) -> tuple[Centre, pd.DataFrame]:
    """The centre without absence, and a roster whose first positions in both teams have both skills."""
    raw, people = centre.model_dump(), roster.copy()
    hours = roster.groupby("agent_id")["paid_h"].sum().sort_values(ascending=False, kind="stable")
    for team, other in (teams, teams[::-1]):
        queues = [centre.teams[team].queues[0], centre.teams[other].queues[0]]
        raw["teams"][f"{team}_both"] = raw["teams"][team] | {"queues": queues}
        own = [name for name in hours.index if name.startswith(f"{team}_position_")][:count]
        people["team"] = people["team"].where(~people["agent_id"].isin(own), f"{team}_both")
    for settings in raw["teams"].values():
        settings["shrinkage"] = 0.0
    return Centre.of(raw), people


def designs(
    centre: Centre,
    demand: pd.DataFrame,
    teams: tuple[str, str],
    cross_trained: Iterable[int],
    fewer: Iterable[int],
    *,
    replications: int = 100,
    seed: int = 1,
) -> pd.DataFrame:
    """Price two teams in which some people have learnt the other team's work and there are fewer agents.

    Parameters
    ----------
    centre, demand, teams, cross_trained, replications, seed
        As for `flexibility`; the demand of one day.
    fewer : iterable of int
        Agents to take from each team at any time.

    Returns
    -------
    DataFrame
        The columns of `flexibility`, with fewer, wages_cost (saved on agents per day), skills_cost
        (`cost_of_skills`), net_worth (saved per day against separate teams with all their agents, net of
        callers who give up) and doubt (half-width of the 95 % band of its difference from the largest net
        worth with which the targets hold, from the same callers).
    """
    queues, counts = _queues_of(centre, teams), list(cross_trained)
    run = partial(_simulated, centre, demand, teams, replications=replications, seed=seed)
    made = {number: run(counts, fewer=number) for number in fewer}
    table = pd.concat([rows.assign(fewer=number) for number, (rows, _) in made.items()], ignore_index=True)
    lost = [one for _, costs in made.values() for one in costs]
    planned = planned_demand(centre, demand)
    needed = requirement(centre, planned[planned["queue"].isin(queues)])
    here = needed[needed["site"] == centre.teams[teams[0]].site]
    hours = here.groupby("queue").size()[queues].to_numpy() * centre.interval_s / 3600
    rates = [hour_cost(centre, team) / (1 - centre.teams[team].shrinkage) for team in teams]
    positions_here = table["cross_trained"].clip(upper=int(here["agents"].max()))
    more_lost = table["abandoned_cost"] - run([0])[0]["abandoned_cost"].iloc[0]
    table["wages_cost"] = table["fewer"] * float(hours @ rates)
    table["skills_cost"] = positions_here * cost_of_skills(centre, teams, 1, hours=float(hours.max()))
    table["net_worth"] = table["wages_cost"] - table["skills_cost"] - more_lost
    held = table["net_worth"][table["holds"]]
    best = lost[int((table["net_worth"] if held.empty else held).idxmax())]
    return table.assign(doubt=[paired_difference(best, one).half_width for one in lost])


def cost_of_skills(centre: Centre, teams: tuple[str, str], agents: int, *, hours: float) -> float:
    """Daily cost of people who know the other team's work: their premium and the training.

    Parameters
    ----------
    centre : Centre
    teams : (str, str)
    agents : int
        Positions with both skills in each team.
    hours : float
        Hours per day that such a position is filled; several people share it.

    Returns
    -------
    float

    Raises
    ------
    PlanningError
        The centre has no settings of specialists.

    Examples
    --------
    >>> from planning import Centre
    >>> round(cost_of_skills(Centre.load(), ("internet_moscow", "claims_moscow"), 1, hours=12.0))
    1337
    """
    settings = centre.systems.part("specialists")
    rate = sum(hour_cost(centre, team) for team in teams)
    month_h = hours * DAYS_MONTH
    people = month_h / centre.pay.norm_h_month
    learning = people * settings.training_h / settings.keeps_months / DAYS_MONTH
    return float(agents * rate * (settings.skill_premium * hours + learning))


def waits_of(contacts: pd.DataFrame, history: pd.Series) -> pd.DataFrame:
    """Compare the waits of groups of callers who arrived in the same intervals.

    Parameters
    ----------
    contacts : DataFrame
        CALLS of one queue, as `planning.simulation.contacts_of` gives them.
    history : Series
        The group of each caller, on the index of the contacts.

    Returns
    -------
    DataFrame
        Index group: calls, handle_s (mean), wait_s (mean, less the mean of all callers of the same quarter of
        an hour), half_width (of 95 % bands that cover all groups at once, after Bonferroni).
    """
    from scipy.stats import norm

    usual = contacts.groupby(contacts["arrival"].dt.floor("15min"))["wait_s"].transform("mean")
    table = contacts.assign(more_s=contacts["wait_s"] - usual, group=history)
    found = table.groupby("group").agg(
        calls=("more_s", "size"),
        handle_s=("handle_s", "mean"),
        wait_s=("more_s", "mean"),
        sd=("more_s", "std"),
    )
    z = norm.isf(0.025 / len(found))
    return found.assign(half_width=z * found.pop("sd") / np.sqrt(found["calls"]))
