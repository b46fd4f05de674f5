"""Staff trimmed until each promise is just kept: taken away where it is over-kept, added where it breaks."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linprog
from scipy.special import expit, logit

from planning.calendars import midnights, time_of_day
from planning.demand.planned import planned_demand
from planning.pay import cost_of, hour_cost
from planning.roster.contracts import contracts_of, cover_by_people
from planning.roster.frames import breaks_of, unnamed
from planning.roster.staff import staff_of
from planning.shifts import CoverSettings, horizon, shapes
from planning.simulation.certificate import MEAN, kept_promises, promise_days
from planning.simulation.replications import Heads, Present, Simulation, run, summarise, wired_of
from planning.staffing import heads_present, requirement

if TYPE_CHECKING:
    from planning.centre import Centre
    from planning.queueing import Target
    from planning.shifts import CoverPlan
    from planning.simulation.wiring import Wired

ROUNDS = 3
"""How often the service levels to staff for are changed, all of them at once."""
REPAIRS = 4
"""How often staff are added where these, together, break a promise after all."""
PROOFS = 3
"""How often the least that can still be taken away is then tried."""
STEP = 0.1
"""The smallest step of a service level to staff for, on the logit scale: about 1.6 points at 80 %."""
RAISE = 0.5
"""The step of a promise that no level kept yet."""
LEAP = 3.0
"""The largest step."""
SLOPES = (0.3, 1.0)
"""Bounds of how far the simulated level follows the level to staff for, both as logits."""
QUICK = CoverSettings(gap=0.02, effort=0.1)
"""The search for the shifts of a trial; where it leaves more than the usual gap, the usual one follows."""
POINT = 0.01
"""A point of a service level."""
HIGHEST = float(logit(0.99999))
UNTRIED = "fewer heads were not tried alone"
FEWEST = "the fewest agents, or the highest occupancy, that the target allows"


@dataclass(frozen=True)
class Trimmed:
    """What a plan gave up and added until each promise was just kept, and what a promise costs.

    Attributes
    ----------
    requirement : DataFrame
        REQUIREMENT of the trimmed plan.
    cover, staff : CoverPlan, DataFrame
        Its shifts, and PEOPLE as `planning.roster.contracts.cover_by_people` gives them.
    promises : DataFrame
        Index queue, day: target, staffed_for (the service level given to the formulas), before and after
        (the simulated service level), kept (share of the simulated days that keep it), verdict, given_up_h
        (hours of heads taken out of the requirement; negative where some were added) and stopped (why no
        further head was taken).
    teams : DataFrame
        Index team: paid_h_before, paid_h, cost_before, cost.
    prices : DataFrame
        Index queue: less and more, what a promise of one point less saves and of one point more costs, by the
        formulas and the plan's cost of a required hour.
    bound : float
        No plan of this demand that keeps the promises costs less (`fluid_bound`).
    """

    requirement: pd.DataFrame
    cover: CoverPlan
    staff: pd.DataFrame
    promises: pd.DataFrame
    teams: pd.DataFrame
    prices: pd.DataFrame
    bound: float

    @property
    def summary(self) -> dict[str, Any]:
        """In figures, as in ``summary.json``."""
        return {
            "saved": round(self.saved, 2),
            "least_cost": round(self.bound, 2),
            "given_up_h": round(float(self.promises["given_up_h"].sum()), 2),
            "queues": {
                str(name): {
                    "given_up_h": round(float(rows["given_up_h"].sum()), 2),
                    "before": round(float(rows["before"].mean()), 4),
                    "after": round(float(rows["after"].mean()), 4),
                    "a_point_less_saves": round(float(self.prices.loc[name, "less"]), 2),
                    "a_point_more_costs": round(float(self.prices.loc[name, "more"]), 2),
                    "stopped": {f"{day:%Y-%m-%d}": why for (_, day), why in rows["stopped"].items()},
                }
                for name, rows in self.promises.groupby("queue", sort=False)
            },
        }

    @property
    def saved(self) -> float:
        """Money saved; negative if promises broke before, and cost more than others gave up."""
        return float(self.teams["cost_before"].sum() - self.teams["cost"].sum())


class _Trial(NamedTuple):
    """One requirement with its shifts, and what callers meet."""

    needed: pd.DataFrame
    cover: CoverPlan
    staff: pd.DataFrame
    wired: Wired
    cost: pd.DataFrame
    simulation: Simulation
    kept: pd.DataFrame

    @property
    def unmet(self) -> pd.MultiIndex:
        """Teams and intervals that lack agents."""
        return pd.MultiIndex.from_frame(self.cover.unmet[["team", "interval_start"]])

    @property
    def holds(self) -> bool:
        """Whether every promise is proven to be kept."""
        return bool((self.kept["verdict"] == "holds").all())

    @property
    def excess(self) -> pd.Series:
        """How far the level that is proven is above the target, as logits."""
        edge = 1e-4
        proven, target = (self.kept[name].clip(edge, 1 - edge) for name in ("proven", "target"))
        return logit(proven) - logit(target)

    @property
    def spent(self) -> float:
        """Cost of the staff."""
        return float(self.cost["total_cost"].sum())


def trim(
    centre: Centre,
    demand: pd.DataFrame,
    people: pd.DataFrame | None = None,
    *,
    hire: Mapping[str, float] | None = None,
    move: Mapping[tuple[str, str], float] | None = None,
    needed: pd.DataFrame | None = None,
    replications: int = 200,
    seed: int = 1,
    executor: Executor | None = None,
) -> Trimmed:
    """Find fewer heads with which each promise is kept in the simulation with its whole 95 % band.

    The formulas staff each interval by itself and round up; whole shifts, second skills and overflow add to
    that. So a lower service level is given to the formulas for each queue and day, as long as the simulated
    promise is kept, and a higher one where it breaks. All queues and days move together, so that few covers
    are needed, and every trial meets the same callers. At last the least step that takes a head away is tried
    for each promise, at most `PROOFS` times, until it breaks one or saves nothing. Heads of a pooled queue
    are taken from the dearest site and added at the cheapest one whose people can fill them.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND.
    people, hire, move
        As for `planning.plan`.
    needed : DataFrame, optional
        REQUIREMENT to begin with; by default that of the formulas.
    replications, seed, executor
        As for `planning.simulate`.

    Returns
    -------
    Trimmed
        The cheapest requirement tried with which every promise was kept; if there was none, the last one.
        What saves nothing is not given up: hours that contracts hold are paid whether worked or not.

    Notes
    -----
    A search on the logit of the service level to staff for: its distance to the target is the step, held
    between the last level that kept the promise and the last that broke it.
    """
    formula, full = requirement(centre, demand), set[str]()
    start = formula if needed is None else needed
    contracts = contracts_of(centre, people, horizon(centre, start), hire, move)
    judge = partial(_trial, centre, demand, replications=replications, seed=seed, executor=executor)

    def tried(needed: pd.DataFrame, settings: CoverSettings | None = QUICK) -> _Trial:
        found = cover_by_people(centre, needed, people, contracts=contracts, settings=settings)
        return judge(needed, *found)

    def staffed_for(levels: pd.Series) -> pd.DataFrame:
        wanted = requirement(centre, demand, service_level=_daily(levels, formula))
        return _by_price(centre, formula, wanted, full)

    first = trial = tried(start, None)
    levels = logit(first.kept["target"].clip(1 - expit(HIGHEST), expit(HIGHEST)))
    low, high = pd.Series(-np.inf, levels.index), pd.Series(np.inf, levels.index)
    found = [(levels, trial)]
    for number in range(ROUNDS + REPAIRS):
        holds = trial.kept["verdict"] == "holds"
        high, low = high.where(~holds, np.minimum(high, levels)), low.where(holds, np.maximum(low, levels))
        high = high.where(high > low, np.inf)  # it broke after all: other days have changed its shifts
        known = number >= ROUNDS
        if known and holds.all() and levels.equals(high):
            break
        levels = high if known else _next(found, low, high)
        levels = levels.where(np.isfinite(levels), np.minimum(low + RAISE, HIGHEST))
        needed = staffed_for(levels)
        if needed.equals(trial.needed):  # whole agents: too small a step
            if holds.all():
                break
            continue
        trial = tried(needed)
        # Where shifts do not reach, more people do not either; elsewhere the team has none left.
        over = {str(team) for team, _ in trial.unmet.difference(first.unmet)}
        if over - full:  # shifts that nobody can fill prove nothing
            full |= over
            trial = tried(staffed_for(levels))
        found.append((levels, trial))
    good = [one for one in found if one[1].holds]
    levels, best = min(good, key=lambda one: round(one[1].spent, 2)) if good else found[-1]
    trials, again = [one for _, one in found], tried
    if best is not first and best.cover.gap > CoverSettings().gap:
        again = partial(tried, settings=None)
        trials.append(again(best.needed))
        if trials[-1].holds and trials[-1].spent < best.spent:
            best = trials[-1]
    stopped: dict[Any, str] = {}
    for _ in range(PROOFS):
        lower = _fewer(centre, demand, levels, best.needed).mask(levels.index.isin(list(stopped)), levels)
        if not best.holds or lower.equals(levels):
            break
        trials.append(less := again(staffed_for(lower)))
        if less.holds and less.spent < best.spent:
            levels, best = lower, less
        else:
            stopped |= _why_not(centre, best, less, lower.index[lower < levels])
    more = _fewer(centre, demand, levels, best.needed) < levels
    why = pd.Series(
        [stopped.get(key, UNTRIED if more[key] else FEWEST) for key in levels.index], levels.index
    )
    return _trimmed(centre, demand, levels, trials, best, why)


def _fewer(centre: Centre, demand: pd.DataFrame, levels: pd.Series, needed: pd.DataFrame) -> pd.Series:
    """Lower the level of each promise until the formulas take a head from it, if they ever do."""
    now, found = _hours(centre, needed).reindex(levels.index), levels
    for step in STEP * 2.0 ** np.arange(7):
        lower = (levels - step).clip(lower=-HIGHEST)
        wanted = requirement(centre, demand, service_level=_daily(lower, needed))
        takes = _hours(centre, wanted).reindex(levels.index) < now
        found = found.mask(takes & found.eq(levels), lower)
    return found


def _why_not(centre: Centre, best: _Trial, less: _Trial, lowered: pd.MultiIndex) -> dict[Any, str]:
    """Say for each promise what fewer heads would do to it; where only some break theirs, of those alone."""
    hours = _hours(centre, best.needed) - _hours(centre, less.needed)
    broke = less.kept["verdict"] != "holds"
    own = lowered.intersection(broke.index[broke])
    what = "save nothing" if less.holds else "break the promise" if len(own) else "break another promise"
    return {
        key: f"{hours[key]:g} agent-hours less {what}: {less.kept.loc[key, 'simulated']:.1%}"
        for key in (own if len(own) else lowered)
    }


def _daily(levels: pd.Series, needed: pd.DataFrame) -> pd.Series:
    """Service level to staff for by queue and day; that of a week goes for each of its days."""
    days = midnights(pd.DatetimeIndex(needed["interval_start"])).unique().sort_values()
    by_queue = expit(levels).round(5).unstack("queue")
    found: pd.Series = by_queue.reindex(days).ffill().rename_axis("day").unstack()
    return found


def _next(found: list[tuple[pd.Series, _Trial]], low: pd.Series, high: pd.Series) -> pd.Series:
    """The next levels to staff for: as far as the promise is from its target, between what is known."""
    levels, trial = found[-1]
    gap, slope = trial.excess, pd.Series(SLOPES[1], levels.index)
    if len(found) > 1:  # a secant
        moved = (levels - found[-2][0]).replace(0.0, np.nan)
        slope = ((gap - found[-2][1].excess) / moved).clip(*SLOPES).fillna(SLOPES[1])
    step = (gap / slope).clip(-LEAP, LEAP)
    wish = levels - step.where(step.abs() > STEP, np.copysign(STEP, gap))
    wish = wish.where((wish > low) & (wish < high), (low + high) / 2)
    return wish.where(high - low > STEP, high)


def _trial(
    centre: Centre,
    demand: pd.DataFrame,
    needed: pd.DataFrame,
    shifts: CoverPlan,
    staff: pd.DataFrame,
    *,
    replications: int,
    seed: int,
    executor: Executor | None,
) -> _Trial:
    """Simulate the shifts of a requirement with heads without names."""
    roster = unnamed(shifts.shifts)
    breaks = breaks_of(shifts, roster)
    wired = wired_of(centre, demand, Present(Heads(roster), breaks))
    days = run(centre, wired, replications=replications, seed=seed, executor=executor)
    found = summarise(wired, days, seed)
    times = horizon(centre, needed)
    owed_h = staff_of(centre, staff, roster, times).groupby("team")["owed_h"].sum()
    cost = cost_of(centre, roster, breaks, times, owed_h).set_index("team")
    return _Trial(needed, shifts, staff, wired, cost, found, kept_promises(centre, found))


def _by_price(centre: Centre, formula: pd.DataFrame, wanted: pd.DataFrame, full: set[str]) -> pd.DataFrame:
    """Take the heads that a pooled queue gives up from its dearest sites, and add others at the cheapest.

    Teams in `full` get no more than the formula gives them.
    """
    parts = []
    for name, rows in wanted.groupby("queue", sort=False):
        queue = centre.queues[str(name)]
        if not queue.pooled or queue.waits:
            parts.append(rows)
            continue
        wide = rows.pivot(index="interval_start", columns="site", values="rostered")
        before = formula[formula["queue"] == name].pivot(
            index="interval_start", columns="site", values="rostered"
        )
        heads = before.fillna(0).to_numpy(np.int64, copy=True)
        left = wide.sum(axis=1).to_numpy(np.int64) - heads.sum(axis=1)
        teams = [centre.team_for(str(name), site) or "" for site in wide]
        dearest = sorted(range(len(teams)), key=lambda at: -hour_cost(centre, teams[at]))
        for at in dearest:
            given = np.minimum(np.maximum(-left, 0), np.maximum(heads[:, at] - queue.min_agents, 0))
            heads[:, at] -= given
            left += given
        for at in reversed(dearest):
            if teams[at] not in full:
                more = np.where(before.iloc[:, at].notna(), np.maximum(left, 0), 0)
                heads[:, at] += more
                left -= more
        present = [heads_present(heads[:, at], centre.teams[team].shrinkage) for at, team in enumerate(teams)]
        cell = wide.index.get_indexer(rows["interval_start"]), wide.columns.get_indexer(rows["site"])
        parts.append(rows.assign(rostered=heads[cell], agents=np.column_stack(present)[cell]))
    return pd.concat(parts, ignore_index=True)[list(formula.columns)]


def _trimmed(
    centre: Centre,
    demand: pd.DataFrame,
    levels: pd.Series,
    found: list[_Trial],
    best: _Trial,
    stopped: pd.Series,
) -> Trimmed:
    """Compare the best trial with the first one, that of the formulas."""
    first = found[0]
    given_up = _hours(centre, found[0].needed) - _hours(centre, best.needed)
    names = ["target", "over", "asked", "simulated", "kept", "verdict"]
    promises = best.kept[names].rename(columns={"simulated": "after"})
    promises.insert(3, "staffed_for", expit(levels))
    promises.insert(4, "before", first.kept["simulated"])
    both = {"paid_h": "paid_h", "total_cost": "cost"}
    teams = pd.concat(
        [
            first.cost[[*both]].rename(columns={old: f"{new}_before" for old, new in both.items()}),
            best.cost[[*both]].rename(columns=both),
        ],
        axis=1,
    )
    return Trimmed(
        requirement=best.needed,
        cover=best.cover,
        staff=best.staff,
        promises=promises.assign(
            given_up_h=given_up.reindex(promises.index, fill_value=0.0), stopped=stopped
        ),
        teams=teams.fillna(0.0),
        prices=_prices(centre, found, best),
        bound=fluid_bound(centre, demand),
    )


def _prices(centre: Centre, found: list[_Trial], best: _Trial) -> pd.DataFrame:
    """What a promise of a point less saves, and of a point more costs, by queue: measured on the trials.

    The hours of heads rise in proportion to the logit of the simulated service level; the slope is that of
    the trials of each queue, day by day. An hour has the price that the trials show for the queue's teams:
    hours that contracts hold are paid either way and cost nothing.
    """
    hours = pd.concat([_hours(centre, one.needed) for one in found], axis=1, keys=range(len(found)))
    level = pd.concat([logit(one.kept["simulated"].clip(1e-4, 1 - 1e-4)) for one in found], axis=1)
    hours = hours.reindex(level.index)
    hours, level = (
        table.sub(table.mean(axis=1), axis=0) for table in (hours, level.set_axis(hours.columns, axis=1))
    )
    queue = level.index.get_level_values("queue")
    slope = ((hours * level).sum(axis=1).groupby(queue, sort=False).sum()
             / (level**2).sum(axis=1).groupby(queue, sort=False).sum())  # fmt: skip
    days = pd.Series(queue).value_counts()
    target = best.kept["target"].groupby("queue", sort=False).first()
    at = logit(target.clip(POINT, 1 - POINT / 2))
    price = pd.Series({name: _hour_cost(centre, found, str(name)) for name in target.index})
    moved = {
        "less": at - logit((target - POINT).clip(lower=POINT)),
        "more": logit((target + POINT).clip(upper=1 - POINT / 4)) - at,
    }
    return pd.DataFrame(
        {name: (slope * by * days * price).clip(lower=0.0) for name, by in moved.items()}
    ).reindex(target.index)


def _hour_cost(centre: Centre, found: list[_Trial], queue: str) -> float:
    """What an hour of heads of a queue costs, by the cheapest and the dearest trial of its teams."""
    teams = [name for name, team in centre.teams.items() if team.queues[:1] == [queue]]
    cost = np.array([one.cost["total_cost"].reindex(teams).sum() for one in found])
    hours = np.array([_hours(centre, one.needed).get(queue, pd.Series(0.0)).sum() for one in found])
    spread = hours - hours.mean()
    return float(max((spread @ cost) / (spread @ spread), 0.0)) if spread.any() else 0.0


def _hours(centre: Centre, needed: pd.DataFrame) -> pd.Series:
    """Hours of heads by promise: queue and day, or the first day of a week."""
    times = horizon(centre, needed)
    day = [
        rows["interval_start"].map(pd.Series(promise_days(centre, times, str(name)), times))
        for name, rows in needed.groupby("queue", sort=False)
    ]
    by = [needed["queue"], pd.concat(day).rename("day")]
    hours: pd.Series = needed["rostered"].groupby(by, sort=False).sum()
    return hours * centre.interval_s / 3600


def fluid_bound(centre: Centre, demand: pd.DataFrame) -> float:
    """Cost below which no plan keeps the promises: only the work of those who must be answered.

    A fluid bound: agents are divisible, calls are answered in the interval in which they arrive, by the
    cheapest team that may, as long as its site has desks. Nobody waits for work, except as far as the
    occupancy that is promised demands it. Absence and paid rests are added; premiums, whole shifts and the
    pay of idle hours are not.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND.
    """
    rows = planned_demand(centre, demand)
    rows = rows[~rows["queue"].map({name: queue.waits for name, queue in centre.queues.items()}).astype(bool)]
    times = pd.DatetimeIndex(rows["interval_start"]).tz_convert(centre.time_zone)
    rows = rows.assign(cell=np.arange(len(rows)), time=times, day=midnights(times), clock=time_of_day(times))
    rows["load"] = rows["calls"] * rows["aht_s"] / centre.interval_s
    teams = [
        (name, team.site, queue, _price_on_position(centre, name))
        for name, team in centre.teams.items()
        for queue in team.queues
    ]
    # A variable for the agents of each team that may answer a queue in an interval.
    may = rows.merge(pd.DataFrame(teams, columns=["team", "site", "queue", "price"]), on="queue")
    may = may[
        [centre.sites[site].is_open(clock) for site, clock in zip(may["site"], may["clock"], strict=True)]
    ]
    asked = {name: _least_answered(queue.target) for name, queue in centre.queues.items()}
    must = (rows["load"] * rows["queue"].map(asked)).groupby([rows["queue"], rows["day"]], sort=False).sum()
    busy = {name: queue.target.max_occupancy or 1.0 for name, queue in centre.queues.items()}
    desks = {name: site.seats for name, site in centre.sites.items() if site.seats is not None}
    seated = may[may["site"].isin(desks)]
    at_desk = seated.groupby(["site", "time"], sort=False).ngroup().reindex(may.index)
    room = seated.groupby(["site", "time"], sort=False)["site"].first().map(desks)
    heads = 1 / may["queue"].map(busy).to_numpy()  # agents for an agent's worth of work
    found = linprog(
        may["price"] * heads * centre.interval_s / 3600,
        A_ub=sparse.vstack([
            _sums(may["cell"]),
            _sums(may.groupby(["queue", "day"], sort=False).ngroup()) * -1.0,
            _sums(at_desk) @ sparse.diags_array(heads),
        ]),
        b_ub=np.concatenate([rows["load"], -must, room]),
        method="highs",
    )  # fmt: skip
    return float(found.fun) if found.success else 0.0


def _sums(group: pd.Series) -> sparse.csr_array:
    """A row for each group of variables, which adds them up; missing is in no group."""
    known = group.notna().to_numpy()
    rows = group[known].to_numpy(np.int64)
    cells = (rows, np.flatnonzero(known))
    return sparse.csr_array((np.ones(len(rows)), cells), shape=(rows.max(initial=-1) + 1, len(group)))


def _least_answered(target: Target) -> float:
    """Share of the calls that must be answered, whatever happens on the days that may break the promise."""
    if target.service_level is not None:
        return target.service_level * (1.0 if target.kept == MEAN else target.kept)
    return 0.0 if target.max_abandonment is None else 1 - target.max_abandonment


def _price_on_position(centre: Centre, team: str) -> float:
    """The least that an hour of an agent on position costs, with absence and paid rests."""
    here = centre.at(centre.teams[team].site)
    rests = min(
        kind.paid_s / (kind.paid_s - sum(slot.length_s for slot in kind.slots if slot.paid))
        for kind in shapes(here)
    )
    return hour_cost(centre, team) * rests / (1 - centre.teams[team].shrinkage)
