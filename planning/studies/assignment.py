"""VIPs and their personal managers: who looks after whom, who stands in, and who answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from ortools.math_opt.python import mathopt

from planning.checks import Floats, number
from planning.errors import PlanningError
from planning.queueing import erlang_b
from planning.systems.vip import on_own_clock

if TYPE_CHECKING:
    from planning.centre.systems import Vip

_LIMITS = mathopt.SolveParameters(relative_gap_tolerance=5e-3, node_limit=20, random_seed=1)


def languages_of(settings: Vip, managers: pd.DataFrame) -> pd.DataFrame:
    """Read the languages of the managers from their skills.

    Parameters
    ----------
    settings : Vip
    managers : DataFrame
        PEOPLE.

    Returns
    -------
    DataFrame
        Index manager, a column a language.
    """
    skills = managers.set_index("agent_id")["skills"].fillna("").str.split()
    table = {kind: skills.map(lambda has, kind=kind: kind in has) for kind in settings.languages}
    return pd.DataFrame(table, index=skills.index.rename("manager"), dtype=bool)


def duty_hours(roster: pd.DataFrame, hours: pd.DatetimeIndex) -> pd.DataFrame:
    """Tell for each hour whether each manager of a roster is on duty at its midpoint.

    Parameters
    ----------
    roster : DataFrame
        ROSTER, or BREAKS to see who is on a break.
    hours : DatetimeIndex
        Starts of intervals of equal length.

    Returns
    -------
    DataFrame
        Index the hours, a column per manager, True or False.
    """
    middle = hours + (hours[1] - hours[0]) / 2
    table = {}
    for manager, own in roster.groupby("agent_id"):
        there = [(row.start <= middle) & (middle < row.end) for row in own.itertuples()]
        table[str(manager)] = np.logical_or.reduce(there)
    return pd.DataFrame(table, index=hours)


def reach_in_plan(
    own: pd.DataFrame, roster: pd.DataFrame, breaks: pd.DataFrame, calls: pd.Series, free: pd.DataFrame
) -> float:
    """Share of the VIP calls whose personal manager is on position, present and not on another call.

    This is an independent check of `own_agent` of a simulation: each call meets the mean state of its
    interval.

    Parameters
    ----------
    own : DataFrame
        As `own_shares` gives it.
    roster, breaks : DataFrame
        ROSTER and BREAKS.
    calls : Series
        Index interval_start.
    free : DataFrame
        Index interval_start, a column per team: probability that a member on position is present and idle.
    """
    times = pd.DatetimeIndex(own.index)
    duty, pause = (
        duty_hours(rows, times).reindex(columns=own.columns, fill_value=False).to_numpy()
        for rows in (roster, breaks)
    )
    teams = roster.drop_duplicates("agent_id").set_index("agent_id")["team"].reindex(own.columns)
    idle = free.reindex(index=own.index, columns=teams).fillna(0.0).to_numpy()
    return float((own.to_numpy() * (duty & ~pause) * idle).sum(axis=1) @ calls / calls.sum())


def calling_hours(vips: pd.DataFrame, calls_by_hour: ArrayLike, hours: pd.DatetimeIndex) -> pd.DataFrame:
    """Share of each VIP's calls in each hour: the same daily profile on each VIP's own clock.

    Parameters
    ----------
    vips : DataFrame
        As `synthetic_vips` gives them.
    calls_by_hour : array_like, shape (24,)
        By hour of the caller's clock, in any unit.
    hours : DatetimeIndex

    Returns
    -------
    DataFrame
        Index vip, a column per hour; rows add up to 1.
    """
    weights = on_own_clock(vips, calls_by_hour, hours)
    return pd.DataFrame(weights / weights.sum(axis=1, keepdims=True), index=vips.index, columns=hours)


def assign_vips(
    settings: Vip, vips: pd.DataFrame, speaks: pd.DataFrame, calling: pd.DataFrame, duty: pd.DataFrame
) -> pd.Series:
    """Give each VIP a manager who speaks the VIP's language and is on duty at those hours, with few changes.

    An integer program minimises the calls that arrive while the VIP's manager is away, plus a price for each
    change of manager. No manager gets more than `spread` above an even share of the calls, by hours on duty.

    Parameters
    ----------
    settings : Vip
    vips, speaks
        As `synthetic_vips` gives them.
    calling : DataFrame
        As `calling_hours` gives it.
    duty : DataFrame
        As `duty_hours` gives it; its managers are those who may be assigned.

    Returns
    -------
    Series
        Index vip: the manager.

    Raises
    ------
    PlanningError
        Nobody on duty speaks one of the languages, or those who do cannot take all its calls.
    """
    managers = list(duty.columns)
    away = calling.to_numpy() @ ~duty.to_numpy()
    change = vips["manager"].to_numpy()[:, None] != np.array(managers)
    cost = vips["share"].to_numpy()[:, None] * (away + settings.keep * change)
    fits = np.stack([
        speaks.loc[managers, kind].to_numpy(bool) if kind else np.ones(len(managers), bool)
        for kind in vips["language"]
    ])  # fmt: skip
    if not fits.any(axis=1).all():
        kind = vips["language"].iloc[int((~fits.any(axis=1)).argmax())]
        raise PlanningError(f"no manager on duty speaks {kind!r}: hire or roster one who does")
    most = (1 + settings.spread) * duty.to_numpy().sum(axis=0) / duty.to_numpy().sum()
    chosen = _solve_assignment(cost, fits, vips["share"].to_numpy(), most)
    return pd.Series(np.array(managers)[chosen], index=vips.index, name="manager")


def _solve_assignment(
    cost: Floats, fits: NDArray[np.bool_], share: Floats, most: Floats
) -> NDArray[np.int64]:
    """Assign each row to a column at least cost, within the columns' capacity."""
    model = mathopt.Model()
    takes = {(int(v), int(m)): model.add_binary_variable() for v, m in np.argwhere(fits)}
    for row in range(cost.shape[0]):
        own = [takes[row, int(m)] for m in np.flatnonzero(fits[row])]
        model.add_linear_constraint(mathopt.fast_sum(own) == 1)
    for column in range(cost.shape[1]):
        load = [share[v] * takes[int(v), column] for v in np.flatnonzero(fits[:, column])]
        model.add_linear_constraint(mathopt.fast_sum(load) <= most[column])
    model.minimize(mathopt.fast_sum(float(cost[pair]) * variable for pair, variable in takes.items()))
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=_LIMITS)
    if not result.has_primal_feasible_solution():
        raise PlanningError(
            "no assignment respects the languages and keeps every manager within spread of an even share: "
            "raise spread, or roster more managers who speak the languages"
        )
    values = np.zeros(cost.shape)
    for pair, variable in takes.items():
        values[pair] = result.variable_values(variable)
    return np.asarray(values.argmax(axis=1), dtype=np.int64)


def backup_pairs(duty: pd.DataFrame, calls: pd.Series) -> pd.Series:
    """Pair managers so that for as many of the VIPs' calls as possible one of the two is on duty.

    Parameters
    ----------
    duty : DataFrame
        As `duty_hours` gives it.
    calls : Series
        Index the hours: share of the VIPs' calls.

    Returns
    -------
    Series
        Index manager: the backup; missing for a manager left without a partner.

    Examples
    --------
    >>> duty = pd.DataFrame({"ann": [1, 0], "ben": [1, 0], "eva": [0, 1], "leo": [0, 1]}, dtype=bool)
    >>> sorted(zip(duty.columns, backup_pairs(duty, pd.Series([0.5, 0.5])).str[0]))[0][1] in "el"
    True
    """
    managers, there = list(duty.columns), duty.to_numpy()
    weight = calls.to_numpy()
    model = mathopt.Model()
    pairs = {(i, j): model.add_binary_variable() for j in range(len(managers)) for i in range(j)}
    for one in range(len(managers)):
        own = [variable for pair, variable in pairs.items() if one in pair]
        model.add_linear_constraint(mathopt.fast_sum(own) <= 1)
    gain = {(i, j): float(weight @ (there[:, i] | there[:, j])) for i, j in pairs}
    model.maximize(mathopt.fast_sum(gain[pair] * variable for pair, variable in pairs.items()))
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=_LIMITS)
    backup: dict[str, str | None] = dict.fromkeys(managers)
    for (i, j), variable in pairs.items():
        if result.variable_values(variable) > 0.5:
            backup[managers[i]], backup[managers[j]] = managers[j], managers[i]
    return pd.Series(backup, name="backup", dtype=object).rename_axis("manager")


def answered_by(
    own_load: ArrayLike, backup_load: ArrayLike, own_there: ArrayLike, backup_there: ArrayLike
) -> tuple[Floats, Floats]:
    r"""Probability that a VIP's own manager answers, and that the backup does; the team answers the rest.

    Two managers who stand in for each other are a loss system of two servers with an order of choice. With
    loads a and b and s = a + b, both are idle with p00 = 1 / (1 + s + s^2 / 2) as in Erlang B, and only the
    first is busy with p10 = (a + s^2 / 2) / (1 + s) p00. A manager who is on duty alone carries both loads.

    Parameters
    ----------
    own_load, backup_load : array_like
        Erlangs of the manager's own VIPs and of the backup's.
    own_there, backup_there : array_like of bool
        Whether each is on duty.

    Returns
    -------
    own, backup : ndarray

    Examples
    --------
    >>> own, backup = answered_by(0.2, 0.2, True, [True, False])
    >>> own.round(3), backup.round(3)
    (array([0.811, 0.714]), array([0.135, 0.   ]))
    """
    a, b = np.asarray(own_load, float), np.asarray(backup_load, float)
    here, there = np.asarray(own_there, bool), np.asarray(backup_there, bool)
    total = a + b
    idle = 1 / (1 + total + total**2 / 2)
    own_only = (a + total**2 / 2) / (1 + total) * idle
    backup_only = (b + total**2 / 2) / (1 + total) * idle
    alone = 1 / (1 + total)
    own = np.where(here & there, idle + backup_only, np.where(here, alone, 0.0))
    backup = np.where(here & there, own_only, np.where(there, alone, 0.0))
    return own, backup


def reach_by_hour(
    vips: pd.DataFrame,
    assigned: pd.Series,
    backups: pd.Series,
    calling: pd.DataFrame,
    duty: pd.DataFrame,
    *,
    calls: float,
    aht_s: float,
) -> pd.DataFrame:
    """Probability that the VIP's own manager or the backup answers a call, by hour of the day.

    Parameters
    ----------
    vips, assigned, backups, calling, duty
        As the functions above give them.
    calls : float
        VIP calls over all hours of `duty`.
    aht_s : float
        Mean handle time, seconds.

    Returns
    -------
    DataFrame
        Index hour of the day, on the clock of `duty`: calls (share), own, backup, team (the rest); each a
        share of the hour's calls.
    """
    volume = calling.mul(vips["share"] * calls, axis=0)
    by_manager = volume.groupby(assigned).sum().reindex(duty.columns, fill_value=0.0).T
    load = by_manager * aht_s / 3600
    partner = backups.reindex(duty.columns)
    other = load.reindex(columns=partner, fill_value=0.0).to_numpy()
    present = duty.reindex(columns=partner, fill_value=False).to_numpy(bool)
    own, backup = answered_by(load.to_numpy(), other, duty.to_numpy(), present)
    parts = pd.DataFrame(
        {
            "calls": by_manager.sum(axis=1).to_numpy(),
            "own": (by_manager.to_numpy() * own).sum(axis=1),
            "backup": (by_manager.to_numpy() * backup).sum(axis=1),
        },
        index=duty.index.hour,
    )
    table = parts.groupby(level=0).sum().rename_axis("hour")
    shares = table[["own", "backup"]].div(table["calls"], axis=0)
    return shares.assign(team=1 - shares.sum(axis=1)).assign(calls=table["calls"] / table["calls"].sum())


def groups_for(load: ArrayLike, *, share: float, hours_week: float, groups: Iterable[int]) -> pd.DataFrame:
    """Managers needed if each VIP knows a group of them and one must be free for a share of the calls.

    In every hour of the week, each group has the fewest on duty with whom Erlang B blocks at most ``1 -
    share``.

    Parameters
    ----------
    load : array_like, shape (168,)
        All VIPs' load by hour of a week, erlangs.
    share : float
        Share of the calls that the group must answer.
    hours_week : float
        Hours a week that a manager is on duty, net of leave and absence.
    groups : iterable of int
        How many groups to try.

    Returns
    -------
    DataFrame
        groups, managers (all), in_group (managers that a VIP knows).

    Examples
    --------
    >>> groups_for(np.full(168, 1.0), share=0.95, hours_week=34.0, groups=[1, 4]).round(1)
       groups  managers  in_group
    0       1      19.8      19.8
    1       4      39.5       9.9
    """
    number("share", share, high=1.0, open_low=True, open_high=True, remedy="write 0.95 for 95 %")
    hourly = np.asarray(load, float)
    rows = []
    for count in groups:
        each = hourly / count
        tried = np.arange(1, 3 + int(each.max() + 10 * np.sqrt(each.max() + 1)))
        enough = erlang_b(each[:, None], tried) <= 1 - share
        on_duty = tried[enough.argmax(axis=1)].sum()
        rows.append((count, count * on_duty / hours_week, on_duty / hours_week))
    return pd.DataFrame(rows, columns=["groups", "managers", "in_group"])
