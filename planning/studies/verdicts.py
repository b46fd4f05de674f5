"""What a few scored calls can tell about an operator, and what they cannot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from planning.checks import Floats, broadcast, number, numbers
from planning.errors import PlanningError

_MOST_CALLS = 10_000
_STEP = 1e-5  # step for the slope of the likelihood: rounding would swamp a shorter one
_STRENGTHS = (1e-2, 1e6)  # from "every operator is different" to "all operators are the same"


def wrong_verdicts(calls: ArrayLike, passes: ArrayLike, *, good: float, bad: float) -> pd.DataFrame:
    """Probability of each wrong verdict if operators with fewer than `passes` good calls are blamed.

    Parameters
    ----------
    calls, passes : array_like
        Calls scored, and the fewest that must pass; they broadcast.
    good, bad : float
        True shares of passed calls of an operator who deserves no blame, and of one who needs help.

    Returns
    -------
    DataFrame
        calls, passes, blamed (a good operator is blamed), missed (a bad one passes).

    Examples
    --------
    >>> wrong_verdicts(10, 9, good=0.90, bad=0.75).round(3)
       calls  passes  blamed  missed
    0     10       9   0.264   0.244
    """
    from scipy.stats import binom

    low, high = number("bad", bad, high=1.0), number("good", good, high=1.0)
    n, c = (np.atleast_1d(values) for values in np.broadcast_arrays(calls, passes))
    blamed, missed = binom.cdf(c - 1, n, high), binom.sf(c - 1, n, low)
    return pd.DataFrame({"calls": n, "passes": c, "blamed": blamed, "missed": missed})


def best_bar(calls: ArrayLike, *, good: float, bad: float) -> pd.DataFrame:
    """Find the bar for each number of calls that makes the likelier of the two wrong verdicts rarest.

    Parameters
    ----------
    calls : array_like of int, shape (n,)

    Returns
    -------
    DataFrame
        The columns of `wrong_verdicts`, a row for each number of calls.

    Examples
    --------
    >>> best_bar([10, 70], good=0.90, bad=0.75).round(3)
       calls  passes  blamed  missed
    0     10       9   0.264   0.244
    1     70      59   0.044   0.044
    """
    rows = []
    for n in np.atleast_1d(calls):
        tried = wrong_verdicts(n, np.arange(n + 2), good=good, bad=bad)
        rows.append(tried.iloc[[tried[["blamed", "missed"]].max(axis=1).argmin()]])
    return pd.concat(rows, ignore_index=True)


@dataclass(frozen=True)
class FairTest:
    """How many calls a fair decision needs, how many must pass, and how often it is still wrong."""

    calls: int
    passes: int
    blamed: float
    missed: float


def fair_test(good: float, bad: float, *, risk: float) -> FairTest:
    """Find the fewest calls on which neither wrong verdict is likelier than `risk`.

    This is acceptance sampling by attributes (Dodge and Romig, 1941): the strictest bar that seldom enough
    blames a good operator, on the fewest calls with which it also finds a bad one.

    Raises
    ------
    PlanningError
        A share lies outside [0, 1], `bad` is not below `good`, or ten thousand calls are not enough.

    Examples
    --------
    >>> test = fair_test(0.90, 0.75, risk=0.05)
    >>> test.calls, test.passes
    (70, 59)
    """
    from scipy.stats import binom

    number("risk", risk, high=0.5, open_low=True, open_high=True, remedy="write 0.05 for 5 %")
    number("good", good, high=1.0)
    number("bad", bad, high=good, open_high=True, remedy="the upper bound is the share of a good operator")
    calls = np.arange(1, _MOST_CALLS + 1)
    # The largest c with P(fewer than c pass | good) <= risk.
    passes = binom.ppf(risk, calls, good).astype(np.int64)
    missed = binom.sf(passes - 1, calls, bad)
    enough = np.flatnonzero(missed <= risk)
    if not len(enough):
        raise PlanningError(
            f"good {good:g} and bad {bad:g} cannot be told apart by {_MOST_CALLS} calls at a risk of "
            f"{risk:g}: give shares further apart or accept more risk"
        )
    first = enough[0]
    blamed = float(binom.cdf(passes[first] - 1, calls[first], good))
    return FairTest(int(calls[first]), int(passes[first]), blamed, float(missed[first]))


@dataclass(frozen=True)
class Prior:
    """How the true shares differ between operators: Beta(mean x strength, (1 - mean) x strength)."""

    mean: float
    strength: float

    def reliability(self, calls: ArrayLike) -> Floats:
        """Share of the variance of scores that is between operators and not luck: n / (n + strength).

        Examples
        --------
        >>> Prior(0.9, 30.0).reliability(10).item()
        0.25
        """
        n = np.asarray(calls, dtype=np.float64)
        return n / (n + self.strength)


def prior_of(passed: ArrayLike, calls: ArrayLike) -> Prior:
    """Estimate from all scores how much operators differ, by maximum likelihood of the beta-binomial.

    Parameters
    ----------
    passed, calls : array_like, shape (operators,)

    Returns
    -------
    Prior
        Its strength is about a million if the scores differ by no more than luck.

    Raises
    ------
    PlanningError
        There are fewer than two operators, or more calls passed than scored.

    Notes
    -----
    Source: Efron and Morris (1975), Data analysis using Stein's estimator, for the idea; Skellam (1948) for
    the law.
    """
    from scipy.optimize import minimize
    from scipy.special import betaln, expit, logit

    k, n = _counts(passed, calls)
    if k.size < 2:
        raise PlanningError(f"passed has {k.size} scores, must have at least 2: give everybody's scores")

    def surprise(point: Floats) -> float:
        mean, strength = expit(point[0]), np.exp(point[1])
        a, b = mean * strength, (1 - mean) * strength
        return float(-(betaln(k + a, n - k + b) - betaln(a, b)).sum())

    middle = logit((k.sum() + 0.5) / (n.sum() + 1))
    bounds = [(middle - 10, middle + 10), tuple(np.log(_STRENGTHS))]
    starts = [np.log(strength) for strength in (3.0, 30.0, 300.0, _STRENGTHS[1])]
    tried = (minimize(surprise, [middle, s], bounds=bounds, options={"eps": _STEP}) for s in starts)
    found = min(tried, key=lambda one: float(one.fun))
    return Prior(float(expit(found.x[0])), float(np.exp(found.x[1])))


def shrunk(passed: ArrayLike, calls: ArrayLike, prior: Prior, level: float = 0.95) -> pd.DataFrame:
    """Estimate each operator's share from their own scores and the prior: Beta(a + passed, b + failed).

    Returns
    -------
    DataFrame
        calls, raw (passed / calls; missing without calls), estimate (posterior mean), low and high (the
        interval that contains the true share with probability `level`).

    Examples
    --------
    >>> shrunk([6, 60], [10, 100], Prior(0.9, 30.0)).round(2)
       calls  raw  estimate   low  high
    0   10.0  0.6      0.82  0.69  0.92
    1  100.0  0.6      0.67  0.59  0.75
    """
    from scipy.stats import beta

    k, n = _counts(passed, calls)
    a, b = prior.mean * prior.strength + k, (1 - prior.mean) * prior.strength + n - k
    tail = (1 - level) / 2
    raw = np.divide(k, n, out=np.full(k.shape, np.nan), where=n > 0)
    low, high = beta.ppf(tail, a, b), beta.ppf(1 - tail, a, b)
    return pd.DataFrame({"calls": n, "raw": raw, "estimate": a / (a + b), "low": low, "high": high})


def control_chart(events: pd.Series, calls: pd.Series, *, risk: float = 0.05) -> pd.DataFrame:
    """Compare each operator's (or month's) share of events with limits that luck alone seldom crosses.

    The limits are exact binomial limits around the overall share, wide where calls are few (the funnel plot
    of Spiegelhalter, 2005). If all operators are the same, the probability of any signal is at most `risk`
    (Bonferroni).

    Parameters
    ----------
    events, calls : Series
        Index the operator or the month.
    risk : float
        Largest probability of any false signal on the whole chart.

    Returns
    -------
    DataFrame
        Index of the calls: calls, events, share, centre, low, high, signal ("above", "below" or "").
    """
    from scipy.stats import binom

    k, n = _counts(events, calls)
    centre = float(k.sum() / n.sum()) if n.sum() else 0.0
    tail = number("risk", risk, high=1.0) / 2 / max(len(n), 1)
    low, high = binom.ppf(tail, n, centre), binom.isf(tail, n, centre)
    signal = np.select([k > high, k < low], ["above", "below"], "")
    size = np.maximum(n, 1)
    table = {
        "calls": n,
        "events": k,
        "share": k / size,
        "centre": centre,
        "low": low / size,
        "high": high / size,
    }
    return pd.DataFrame({**table, "signal": signal}, index=calls.index)


def short_calls(calls: pd.DataFrame, *, short_s: float = 10.0, risk: float = 0.05) -> pd.DataFrame:
    """Find the operators with too many very short calls, from the whole log rather than a sample.

    Parameters
    ----------
    calls : DataFrame
        CALLS of one queue.
    short_s : float
        A short call lasts less than this, seconds.

    Returns
    -------
    DataFrame
        The columns of `control_chart`, index agent_id, the largest share first.

    Examples
    --------
    >>> calls = pd.read_parquet("data/calls.parquet")
    >>> chart = short_calls(calls[calls["queue"] == "first_line"])
    >>> chart.index[0], round(float(chart["share"].iloc[0]), 3), chart["signal"].iloc[0]
    ('first_line-064', 0.251, 'above')
    """
    answered = calls[calls["outcome"] == "answered"]
    by_agent = (answered["handle_s"] < short_s).groupby(answered["agent_id"])
    chart = control_chart(by_agent.sum(), by_agent.size(), risk=risk)
    return chart.sort_values("share", ascending=False, kind="stable")


def _counts(passed: ArrayLike, calls: ArrayLike) -> tuple[Floats, Floats]:
    """Events and calls as arrays of one shape, checked."""
    k, n = broadcast(passed=numbers("passed", passed), calls=numbers("calls", calls))
    if len(wrong := np.flatnonzero(k.ravel() > n.ravel())):
        at = wrong[0]
        raise PlanningError(
            f"row {at}: {k.ravel()[at]:g} of {n.ravel()[at]:g} calls, must lie in [0, calls]: "
            "correct the counts"
        )
    return k, n
