"""The uncertainty of a forecast: the spread of calls around their mean, its quantiles, and its estimation.

Calls of an interval are Poisson around an uncertain rate, a Gamma variable with the forecast m as its mean
and CV c. The count is negative binomial (Jongbloed & Koole 2001). Part of c is shared by the whole day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, gammaln, pdtr

from planning.checks import Floats

_SURE = 1e-3
"""A CV below this counts as 0: the count is Poisson."""


@dataclass(frozen=True)
class Doubt:
    """How far forecasts were from the truth.

    Attributes
    ----------
    rate_cv, day_cv : float
        CV of an interval's rate around its forecast, and the part that a whole day shares.
    aht_cv : float
        CV of a day's mean handle time around its forecast.
    service_cv : float
        CV of single handle times, as the scatter of the intervals' means tells it.
    """

    rate_cv: float = 0.0
    day_cv: float = 0.0
    aht_cv: float = 0.0
    service_cv: float = 0.0


def learn_doubt(
    expected: Floats, calls: Floats, expected_aht_s: Floats | None = None, aht_s: Floats | None = None
) -> Doubt:
    """Estimate the uncertainty from past forecasts by moments, after removing Poisson noise.

    ``c^2 = sum((y - m)^2 - m) / sum(m^2)``, over intervals and over whole days.

    Parameters
    ----------
    expected, calls : ndarray, shape (days, s)
        Forecast and true calls; NaN where there was no row.
    expected_aht_s, aht_s : ndarray, shape (days, s), optional
    """
    seen = ~np.isnan(calls)
    mean, true = np.where(seen, expected, 0.0), np.where(seen, calls, 0.0)
    rate, day = _extra(mean, true), _extra(mean.sum(axis=1), true.sum(axis=1))
    if expected_aht_s is None or aht_s is None:
        return Doubt(max(rate, day), day)
    # A handle time of 0 means that nobody had called yet.
    use = seen & (true > 0) & (expected_aht_s > 0)
    off = np.where(use, aht_s / np.where(use, expected_aht_s, 1.0) - 1, 0.0)
    service = float(np.sqrt((true * off**2).sum() / max(use.sum(), 1)))
    work, planned = (np.where(use, true * part, 0.0).sum(axis=1) for part in (aht_s, expected_aht_s))
    open_days = planned > 0
    spread = work[open_days] / planned[open_days] - 1
    chance = service**2 / true.sum(axis=1)[open_days]
    aht = float(np.sqrt(max(np.mean(spread**2 - chance), 0.0))) if len(spread) else 0.0
    return Doubt(max(rate, day), day, aht, service)


def middle_share(calls: ArrayLike, mean: ArrayLike, cv: ArrayLike) -> Floats:
    """Share of the distribution below a number of calls, plus half of the number's own share.

    This is the mid-distribution function of the negative binomial. For counts it is below p with probability
    p on average, unlike the plain distribution function of small counts (Ma, Genton & Parzen 2011).

    Examples
    --------
    >>> middle_share([0, 10, 20], 10.0, 0.1).round(3)
    array([0.   , 0.523, 0.996])
    """
    count, mu, spread = np.broadcast_arrays(
        *(np.asarray(part, dtype=np.float64) for part in (calls, np.maximum(mean, 1e-12), cv))
    )
    sure = spread < _SURE
    size = 1 / np.where(sure, 1.0, spread) ** 2
    share = size / (size + mu)
    below = np.where(sure, pdtr(count, mu), betainc(size, count + 1, share))
    poisson = count * np.log(mu) - mu - gammaln(count + 1)
    ways = gammaln(count + size) - gammaln(size) - gammaln(count + 1)
    negative = ways - size * np.log1p(mu / size) + count * np.log(mu / (size + mu))
    return np.asarray(below - np.exp(np.where(sure, poisson, negative)) / 2)


def quantile_calls(share: float, mean: ArrayLike, cv: ArrayLike) -> Floats:
    """Number of calls exceeded with probability 1 - share, interpolated between whole numbers.

    Examples
    --------
    >>> quantile_calls(0.9, [0.0, 10.0, 1000.0], 0.1).round(1)
    array([   0. ,   14.4, 1136.5])
    """
    mu, spread = np.broadcast_arrays(np.asarray(mean, dtype=np.float64), np.asarray(cv, dtype=np.float64))
    low = np.full(mu.shape, -1.0)
    high = np.ceil(mu + 12 * np.sqrt(mu + (spread * mu) ** 2) + 12)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        above = middle_share(np.maximum(middle, 0.0), mu, spread) >= share
        high, low = np.where(above, middle, high), np.where(above, low, middle)
    under = np.where(low < 0, 0.0, middle_share(np.maximum(low, 0.0), mu, spread))
    over = middle_share(np.maximum(high, 0.0), mu, spread)
    part = np.clip((share - under) / np.maximum(over - under, 1e-300), 0.0, 1.0)
    return np.where((low < 0) | (mu <= 0), 0.0, low + part)


def _extra(mean: Floats, true: Floats) -> float:
    square = float((mean**2).sum())
    return float(np.sqrt(max(((true - mean) ** 2 - mean).sum() / square, 0.0))) if square > 0 else 0.0
