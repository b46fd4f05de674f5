"""Methods to forecast a queue's calls, from last week's to boosted trees; each is a function of a history.

A method gets the history up to its last known day and returns the mean calls of the days ahead, by time of
day. `backtest` compares the methods on the same days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from planning.checks import Floats
from planning.demand.history import History

WEEKS = 8
PROFILE_DAYS = 91
HALF_LIFE_DAYS = 56
SMOOTHING: Final = (0.02, 0.05, 0.1, 0.2, 0.35)
MIN_BOOST_DAYS = 112
SPECIAL: Final = ("holiday", "after", "first")
Method: TypeAlias = Callable[[History, NDArray[np.int64]], Floats]


def naive(history: History, days: NDArray[np.int64]) -> Floats:
    """Calls of the same weekday a week before, or further back if that is not yet known.

    If that day has no row, the last one before it that has; 0 if none has.
    """
    values = np.zeros((len(days), len(history.clock)))
    for at, day in enumerate(days):
        earlier = np.arange(day % 7, history.known, 7)[::-1]
        earlier = earlier[earlier < day]
        past = history.calls[earlier]
        seen = ~np.isnan(past)
        first = seen.argmax(axis=0)
        if len(past):
            values[at] = np.where(seen.any(axis=0), past[first, np.arange(past.shape[1])], 0.0)
    return values


def median(history: History, days: NDArray[np.int64]) -> Floats:
    """Median volume of the last eight same weekdays with the mean daily profile; special days by their ratio.

    ``calls(d, t) = V(weekday of d) x R(kind of d) x p(class of d, t)``

    - V: median volume of the last 8 (or fewer) ordinary days of the same weekday, where the volume of a day
      is its calls over the share of the profile that its intervals cover: short days count as whole days;
    - R: 1 for an ordinary day; for a public holiday, or the first business day of a month, the median over
      such days of their volume over V, 1 where there were none;
    - p: share of a day by local time of day, from the mean over ordinary days, pooled over the working week
      and over the weekend.
    """
    profile = _profiles(history, history.known)
    volume = volumes(history, profile)
    usual = _usual(history, volume)
    ratio = _ratios(history, volume, usual)
    size = np.nan_to_num(usual[history.weekday[days]]) * [ratio.get(kind, 1.0) for kind in history.kind[days]]
    return np.asarray(size[:, None] * profile[history.weekend[days].astype(int)])


def level(history: History, days: NDArray[np.int64]) -> Floats:
    """Smoothed level x weekday x kind of day x profile of the last quarter.

    The logarithm of a day's volume is regressed on its weekday and its place in the production calendar,
    later days having more weight (half-life 8 weeks). The residual is smoothed exponentially (Brown 1959)
    with the factor that would have been best on past days.
    """
    profile = _profiles(history, PROFILE_DAYS)
    fit = _fit_level(history, profile)
    return np.asarray(fit[days][:, None] * profile[_worked_as(history)[days].astype(int)])


def boosted(history: History, days: NDArray[np.int64]) -> Floats:
    """`level`, corrected by boosted trees on the hour, the weekday and the calendar together.

    Poisson regression trees (scikit-learn's histogram gradient boosting) on the ratio of calls to `level`,
    weighted by `level`: a Poisson model with `level` as its exposure. With less than 16 weeks of history it
    equals `level`, because there is too little to learn from.
    """
    return corrected(history, days, learnt_trees(history))


def learnt_trees(history: History) -> Any:
    """Fit the trees of `boosted`; None if the history is too short."""
    if history.known - history.first < MIN_BOOST_DAYS:
        return None
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    days = np.arange(max(0, history.known - 4 * PROFILE_DAYS), history.known)
    calls = history.calls[days]
    expected = np.where(np.isnan(calls), 0.0, level(history, days))
    # By the hour: the profile has the course within an hour, and trees are slow to fit.
    calls, expected = (
        part.reshape(len(days), 24, -1).sum(axis=2).ravel() for part in (np.nan_to_num(calls), expected)
    )
    use = expected > 1e-6
    if not calls[use].sum() > 0:
        return None
    trees = HistGradientBoostingRegressor(
        loss="poisson", max_iter=40, learning_rate=0.08, max_leaf_nodes=12, min_samples_leaf=30,
        l2_regularization=20.0, early_stopping=False, random_state=0,
    )  # fmt: skip
    with threadpool_limits(1):  # a queue's year is too small to share between threads
        return trees.fit(_features(history, days)[use], calls[use] / expected[use], expected[use])


def corrected(history: History, days: NDArray[np.int64], trees: Any) -> Floats:
    """Multiply `level` by the correction of the trees."""
    base = level(history, days)
    if trees is None:
        return base
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        ratio: Floats = trees.predict(_features(history, days)).reshape(len(days), 24)
    return np.asarray(base * np.repeat(ratio, base.shape[1] // 24, axis=1))


METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {"naive": naive, "median": median, "level": level, "boosted": boosted}
)
"""Methods by name, the simplest first; all others are compared with `naive`."""


def handle_times(history: History) -> Floats:
    """Call-weighted mean handle time by time of day, the queue's where nobody ever called, shape (s,)."""
    calls = np.nan_to_num(history.calls * history.effect)
    work, total = (calls * np.nan_to_num(history.aht_s)).sum(axis=0), calls.sum(axis=0)
    if not total.sum() > 0:
        return np.full(len(total), np.nanmean(history.aht_s))
    return np.asarray(np.where(total > 0, work / np.where(total > 0, total, 1.0), work.sum() / total.sum()))


def volumes(history: History, profile: Floats) -> Floats:
    """Volume of each day: calls over the share of the profile that the day's rows cover; NaN without rows."""
    share = profile[history.weekend.astype(int)]
    covered = np.where(np.isnan(history.calls), 0.0, share).sum(axis=1)
    return np.where(
        covered > 0, np.nansum(history.calls, axis=1) / np.where(covered > 0, covered, 1.0), np.nan
    )


def _mean(rows: Floats) -> Floats:
    count = (~np.isnan(rows)).sum(axis=0)
    return np.where(count > 0, np.nansum(rows, axis=0) / np.maximum(count, 1), np.nan)


def _profiles(history: History, last_days: int) -> Floats:
    """Share of a day's calls by time of day, of weekdays and of weekends; each adds up to 1, shape (2, s)."""
    recent = np.arange(len(history.days)) >= history.known - last_days
    profiles = np.zeros((2, len(history.clock)))
    for at in range(2):
        # Special days have their own profile; they count only if a class has no other days.
        days = (history.weekend == bool(at)) & recent
        everything = _mean(history.calls[days])
        ordinary = _mean(history.calls[days & (history.kind == "ordinary")])
        mean = np.where(np.isnan(ordinary), everything, ordinary)
        seen = ~np.isnan(mean)
        total = np.nansum(mean)
        flat = seen / max(seen.sum(), 1)
        profiles[at] = np.nan_to_num(mean) / total if total > 0 else flat
    return profiles


def _usual(history: History, volume: Floats) -> Floats:
    """Median volume of each weekday, shape (7,); a weekday with only special days uses its class."""
    known = ~np.isnan(volume)
    ordinary = known & (history.kind == "ordinary")
    usual = np.full(7, np.nan)
    for weekday in range(7):
        same = history.weekday == weekday
        alike = history.weekend == (weekday in history.rest_days)
        if not (known & same).any():
            continue
        own, borrowed = volume[ordinary & same][-WEEKS:], volume[ordinary & alike]
        usual[weekday] = np.median(next(v for v in (own, borrowed, volume[known & same]) if len(v)))
    return usual


def _ratios(history: History, volume: Floats, usual: Floats) -> dict[str, float]:
    """Median ratio of special days to their usual weekday, by kind."""
    expected = usual[history.weekday]
    known = ~np.isnan(volume) & (expected > 0)
    found = {}
    for kind in ("holiday", "first"):
        days = known & (history.kind == kind)
        if days.any():
            found[kind] = float(np.median(volume[days] / expected[days]))
    return found


def _worked_as(history: History) -> NDArray[np.bool_]:
    """Days with the profile of a weekend; a worked weekend day has that of a weekday."""
    return np.asarray(history.weekend & (history.special != "worked"))


def _fit_level(history: History, profile: Floats) -> Floats:
    """Expected volume of each day, past or ahead."""
    share = profile[_worked_as(history).astype(int)]
    calls = np.nan_to_num(history.calls)
    covered = np.where(np.isnan(history.calls), 0.0, share).sum(axis=1)
    known = covered > 0.05
    if not known.any() or not calls.sum() > 0:
        return np.zeros(len(history.days))
    volume = calls.sum(axis=1) / np.where(known, covered, 1.0)
    logs = np.log(np.maximum(volume, 0.5))
    design = _design(history)
    shape = design @ _regressed(design[known], logs[known], _recency(history)[known])
    path = _smoothed(np.where(known, logs - shape, np.nan))
    fitted = np.exp(shape + path)
    weight = _recency(history) * known
    # The mean of a lognormal law is above its median.
    return np.asarray(fitted * (weight @ volume) / (weight @ fitted))


def _recency(history: History) -> Floats:
    """Weight of each day: later ones count more, but special days are too few to discount."""
    age = history.known - 1 - np.arange(len(history.days))
    return np.where(np.isin(history.special, SPECIAL), 1.0, 0.5 ** (age / HALF_LIFE_DAYS))


def _design(history: History) -> Floats:
    """Indicators of the weekday and of the calendar, shape (d, 10); a worked weekend day ends the week."""
    rest = history.rest_days
    eve = next(day for day in range(7) if (day + 1) % 7 in rest and day not in rest)
    weekday = np.where(history.special == "worked", eve, history.weekday)
    kinds = [history.special == kind for kind in SPECIAL]
    return np.column_stack([*(weekday == day for day in range(7)), *kinds]).astype(np.float64)


def _regressed(design: Floats, logs: Floats, weight: Floats) -> Floats:
    """Weighted least squares around the mean, with slightly shrunk effects."""
    mean = np.average(logs, weights=weight)
    pull = np.diag([0.1] * 7 + [0.5] * len(SPECIAL))
    effects = np.linalg.solve((design.T * weight) @ design + pull, (design.T * weight) @ (logs - mean))
    return np.asarray(effects)


def _smoothed(rest: Floats) -> Floats:
    """Level before each day by exponential smoothing, with the factor of smallest squared error so far."""
    start = float(np.nanmean(rest))
    best, least = np.full(len(rest), start), np.inf
    for alpha in SMOOTHING:
        path, now, error = np.empty(len(rest)), start, 0.0
        for at, value in enumerate(rest):
            path[at] = now
            if value == value:
                error += (value - now) ** 2
                now += alpha * (value - now)
        if error < least:
            best, least = path, error
    return best


def _features(history: History, days: NDArray[np.int64]) -> Floats:
    """Hour, weekday, kind of day, day of the month and nearness of holidays, a row per hour."""
    holidays = np.flatnonzero(history.special == "holiday")
    gap = days[:, None] - holidays[None, :] if len(holidays) else np.full((len(days), 1), 99)
    since = np.where(gap >= 0, gap, 99).min(axis=1).clip(max=7)
    until = np.where(gap <= 0, -gap, 99).min(axis=1).clip(max=7)
    codes = {"ordinary": 0, "holiday": 1, "after": 2, "first": 3, "worked": 4}
    kind = np.array([codes[str(name)] for name in history.special[days]])
    by_day = np.column_stack([history.weekday[days], kind, history.days.day[days], since, until])
    hours = np.arange(24)
    return np.column_stack([np.tile(hours, len(days)), np.repeat(by_day, 24, axis=0)]).astype(float)
