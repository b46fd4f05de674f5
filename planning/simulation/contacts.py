"""CONTACTS, the record of every contact, with the measures and their bands.

There is one row per contact with one queue: a transferred caller has a row in each queue, and a redial is a
row of its own.

It has the columns in which CALLS records real calls (call_id, queue, wait_s, handle_s, outcome), so one
`contact_measures` scores both. Times count from the start of the horizon
(`planning.simulation.replications.contacts_of` dates them).

============== ========= =================================================================================
column         unit      meaning
============== ========= =================================================================================
call_id        number    number of the contact, by arrival
queue          name      queue called
arrival_s      s         joined the queue
wait_s         s         from the arrival to the answer or the hang-up
handle_s       s         from the answer to the end; NaN where abandoned
outcome        name      "answered" or "abandoned"
answer_s       s         service started; NaN where abandoned
end_s          s         service ended, or the caller gave up
agent          number    who answered; -1 where abandoned
team           name      team of that agent; missing where abandoned
attempt        number    1 for the first call, 2 for the first redial, ...
transferred_from name    queue that handed the caller over; missing for a call from outside
============== ========= =================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from planning.checks import number
from planning.errors import PlanningError

CONTACTS: Final = (
    "call_id",
    "queue",
    "arrival_s",
    "wait_s",
    "handle_s",
    "outcome",
    "answer_s",
    "end_s",
    "agent",
    "team",
    "attempt",
    "transferred_from",
)
_SUMS: Final = ("offered", "answered", "within", "abandoned", "wait_s", "service_s", "longest_wait_s")


def contacts_frame(
    rows: NDArray[Any] | Mapping[str, NDArray[Any]],
    queues: Sequence[str],
    teams: Sequence[str],
    team_of: NDArray[np.int64],
) -> pd.DataFrame:
    """CONTACTS from the kernel's rows; `team_of` gives the team's number of each agent."""
    agent = np.ascontiguousarray(rows["agent"])
    team = np.append(team_of, -1)[agent]
    arrival_s, answer_s, end_s = (
        np.ascontiguousarray(rows[f"{name}_s"]) for name in ("arrival", "answer", "end")
    )
    columns = {
        "call_id": np.arange(agent.size),
        "queue": pd.Categorical.from_codes(rows["queue"], list(queues)),
        "arrival_s": arrival_s,
        "wait_s": np.where(agent < 0, end_s, answer_s) - arrival_s,
        "handle_s": end_s - answer_s,
        "outcome": pd.Categorical.from_codes((agent < 0).astype(np.int8), ["answered", "abandoned"]),
        "answer_s": answer_s,
        "end_s": end_s,
        "agent": agent,
        "team": pd.Categorical.from_codes(team, list(teams)),
        "attempt": np.ascontiguousarray(rows["attempt"]),
        "transferred_from": pd.Categorical.from_codes(rows["source"], list(queues)),
    }
    return pd.DataFrame(columns, copy=False)


def ratios(totals: NDArray[np.float64]) -> pd.DataFrame:
    """Measures from sums of shape (rows, 7), in the order of the kernel's counts.

    The denominators: service level and abandonment over the offered, ASA and AHT over the answered. Where
    nobody called, the service level is 1 and the rest 0; where nobody was answered, ASA and AHT are NaN.
    """
    offered, answered, within, abandoned, wait_s, service_s, longest_s = totals.T[: len(_SUMS)]
    some, served = offered > 0.0, answered > 0.0
    empty = np.where(some, np.nan, 0.0)
    return pd.DataFrame(
        {
            "offered": offered.astype(np.int64),
            "answered": answered.astype(np.int64),
            "abandoned": abandoned.astype(np.int64),
            "service_level": np.divide(within, offered, out=np.ones_like(offered), where=some),
            "asa_s": np.divide(wait_s, answered, out=empty.copy(), where=served),
            "abandonment": np.divide(abandoned, offered, out=np.zeros_like(offered), where=some),
            "aht_s": np.divide(service_s, answered, out=empty.copy(), where=served),
            "longest_wait_s": longest_s,
        }
    )


def contact_measures(
    contacts: pd.DataFrame, *, by: str | Sequence[str] | None = None, threshold_s: float = 20.0
) -> pd.DataFrame:
    """Score contacts, simulated or real.

    Parameters
    ----------
    contacts
        CONTACTS or CALLS: a frame with wait_s, handle_s and outcome, or with arrival_s, answer_s (NaN where
        abandoned) and end_s, and the columns of `by`.
    by
        Column or columns to group by; by default one row for all.
    threshold_s
        Threshold of the service level.

    Returns
    -------
    DataFrame
        offered, answered, abandoned, service_level (answered within the threshold / offered), asa_s (over the
        answered), abandonment (/ offered), aht_s (over the answered), longest_wait_s (answered or not).

    Raises
    ------
    PlanningError
        A column is missing, or the threshold is not a number >= 0.

    Examples
    --------
    >>> from planning.simulation import fifo
    >>> contacts = fifo([0.0, 1.0, 2.0], [30.0, 10.0, 10.0], 1, patience_s=[5.0, 5.0, 90.0])
    >>> contact_measures(contacts).T[0].to_dict()
    {'offered': 3.0, 'answered': 2.0, 'abandoned': 1.0, 'service_level': 0.3333333333333333, 'asa_s': 14.0, \
'abandonment': 0.3333333333333333, 'aht_s': 20.0, 'longest_wait_s': 28.0}
    """
    keys = [] if by is None else [by] if isinstance(by, str) else list(by)
    clock = ("arrival_s", "answer_s", "end_s")
    needed = clock if set(clock) <= set(contacts.columns) else ("wait_s", "handle_s", "outcome")
    missing = [name for name in (*needed, *keys) if name not in contacts.columns]
    if missing:
        raise PlanningError(f"contacts lack the column {missing[0]!r}: give CONTACTS or CALLS")
    parts = _parts(contacts, number("threshold_s", threshold_s))
    if not keys:
        longest = parts["longest_wait_s"].max() if len(parts) else 0.0
        return ratios(np.array([[*parts[list(_SUMS[:-1])].sum(), longest]], np.float64))
    groups = pd.concat([contacts[keys], parts], axis=1).groupby(keys, observed=True)
    totals = groups[list(_SUMS[:-1])].sum().assign(longest_wait_s=groups["longest_wait_s"].max())
    return ratios(totals.to_numpy(np.float64)).set_index(totals.index)


def _parts(contacts: pd.DataFrame, threshold_s: float) -> pd.DataFrame:
    """Return what each contact adds to the sums."""
    if {"arrival_s", "answer_s", "end_s"} <= set(contacts.columns):
        arrival, answer, end = (
            contacts[name].to_numpy(np.float64) for name in ("arrival_s", "answer_s", "end_s")
        )
        answered = ~np.isnan(answer)
        # Computed as the timers are (arrival + threshold), so an overflow exactly at the threshold is in
        # time.
        within = answered & (answer <= arrival + threshold_s)
        wait, handle = np.where(answered, answer, end) - arrival, end - answer
    else:
        wait, handle = (contacts[name].to_numpy(np.float64) for name in ("wait_s", "handle_s"))
        answered = (contacts["outcome"] == "answered").to_numpy()
        within = answered & (wait <= threshold_s)
    columns = (
        np.ones(len(contacts)),
        answered,
        within,
        ~answered,
        np.where(answered, wait, 0.0),
        np.where(answered, handle, 0.0),
        wait,
    )
    return pd.DataFrame(
        {name: np.asarray(column, np.float64) for name, column in zip(_SUMS, columns, strict=True)},
        index=contacts.index,
    )


class Band(NamedTuple):
    """Mean of independent days and the half-width of its 95 % interval."""

    mean: float
    half_width: float


def band(values: ArrayLike) -> Band:
    """Mean and half-width of the 95 % interval (Student t) of one value per day.

    Days are independent but calls within a day are not, so the binomial formula over calls would give a band
    that is far too narrow.

    Parameters
    ----------
    values
        One value per replication, shape (days,), at least two.

    Raises
    ------
    PlanningError
        Fewer than two days, or a value that is not finite.

    Examples
    --------
    >>> mean, half_width = band([0.80, 0.84, 0.79, 0.81])
    >>> round(mean, 3), round(half_width, 3)
    (0.81, 0.034)
    """
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or array.size < 2:
        raise PlanningError(f"values have shape {array.shape}, must be one value per day of two days or more")
    if not np.isfinite(array).all():
        bad = int(np.flatnonzero(~np.isfinite(array))[0])
        raise PlanningError(f"values[{bad}] is {array[bad]:g}, must be finite: drop days without calls")
    error = float(array.std(ddof=1)) / float(np.sqrt(array.size))
    return Band(float(array.mean()), float(stdtrit(array.size - 1, 0.975)) * error)


def band_of_ratio(parts: ArrayLike, wholes: ArrayLike) -> Band:
    """Band of a ratio of sums over days, for example answered in time over offered.

    The mean of daily ratios would give a quiet day the weight of a busy one. The band is that of the
    linearised ratio (Cochran, Sampling Techniques, 1977, eq. 6.13).

    Parameters
    ----------
    parts, wholes
        One value per replication, shape (days,), at least two; the wholes add up to more than 0.

    Raises
    ------
    PlanningError
        Unequal lengths, fewer than two days, or nothing offered on any day.

    Examples
    --------
    >>> mean, half_width = band_of_ratio([80, 45, 90], [100, 50, 100])
    >>> round(mean, 3), round(half_width, 3)
    (0.86, 0.158)
    """
    some, whole = np.asarray(parts, np.float64), np.asarray(wholes, np.float64)
    if some.shape != whole.shape or not whole.sum() > 0:
        raise PlanningError(
            f"parts and wholes have shapes {some.shape} and {whole.shape} and the wholes add up to "
            f"{whole.sum():g}, must be equally many and more than 0"
        )
    ratio = float(some.sum() / whole.sum())
    return Band(ratio, band(some - ratio * whole).half_width / float(whole.mean()))


def paired_difference(values: ArrayLike, others: ArrayLike) -> Band:
    """Band of `values` - `others`, day by day, which common random numbers make narrow.

    Raises
    ------
    PlanningError
        Unequal lengths, fewer than two days, or a value that is not finite.

    Examples
    --------
    >>> round(paired_difference([0.84, 0.80, 0.88], [0.82, 0.79, 0.85]).mean, 3)
    0.02
    """
    first, second = np.asarray(values, np.float64), np.asarray(others, np.float64)
    if first.shape != second.shape:
        raise PlanningError(
            f"values have shape {first.shape}, others {second.shape}: give the same days of both"
        )
    return band(first - second)
