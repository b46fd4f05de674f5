"""How good forecasts are: rolling-origin backtests, and a ledger that always compares with last week."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.checks import Floats, whole
from planning.demand.doubt import learn_doubt, middle_share
from planning.demand.history import History, histories
from planning.demand.intervals import MAX_DAYS, local_zone
from planning.demand.methods import METHODS, corrected, handle_times, learnt_trees
from planning.errors import PlanningError
from planning.tables import DEMAND, FORECAST

MIN_BEHIND = 14
RELEARN_DAYS = 7
"""Days for which fitted trees are reused when past days are forecast again, because fitting is slow."""
WARM_DAYS = 56
NEARLY = 1.03
"""Errors within this factor of the smallest count as equal."""
BAND = (0.1, 0.9)


def backtest(
    demand: pd.DataFrame,
    *,
    zone: str,
    country: str,
    days: int = 28,
    leads: Sequence[int] = (1,),
    methods: Sequence[str] = tuple(METHODS),
    campaigns: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Forecast the last days of a demand again, each from the days before it, and measure the errors.

    Parameters
    ----------
    demand, zone, country, campaigns
        As for `planning.demand.forecast`.
    days : int
        Last days to forecast again; fewer where the history is short.
    leads : sequence of int
        How many days ahead: 1 is from the evening before.
    methods : sequence of str
        Of `planning.demand.methods.METHODS`.

    Returns
    -------
    DataFrame
        A row per queue, method and lead: days; wape (sum of absolute errors by interval / calls), bias
        (forecast / calls - 1), coverage (share of intervals within the 80 % band), naive_wape (that of the
        same weekday a week before), aht_wape (weighted by the calls).

    Raises
    ------
    PlanningError
        A method is unknown, a lead or the number of days is not valid, or the history is too short.

    Examples
    --------
    >>> from planning.demand import read_demand
    >>> demand = read_demand("data/demand.parquet", "Europe/Moscow")
    >>> table = backtest(demand[demand["queue"] == "vip"], zone="Europe/Moscow", country="RU", days=14)
    >>> bool((table["wape"] <= table["naive_wape"]).all())
    True
    """
    whole("days", days, 1, MAX_DAYS)
    check_methods(methods)
    for at, lead in enumerate(leads):
        whole(f"leads[{at}]", lead, 1, MAX_DAYS)
    past = histories(demand, 1, zone=zone, country=country, campaigns=campaigns)
    rows = [
        {"queue": history.queue, "method": method, "lead_days": lead, **_errors(history, method, days, lead)}
        for history in past
        for lead in leads
        for method in dict.fromkeys(["naive", *methods])
    ]
    table = pd.DataFrame(rows)
    keys = ["queue", "lead_days"]
    last_week = table[table["method"] == "naive"].set_index(keys)["wape"]
    table["naive_wape"] = last_week.reindex(pd.MultiIndex.from_frame(table[keys])).to_numpy()
    return table[table["method"].isin(methods)].reset_index(drop=True)


def best_methods(table: pd.DataFrame) -> dict[str, str]:
    """Name the method with the smallest error for each queue; of nearly equal ones (3 %), the simplest.

    A smaller advantage on a few weeks is as likely to be luck, and is then lost on the next weeks.

    Parameters
    ----------
    table : DataFrame
        The result of `backtest`; the error is the mean over its leads.
    """
    order = list(METHODS)
    error = table.groupby(["queue", "method"], sort=False)["wape"].mean().unstack("method")
    error = error[[name for name in order if name in error]]
    return {str(queue): str((row <= NEARLY * row.min()).idxmax()) for queue, row in error.iterrows()}


def accuracy(made: pd.DataFrame, demand: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """Enter a forecast into the ledger: its errors, compared with those of the seasonal naive forecast.

    Parameters
    ----------
    made : DataFrame
        FORECAST.
    demand : DataFrame
        DEMAND of the same time.
    earlier : DataFrame
        DEMAND that reaches a week back, for the seasonal naive forecast: the same local time a week before.

    Returns
    -------
    DataFrame
        Index queue: intervals, calls, wape, bias, coverage, naive_wape (of the intervals that `earlier` has
        a week before, NaN where it has none), aht_wape.
    """
    made, came = FORECAST.check(made, "made"), DEMAND.check(demand, "demand")
    keys = ["queue", "interval_start"]
    both = came.merge(made, on=keys, suffixes=("", "_made"))
    if both.empty:
        raise PlanningError("demand has no interval of the forecast: give the days that were forecast")
    before = DEMAND.check(earlier, "earlier")
    zone = local_zone(made, came, before)
    # By the local clock, on which an hour may be missing or occur twice: then the mean of both.
    both["local"] = both["interval_start"].dt.tz_convert(zone).dt.tz_localize(None)
    before["local"] = before["interval_start"].dt.tz_convert(zone).dt.tz_localize(None) + pd.Timedelta(days=7)
    last_week = before.groupby(["queue", "local"])["calls"].mean().rename("calls_before")
    both = both.join(last_week, on=["queue", "local"])
    return pd.DataFrame({name: _entry(rows) for name, rows in both.groupby("queue", sort=False)}).T


def check_methods(methods: Iterable[str]) -> None:
    """Refuse unknown names of methods."""
    for name in methods:
        if name not in METHODS:
            raise PlanningError(f"method is {name!r}, must be one of best, {', '.join(METHODS)}")


def rolled(history: History, method: str, days: int, lead: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Forecast the last days of the history, each with what was known `lead` days before.

    Returns
    -------
    calls, aht_s : ndarray, shape (n, s)
        Without the effect of campaigns.
    days : ndarray, shape (n,)
        Their positions in the history; n is smaller than requested if the history is short.
    """
    first = max(history.known - days, history.first + MIN_BEHIND + lead - 1)
    targets = np.arange(first, max(history.known, first))
    calls, aht_s = (np.empty((len(targets), len(history.clock))) for _ in range(2))
    trees = None
    for at, day in enumerate(targets):
        before, ahead = history.until(int(day) - lead + 1), targets[at : at + 1]
        if method == "boosted":
            trees = learnt_trees(before) if at % RELEARN_DAYS == 0 else trees
            calls[at] = corrected(before, ahead, trees)[0]
        else:
            calls[at] = METHODS[method](before, ahead)[0]
        aht_s[at] = handle_times(before)
    return calls, aht_s, targets


def _errors(history: History, method: str, days: int, lead: int) -> dict[str, float]:
    """Measure a method on the last days; the band of each day is learnt from the earlier forecasts."""
    expected, aht_s, targets = rolled(history, method, days + WARM_DAYS, lead)
    if len(targets) == 0:
        raise PlanningError(
            f"demand of {history.queue} is too short to look back {lead} days: add earlier demand "
            "or leave the queue out"
        )
    effect = history.effect[targets]
    expected, calls = expected * effect, history.calls[targets] * effect
    last = np.arange(max(0, len(targets) - days), len(targets))
    within = np.full(calls.shape, np.nan)
    for at in last:
        # What is known `lead` days before: the errors up to then.
        learnt = slice(0, max(at - lead + 1, min(7, len(targets))))
        doubt = learn_doubt(expected[learnt], calls[learnt])
        share = middle_share(np.round(calls[at]), expected[at], doubt.rate_cv)
        within[at] = np.where(np.isnan(calls[at]), np.nan, (share >= BAND[0]) & (share <= BAND[1]))
    true, seen = calls[last], ~np.isnan(calls[last])
    total = float(np.nansum(true))
    miss = np.where(seen, expected[last] - true, 0.0)
    aht_miss = np.where(seen & (true > 0), true * np.abs(aht_s[last] - history.aht_s[targets[last]]), 0.0)
    handled = np.where(seen & (true > 0), true * history.aht_s[targets[last]], 0.0).sum()
    return {
        "days": float(len(last)),
        "wape": float(np.abs(miss).sum() / total) if total else 0.0,
        "bias": float(miss.sum() / total) if total else 0.0,
        "coverage": float(np.nanmean(within[last])),
        "aht_wape": float(aht_miss.sum() / handled) if handled else 0.0,
    }


def _entry(rows: pd.DataFrame) -> dict[str, float]:
    """One line of the ledger."""
    calls = rows["calls"]
    total = max(float(calls.sum()), 1e-9)
    inside = (calls >= rows["calls_p10"] - 1e-9) & (calls <= rows["calls_p90"] + 1e-9)
    handled = calls * rows["aht_s"]
    matched = rows["calls_before"].notna()
    naive = float((rows["calls_before"] - calls).abs().sum() / max(float(calls[matched].sum()), 1e-9))
    return {
        "intervals": float(len(rows)),
        "calls": float(calls.sum()),
        "wape": float((rows["calls_made"] - calls).abs().sum() / total),
        "bias": float((rows["calls_made"] - calls).sum() / total),
        "coverage": float(inside.mean()),
        "naive_wape": naive if matched.any() else np.nan,
        "aht_wape": float(
            (calls * (rows["aht_s_made"] - rows["aht_s"]).abs()).sum() / max(handled.sum(), 1e-9)
        ),
    }
