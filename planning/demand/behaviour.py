"""What single calls reveal about callers and agents: each finding is a parameter of the centre's file.

Patience is observed only for callers who hang up; for the others we know only that it outlasted the wait. So
it is estimated with censoring (Kaplan & Meier 1958), never as the mean wait of the abandoned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_ndtr, ndtri

from planning.calendars import local_day
from planning.checks import Floats
from planning.errors import PlanningError

SHORT_S = 10.0


def callers(calls: pd.DataFrame, within_s: float = 3600.0) -> pd.DataFrame:
    """Distinguish callers from attempts: people who hang up or are lost and soon call again are one caller.

    Parameters
    ----------
    calls : DataFrame
        With caller_id, queue, arrival, outcome.
    within_s : float
        An attempt within this time of an unanswered one by the same caller in the same queue is a redial,
        seconds.

    Returns
    -------
    DataFrame
        Index queue: attempts, callers, redials, redial_share (of the unanswered, called again in time),
        pause_s (mean time before they did; missing if nobody did).
    """
    _need(calls, "caller_id", "queue", "arrival", "outcome")
    known = calls.dropna(subset=["caller_id"]).sort_values("arrival", kind="stable")
    by_caller = known.groupby(["queue", "caller_id"], sort=False)
    before = by_caller["outcome"].shift()
    gap = by_caller["arrival"].diff().dt.total_seconds()
    known = known.assign(
        redial=(gap <= within_s) & before.notna() & (before != "answered"),
        unanswered=known["outcome"] != "answered",
    )
    known["pause_s"] = gap.where(known["redial"])
    table = known.groupby("queue", sort=False).agg(
        attempts=("redial", "size"),
        redials=("redial", "sum"),
        unanswered=("unanswered", "sum"),
        pause_s=("pause_s", "mean"),
    )
    table["callers"] = table["attempts"] - table["redials"]
    table["redial_share"] = table["redials"] / table["unanswered"].where(table["unanswered"] > 0)
    columns = ["attempts", "callers", "redials", "redial_share", "pause_s"]
    return table[columns].fillna({"redial_share": 0.0})


def agents(calls: pd.DataFrame, short_s: float = SHORT_S) -> pd.DataFrame:
    """Compare agents: calls, handle time, and calls so short that the agent probably hung up.

    Parameters
    ----------
    short_s : float
        A call below this is short, seconds.

    Returns
    -------
    DataFrame
        Index agent_id, the most conspicuous first: queue (of the first call), calls, aht_s, short (calls),
        short_share, excess: standard deviations by which the short calls are above what is usual in the queue
        of each call; among a few hundred agents, 4 or more is not chance.
    """
    _need(calls, "queue", "agent_id", "handle_s")
    answered = calls.dropna(subset=["agent_id", "handle_s"])
    answered = answered.assign(short=answered["handle_s"] < short_s)
    usual = answered.groupby("queue")["short"].transform("mean")
    by_agent = answered.assign(usual=usual, variance=usual * (1 - usual)).groupby("agent_id")
    table = by_agent.agg(
        queue=("queue", "first"), calls=("short", "size"), aht_s=("handle_s", "mean"), short=("short", "sum")
    )
    table["short_share"] = table["short"] / table["calls"]
    sums = by_agent[["usual", "variance"]].sum()
    spread = np.sqrt(sums["variance"].where(sums["variance"] > 0))
    table["excess"] = ((table["short"] - sums["usual"]) / spread).fillna(0.0)
    return table.sort_values("excess", ascending=False, kind="stable")


def day_cv(demand: pd.DataFrame) -> pd.Series:
    """CV of a day's level around the mean of its weekday, by queue, after removing Poisson noise.

    ``sum((N - E)^2 w/(w-1) - E) / sum(E^2)`` over days, w days of the same weekday: the moment estimator of a
    Gamma-Poisson mixture (Jongbloed & Koole 2001).
    """
    _need(demand, "queue", "interval_start", "calls")
    day = local_day(pd.DatetimeIndex(demand["interval_start"])).rename("day")
    totals = demand.groupby(["queue", day], sort=False)["calls"].sum().reset_index()
    groups = totals.groupby(["queue", totals["day"].dt.day_of_week], sort=False)["calls"]
    mean, count = groups.transform("mean"), groups.transform("size")
    extra = (totals["calls"] - mean) ** 2 * count / (count - 1).where(count > 1) - mean
    known = extra.notna()
    parts = pd.DataFrame({"extra": extra[known], "square": mean[known] ** 2}).groupby(totals["queue"]).sum()
    return np.sqrt((parts["extra"] / parts["square"]).clip(lower=0)).rename("day_cv")


@dataclass(frozen=True)
class Patience:
    """How long callers are willing to wait.

    Attributes
    ----------
    curve : DataFrame
        Kaplan-Meier: time_s, staying (share whose patience outlasts it), low and high (95 % band, Greenwood),
        waiting (callers still seen), fitted (the lognormal law).
    mean_s : float
        Mean of the exponential law with the same number of hang-ups: time waited by all / hang-ups, for
        Erlang A.
    log_mean, log_sd : float
        Lognormal law by maximum likelihood with censoring.
    """

    curve: pd.DataFrame
    mean_s: float
    log_mean: float
    log_sd: float


def patience(calls: pd.DataFrame) -> Patience:
    """Estimate patience from waits that end in an answer or in a hang-up.

    Raises
    ------
    PlanningError
        Nobody hung up: patience then has no upper bound.

    Examples
    --------
    >>> waits = pd.DataFrame({"wait_s": [5.0, 10, 20, 40], "outcome": ["answered", "abandoned"] * 2})
    >>> patience(waits).mean_s
    37.5
    """
    _need(calls, "wait_s", "outcome")
    seen = calls[(calls["wait_s"] > 0) & calls["outcome"].isin(["answered", "abandoned"])]
    wait, left = seen["wait_s"].to_numpy(dtype=float), (seen["outcome"] == "abandoned").to_numpy()
    if not left.any():
        raise PlanningError(
            "nobody in these calls hung up while waiting: give calls with hang-ups to estimate patience"
        )
    log_mean, log_sd = _lognormal_censored(wait, left)
    return Patience(
        _kaplan_meier(wait, left, log_mean, log_sd), float(wait.sum() / left.sum()), log_mean, log_sd
    )


def _kaplan_meier(wait: Floats, left: NDArray[np.bool_], log_mean: float, log_sd: float) -> pd.DataFrame:
    time, place = np.unique(wait, return_inverse=True)
    gone = np.bincount(place, weights=left, minlength=len(time))
    ended = np.bincount(place, minlength=len(time))
    waiting = len(wait) - np.concatenate([[0], np.cumsum(ended)[:-1]])
    staying = np.cumprod(1 - gone / waiting)
    greenwood = np.cumsum(gone / (waiting * np.maximum(waiting - gone, 1)))
    half = ndtri(0.975) * staying * np.sqrt(greenwood)
    table = pd.DataFrame(
        {
            "time_s": time,
            "staying": staying,
            "low": np.clip(staying - half, 0, 1),
            "high": np.clip(staying + half, 0, 1),
            "waiting": waiting,
            "fitted": np.exp(log_ndtr(-(np.log(time) - log_mean) / log_sd)),
        }
    )
    return table[gone > 0].reset_index(drop=True)


def _lognormal_censored(wait: Floats, left: NDArray[np.bool_]) -> tuple[float, float]:
    """Maximum likelihood of a lognormal law, with answered waits as censored."""
    logs = np.log(wait)

    def loss(point: Floats) -> float:
        z = (logs - point[0]) / np.exp(point[1])
        return float(-(np.where(left, -0.5 * z**2 - point[1], log_ndtr(-z))).sum() / len(logs))

    start = [float(logs[left].mean()) + 1.0, 0.3]
    found = minimize(
        loss, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-12, "maxiter": 2000}
    )
    return float(found.x[0]), float(np.exp(found.x[1]))


def service_law(calls: pd.DataFrame, above_s: float = SHORT_S) -> pd.DataFrame:
    """Fit the lognormal law to the handle times of each queue, without hang-ups.

    Returns
    -------
    DataFrame
        Index queue: calls, mean_s, cv (of all answered calls), log_mean, log_sd (of those above `above_s`),
        and by them median_s and p90_s; distance: the largest difference between law and records.
    """
    _need(calls, "queue", "handle_s")
    rows = {}
    for name, values in calls.dropna(subset=["handle_s"]).groupby("queue", sort=False)["handle_s"]:
        long = np.sort(values[values >= above_s].to_numpy(dtype=float))
        if len(long) < 2:
            continue
        logs = np.log(long)
        mean, sd = float(logs.mean()), float(logs.std(ddof=1))
        law = np.exp(log_ndtr((logs - mean) / sd))
        place = np.arange(len(long) + 1) / len(long)
        rows[name] = {
            "calls": float(len(values)),
            "mean_s": float(values.mean()),
            "cv": float(values.std() / values.mean()),
            "log_mean": mean,
            "log_sd": sd,
            "median_s": float(np.exp(mean)),
            "p90_s": float(np.exp(mean + sd * ndtri(0.9))),
            "distance": float(max(np.abs(law - place[:-1]).max(), np.abs(law - place[1:]).max())),
        }
    return pd.DataFrame(rows).T.rename_axis("queue")


def centre_parameters(
    calls: pd.DataFrame, demand: pd.DataFrame, *, min_abandoned: int = 50
) -> dict[str, float]:
    """Turn the findings in the records into settings of the centre, ready for `Centre.replace`.

    Parameters
    ----------
    calls : DataFrame
        CALLS, as `CallLog.calls` gives.
    demand : DataFrame
        DEMAND of weeks, for the level of days.
    min_abandoned : int
        With fewer hang-ups, a queue's patience is not estimated.

    Returns
    -------
    dict
        Rounded values by setting of ``queues.NAME``, as far as the records show them:

        - patience_s: with censoring; lost calls say nothing about it, and stay in the demand;
        - aht_s: of real conversations, because a caller who is hung up on after seconds has not been served;
        - service_cv: of all answered calls, hours and agents included;
        - day_cv: the over-dispersion of days;
        - redial, redial_pause_s, volume (callers / attempts: a plan adds the redials itself), with caller_id.
    """
    law, levels = service_law(calls), day_cv(demand)
    again = callers(calls) if "caller_id" in calls.columns else pd.DataFrame()
    found: dict[str, float] = {}
    for name, rows in calls.groupby("queue", sort=False):
        values: dict[str, float] = {}
        if (rows["outcome"] == "abandoned").sum() >= min_abandoned:
            values["patience_s"] = float(np.round(patience(rows).mean_s))
        if name in law.index:
            values["aht_s"] = round(float(rows.loc[rows["handle_s"] >= SHORT_S, "handle_s"].mean()), 1)
            values["service_cv"] = round(float(law.loc[name, "cv"]), 2)
        if name in levels.index:
            values["day_cv"] = round(float(levels[name]), 3)
        if name in again.index and again.loc[name, "redials"] > 0:
            values["redial"] = min(round(float(again.loc[name, "redial_share"]), 3), 0.999)
            values["redial_pause_s"] = float(np.round(again.loc[name, "pause_s"]))
            values["volume"] = round(float(again.loc[name, "callers"] / again.loc[name, "attempts"]), 4)
        found |= {f"queues.{name}.{setting}": value for setting, value in values.items()}
    return found


def _need(frame: pd.DataFrame, *names: str) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise PlanningError(
            f"calls have no column {missing[0]!r}: map it in the centre's records, or leave this question out"
        )
