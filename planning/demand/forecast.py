"""Forecasts with their uncertainty: the next days, and the next 64 weeks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.checks import Floats, whole
from planning.demand.accuracy import backtest, best_methods, check_methods, rolled
from planning.demand.doubt import Doubt, learn_doubt, quantile_calls
from planning.demand.history import History, future_rows, histories
from planning.demand.intervals import MAX_DAYS
from planning.demand.methods import METHODS, handle_times
from planning.errors import PlanningError
from planning.tables import FORECAST

LEARN_DAYS = 56
"""Number of past days whose forecasts show how far off the next ones will be."""
CHOOSE_DAYS = 56
TENTH = 1.2815515594457855
"""A standard normal variable is beyond this with a probability of 10 % on each side."""


def forecast(
    demand: pd.DataFrame,
    horizon_days: int,
    *,
    zone: str,
    country: str,
    method: str | Mapping[str, str] = "median",
    campaigns: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Forecast each queue's calls and handle time for the days after a demand, with their uncertainty.

    The uncertainty is learnt from the same method's forecasts of past days, each made only from the days
    before it. The handle time is the call-weighted mean at that local time of day over the history. A queue
    is closed at the local times of a weekday for which its history has no rows.

    Parameters
    ----------
    demand : DataFrame
        Columns of `planning.tables.DEMAND`: at least two weeks for each queue, on one grid of intervals.
    horizon_days : int
        Local days to forecast, from the midnight after the demand's last local day.
    zone : str
        IANA time zone whose days and hours count.
    country : str
        Country of the production calendar, ISO 3166.
    method : str or mapping
        One of `planning.demand.methods.METHODS`; or "best", the one with the smallest error for each queue
        over the last 56 days; or a method for each queue by name, as `best_methods` gives.
    campaigns : DataFrame, optional
        Known campaigns, past and future: queue ("all" for every queue), start and end (local times), factor
        on the calls. Past ones are removed from the history, future ones are applied to the forecast.

    Returns
    -------
    DataFrame
        Columns of `planning.tables.FORECAST`, those of DEMAND first; calls is the mean, not a whole number.

    Raises
    ------
    PlanningError
        A row is faulty, the history is too short or off the grid, or an argument is not valid.

    Examples
    --------
    >>> from planning.demand import read_demand
    >>> demand = read_demand("data/demand.parquet", "Europe/Moscow")
    >>> week = forecast(demand, 7, zone="Europe/Moscow", country="RU")
    >>> week["interval_start"].iloc[0].isoformat(), len(week)
    ('2026-11-23T00:00:00+03:00', 3360)
    """
    past = histories(demand, horizon_days, zone=zone, country=country, campaigns=campaigns)
    chosen = _chosen(method, [history.queue for history in past], demand, zone, country, campaigns)
    step = int((past[0].clock[1] - past[0].clock[0]).total_seconds())
    tables = [_forecast_queue(history, chosen[history.queue], zone, step) for history in past]
    return pd.concat(tables, ignore_index=True)[list(FORECAST.columns)]


def forecast_weeks(demand: pd.DataFrame, weeks: int = 64, *, zone: str, country: str) -> pd.DataFrame:
    """Forecast each queue's calls and work week by week, far enough ahead for hiring.

    The days ahead are forecast by the level method, with their weekdays and holidays. With more than a year
    of history, each day is scaled by the ratio of the same week last year to the weeks before it. There is no
    trend, because less than two years cannot distinguish a trend from a season. Uncertainty grows like a
    random walk whose step is the scatter from week to week.

    Returns
    -------
    DataFrame
        queue, week_start (Monday, local), calls, calls_p10, calls_p90, aht_s, load_h (hours of handling).

    Raises
    ------
    PlanningError
        `weeks` is not a whole number of at least 1, or the history cannot be forecast from.
    """
    whole("weeks", weeks, 1, MAX_DAYS // 7)
    past = histories(demand, 1, zone=zone, country=country)
    first = past[0].days[past[0].known]
    to_monday = -first.day_of_week % 7
    past = histories(demand, to_monday + 7 * weeks, zone=zone, country=country)
    return pd.concat([_weeks_of(history, to_monday, weeks) for history in past], ignore_index=True)


def with_doubt(calls: Floats, aht_s: Floats, doubt: Doubt) -> dict[str, Floats]:
    """Add the quantiles and CVs of FORECAST to means of any shape."""
    columns = {"calls": calls, "aht_s": aht_s}
    for name, share in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9)):
        columns[f"calls_{name}"] = quantile_calls(share, calls, doubt.rate_cv)
    # The mean of a few handle times varies more than that of many.
    spread = TENTH * np.sqrt(doubt.aht_cv**2 + doubt.service_cv**2 / np.maximum(calls, 1.0))
    columns["aht_p10_s"], columns["aht_p90_s"] = aht_s * np.exp(-spread), aht_s * np.exp(spread)
    for name in ("rate_cv", "day_cv", "aht_cv"):
        columns[name] = np.full(calls.shape, getattr(doubt, name))
    return columns


def _chosen(
    method: str | Mapping[str, str],
    queues: list[str],
    demand: pd.DataFrame,
    zone: str,
    country: str,
    campaigns: pd.DataFrame | None,
) -> Mapping[str, str]:
    """Name the method of each queue."""
    if method == "best":
        table = backtest(demand, zone=zone, country=country, days=CHOOSE_DAYS, campaigns=campaigns)
        return best_methods(table)
    chosen = dict.fromkeys(queues, method) if isinstance(method, str) else method
    check_methods(chosen.values())
    missing = [queue for queue in queues if queue not in chosen]
    if missing:
        raise PlanningError(
            f"method names no way to forecast {missing[0]!r}: add one of {', '.join(METHODS)}"
        )
    return chosen


def _forecast_queue(history: History, method: str, zone: str, step: int) -> pd.DataFrame:
    ahead = np.arange(history.known, len(history.days))
    calls = METHODS[method](history, ahead) * history.effect[ahead]
    aht_s = np.broadcast_to(handle_times(history), calls.shape)
    doubt = doubt_of(history, method, lead=min(7, len(ahead)))
    return future_rows(history, with_doubt(calls, aht_s, doubt), zone, step)


def doubt_of(history: History, method: str, lead: int) -> Doubt:
    """Learn how far off a method was on the days behind."""
    expected, aht_s, days = past_errors(history, method, lead)
    effect = history.effect[days]
    return learn_doubt(expected * effect, history.calls[days] * effect, aht_s, history.aht_s[days])


def past_errors(history: History, method: str, lead: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Forecast past days again, as `rolled` does; the data it was fitted to, if the history is too short."""
    expected, aht_s, days = rolled(history, method, LEARN_DAYS, lead)
    if len(days) < 7:
        days = np.arange(max(history.first, history.known - 14), history.known)
        expected = METHODS["level" if method == "naive" else method](history, days)
        aht_s = np.broadcast_to(handle_times(history), expected.shape)
    return expected, aht_s, days


def _weeks_of(history: History, to_monday: int, weeks: int) -> pd.DataFrame:
    ahead = np.arange(history.known + to_monday, len(history.days))
    aht_s = handle_times(history)
    by_slot = METHODS["level"](history, ahead)
    days, work = by_slot.sum(axis=1), by_slot @ aht_s
    season = _season(history, ahead)
    calls, load = ((part * season).reshape(weeks, 7).sum(axis=1) for part in (days, work))
    behind = np.arange(history.first + (history.known - history.first) % 7, history.known)
    seen, fitted = np.nansum(history.calls[behind], axis=1), METHODS["level"](history, behind).sum(axis=1)
    ratio = seen.reshape(-1, 7).sum(axis=1) / np.maximum(fitted.reshape(-1, 7).sum(axis=1), 1e-9)
    step, base = float(np.std(np.diff(ratio)) / np.sqrt(2)), float(np.std(ratio))
    cv = np.sqrt(base**2 + step**2 * np.arange(1, weeks + 1) / 4)
    return pd.DataFrame(
        {
            "queue": history.queue,
            "week_start": history.days[ahead[::7]],
            "calls": calls,
            "calls_p10": quantile_calls(0.1, calls, cv),
            "calls_p90": quantile_calls(0.9, calls, cv),
            "aht_s": np.where(calls > 0, load / np.where(calls > 0, calls, 1.0), np.mean(aht_s)),
            "load_h": load / 3600,
        }
    )


def _season(history: History, ahead: NDArray[np.int64]) -> Floats:
    """Seasonal factor of each day: last year's weeks around it relative to that year's mean, otherwise 1."""
    if history.known - history.first < 371:
        return np.ones(len(ahead))
    daily = np.nansum(history.calls[history.first : history.known], axis=1)
    smooth = pd.Series(daily).rolling(21, center=True, min_periods=7).mean().to_numpy()
    year = smooth[-364:] / smooth[-364:].mean()
    now = float(np.mean(year[-28:]))
    return np.asarray(year[(ahead - history.known) % 364] / now)
