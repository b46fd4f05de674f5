"""The rest of a day, forecast again from its morning: by how much, history tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from planning.calendars import local_day, on_clock, time_of_day
from planning.centre.settings import read_clock
from planning.checks import Bools, Floats, whole
from planning.demand.accuracy import BAND, check_methods, rolled
from planning.demand.doubt import Doubt, learn_doubt, middle_share
from planning.demand.forecast import LEARN_DAYS, past_errors, with_doubt
from planning.demand.history import History, histories
from planning.demand.intervals import MAX_DAYS
from planning.errors import PlanningError
from planning.tables import DEMAND, FORECAST

WINDOWS_H = (1, 2, 4, 24)
"""Hours before now of which those count that told most about the rest of past days."""
FEW_DAYS = 8
"""With fewer days behind, the morning has no weight."""
CUTS = ("09:00", "10:00", "12:00", "14:00", "16:00")


def reforecast(
    plan: pd.DataFrame,
    so_far: pd.DataFrame,
    history: pd.DataFrame,
    *,
    zone: str,
    country: str,
    method: str = "median",
    now: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Forecast the rest of a day again from its calls and handle times so far, queue by queue.

    Past days are forecast as they were the evening before. The logarithm of calls over forecast in the rest
    of those days is regressed on that of the hours before the same time of day:
    ``rest = plan x (so far / plan so far) ^ w``. The slope w is shrunk by its own error e,
    ``w = max(b - e^2 / b, 0)`` (James & Stein 1961), so it is 0 where history does not support one. Of the
    last 1, 2 or 4 hours and the whole morning, those count that told most. Handle times have a weight too.

    Parameters
    ----------
    plan : DataFrame
        DEMAND of the day, as it was forecast or planned.
    so_far : DataFrame
        DEMAND of the day's intervals that are over; it may lack some.
    history : DataFrame
        DEMAND of the days before.
    zone, country, method
        As for `planning.demand.forecast`: how past days are forecast.
    now : Timestamp, optional
        Start of the first interval to forecast; by default the one after the last of `so_far`.

    Returns
    -------
    DataFrame
        FORECAST of the remaining intervals of the same local day. Its uncertainty is that of past days whose
        rest was forecast in the same way.

    Raises
    ------
    PlanningError
        `so_far` has no interval of the plan, or leaves none of the day; the history is too short or faulty.
    """
    plan, known = DEMAND.check(plan, "plan"), DEMAND.check(so_far, "so_far")
    before = DEMAND.check(history, "history")
    plan, known, before = (
        table.assign(interval_start=table["interval_start"].dt.tz_convert(zone))
        for table in (plan, known, before)
    )
    last = known["interval_start"].max()
    day = local_day(last if now is None else now.tz_convert(zone))
    plan = plan[local_day(pd.DatetimeIndex(plan["interval_start"])) == day]
    ahead = plan["interval_start"] > last if now is None else plan["interval_start"] >= now
    both = plan[~ahead].merge(known, on=["queue", "interval_start"], suffixes=("", "_known"))
    if both.empty or not ahead.any():
        raise PlanningError(f"so_far ends at {last}, must end inside a day of plan: give its first part")
    before = before[before["interval_start"] < on_clock(day, zone)]
    past = {each.queue: each for each in histories(before, 1, zone=zone, country=country)}
    check_methods([method])
    parts = []
    for name, rows in plan[ahead].groupby("queue", sort=False):
        if name not in past:
            raise PlanningError(f"history has no row of {name}, which the plan has: add its past days")
        parts.append(_rest(rows, both[both["queue"] == name], past[str(name)], method))
    return pd.concat(parts, ignore_index=True)[list(FORECAST.columns)]


def backtest_rest(
    demand: pd.DataFrame,
    *,
    zone: str,
    country: str,
    method: str = "median",
    days: int = 28,
    cuts: Sequence[str] = CUTS,
) -> pd.DataFrame:
    """Forecast the rest of the last days of a demand again at several times of day, and measure the errors.

    Parameters
    ----------
    demand, zone, country, method
        As for `planning.demand.forecast`.
    days : int
        Last days to forecast again, each from the days before it; fewer where the history is short.
    cuts : sequence of str
        Local times of day, for example "12:00".

    Returns
    -------
    DataFrame
        A row per queue and cut: days, weight (mean over the days), wape_evening and wape (of the rest of the
        day without and with its morning), coverage (share of intervals within the 80 % band).

    Raises
    ------
    PlanningError
        A cut is not a time of day; the history is too short.
    """
    whole("days", days, 1, MAX_DAYS)
    check_methods([method])
    rows = []
    for history in histories(demand, 1, zone=zone, country=country):
        expected, aht_s, behind = rolled(history, method, days + LEARN_DAYS, 1)
        past = _Past.of(history, expected, aht_s, behind)
        for cut in cuts:
            late = np.asarray(history.clock >= _time_of_day(cut))
            if past.expected[:, late].sum() > 0:  # the queue is not closed for the day
                rows.append({"queue": history.queue, "cut": cut, **_errors(past, late, days)})
    return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class _Past:
    """Forecast and truth of past days of a queue, shape (days, s); 0 calls expected where it was closed."""

    expected: Floats
    calls: Floats
    expected_aht_s: Floats
    aht_s: Floats
    slots_h: int

    @classmethod
    def of(cls, history: History, expected: Floats, aht_s: Floats, days: np.ndarray) -> _Past:
        """Take the days that have rows."""
        calls, effect = history.calls[days], history.effect[days]
        open_ = ~np.isnan(calls).all(axis=1)
        seen = ~np.isnan(calls)
        each = (expected * effect, calls * effect, aht_s, history.aht_s[days])
        mean, true, mean_aht_s, true_aht_s = (np.where(seen, part, 0.0)[open_] for part in each)
        per_hour = int(pd.Timedelta("1h") / (history.clock[1] - history.clock[0]))
        return cls(mean, true, mean_aht_s, true_aht_s, per_hour)

    def days(self, which: slice) -> _Past:
        """Take some of the days."""
        names = ("expected", "calls", "expected_aht_s", "aht_s")
        return replace(self, **{name: getattr(self, name)[which] for name in names})

    def ratios(self, slots: Bools) -> tuple[Floats, Floats]:
        """Logarithms of the calls, and of the mean handle time, over those expected in some slots."""
        calls, expected = self.calls[:, slots], self.expected[:, slots]
        work = (calls * self.aht_s[:, slots]).sum(axis=1)
        planned = (calls * self.expected_aht_s[:, slots]).sum(axis=1)
        return _log_ratio(calls.sum(axis=1), expected.sum(axis=1)), _log_ratio(work, planned)


def _log_ratio(true: Floats, expected: Floats) -> Floats:
    """Logarithm of a ratio that is 1 where nothing came of nothing, and finite where nothing came."""
    return np.asarray(np.log((true + 0.5) / (expected + 0.5)))


@dataclass(frozen=True, eq=False)
class _Learnt:
    """What past days say about a time of day."""

    early: Bools
    """Slots of the morning that count, shape (s,)."""
    weight: float
    aht_weight: float
    doubt: Doubt


def _learn(past: _Past, early: Bools, late: Bools) -> _Learnt:
    """Learn the weights of the morning, the hours of it that count, and how far off the rest then was."""
    rest, rest_aht = past.ratios(late)
    hours = []
    for window in WINDOWS_H:
        recent = np.arange(len(early)) >= np.flatnonzero(late)[0] - window * past.slots_h
        seen, seen_aht = past.ratios(early & recent)
        weight = _weight(seen, rest)
        off = float(((rest - weight * seen) ** 2).sum())
        hours.append((off, window, early & recent, weight, seen, seen_aht))
    _, _, slots, weight, seen, seen_aht = min(hours, key=lambda each: each[:2])
    aht_weight = _weight(seen_aht, rest_aht)
    doubt = learn_doubt(
        past.expected[:, late] * np.exp(weight * seen)[:, None],
        past.calls[:, late],
        past.expected_aht_s[:, late] * np.exp(aht_weight * seen_aht)[:, None],
        past.aht_s[:, late],
    )
    return _Learnt(slots, weight, aht_weight, doubt)


def _weight(early: Floats, late: Floats) -> float:
    """Slope through the origin of `late` on `early`, shrunk by its own error; 0 where that is larger."""
    square = float(early @ early)
    slope = float(early @ late) / square if square > 0 else 0.0
    if slope <= 0 or len(early) < FEW_DAYS:
        return 0.0
    error = float(((late - slope * early) ** 2).sum()) / (len(early) - 1) / square
    return max(slope - error / slope, 0.0)


def _rest(rows: pd.DataFrame, known: pd.DataFrame, history: History, method: str) -> pd.DataFrame:
    """FORECAST of a queue's remaining intervals."""
    past = _Past.of(history, *past_errors(history, method, 1))
    at = _slots(history, known)
    early, late = (np.isin(np.arange(len(history.clock)), slots) for slots in (at, _slots(history, rows)))
    learnt = _learn(past, early & ~late, late)
    count = known[learnt.early[at]]
    seen = _log_ratio(count["calls_known"].sum(), count["calls"].sum())
    came = count["calls_known"]
    seen_aht = _log_ratio((came * count["aht_s_known"]).sum(), (came * count["aht_s"]).sum())
    calls = rows["calls"].to_numpy() * np.exp(learnt.weight * seen)
    aht_s = rows["aht_s"].to_numpy() * np.exp(learnt.aht_weight * seen_aht)
    return rows[["queue", "interval_start"]].assign(**with_doubt(calls, aht_s, learnt.doubt))


def _slots(history: History, rows: pd.DataFrame) -> np.ndarray:
    """Slot of each row's local time of day."""
    clock = time_of_day(pd.DatetimeIndex(rows["interval_start"]))
    return np.asarray(clock // (history.clock[1] - history.clock[0]), dtype=np.int64)


def _errors(past: _Past, late: Bools, days: int) -> dict[str, float]:
    """Measure the forecasts of the rest of the last days, each learnt from the days before it."""
    n = len(past.calls)
    first = max(n - days, min(FEW_DAYS, n - 1))
    weights, inside, misses = [], [], []
    for at in range(first, n):
        learnt = _learn(past.days(slice(max(0, at - LEARN_DAYS), at)), ~late, late)
        today = past.days(slice(at, at + 1))
        true, evening = today.calls[0, late], today.expected[0, late]
        made = evening * np.exp(learnt.weight * today.ratios(learnt.early)[0])
        share = middle_share(np.round(true), made, learnt.doubt.rate_cv)[evening > 0]
        inside.append((share >= BAND[0]) & (share <= BAND[1]))
        weights.append(learnt.weight)
        misses.append((true.sum(), np.abs(evening - true).sum(), np.abs(made - true).sum()))
    calls, evening, made = np.sum(misses, axis=0)
    return {
        "days": float(n - first),
        "weight": float(np.mean(weights)),
        "wape_evening": float(evening / max(calls, 1e-9)),
        "wape": float(made / max(calls, 1e-9)),
        "coverage": float(np.mean(np.concatenate(inside))),
    }


def _time_of_day(cut: str) -> pd.Timedelta:
    """Read a time of day."""
    try:
        return pd.Timedelta(read_clock(cut))
    except ValueError:
        raise PlanningError(f"cuts has {cut!r}, must be a time of day: write it as '12:00'") from None
