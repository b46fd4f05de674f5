"""Questions that need many scenarios: which setting matters most, and how far a setting can go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from planning.checks import number, one_of
from planning.errors import PlanningError
from planning.whatif.comparison import BASE, compare

if TYPE_CHECKING:
    from planning.centre import Centre

POINTS = 6
"""Values in each round of a search, which can be computed in parallel."""


def tornado(
    ranges: Mapping[str, tuple[Any, Any]],
    centre: Centre,
    demand: pd.DataFrame,
    *,
    measure: str = "cost",
    **options: Any,
) -> pd.DataFrame:
    """Move one setting at a time to its low and its high value, to see which matters most.

    Parameters
    ----------
    ranges : mapping
        The low and high value of each change, as `compare` takes them.
    centre : Centre
    demand : DataFrame
        DEMAND.
    measure : str
        A column of `compare` that has a difference from the base.
    **options
        As for `compare`.

    Returns
    -------
    DataFrame
        Index change, the widest swing first: low_value, high_value, low and high (differences from the base),
        swing, and reason if one of the two failed.

    Examples
    --------
    >>> from planning import Centre
    >>> from planning.calendars import axis, day_start
    >>> times = axis(day_start("2026-11-23", "Europe/Moscow"), 1, 900)
    >>> flat = pd.DataFrame({"queue": "vip", "interval_start": times, "calls": 6.0, "aht_s": 200.0})
    >>> ranges = {"patience": (0.5, 2.0), "volume": (0.5, 1.5)}
    >>> table = tornado(ranges, Centre.load(), flat, measure="peak_agents", staff="positions")
    >>> table[["low", "high"]].to_dict("index")
    {'volume': {'low': -1.0, 'high': 1.0}, 'patience': {'low': 0.0, 'high': 0.0}}
    """
    scenarios = {
        f"{change} {value}": {change: value} for change, values in ranges.items() for value in values
    }
    table = compare(scenarios, centre, demand, **options)
    column = f"{measure}_difference"
    one_of(
        "measure",
        measure,
        [name.removesuffix("_difference") for name in table if name.endswith("_difference")],
    )
    rows = {}
    for change, (low, high) in ranges.items():
        ends = table.loc[[f"{change} {low}", f"{change} {high}"]]
        rows[change] = {
            "low_value": low,
            "high_value": high,
            "low": ends[column].iloc[0],
            "high": ends[column].iloc[1],
            "reason": "; ".join(filter(None, ends["reason"])),
        }
    found = pd.DataFrame.from_dict(rows, orient="index").rename_axis("change")
    found.insert(4, "swing", (found["high"] - found["low"]).abs())
    return found.sort_values("swing", ascending=False, kind="stable")


def most(
    change: str,
    measure: str,
    limit: float,
    centre: Centre,
    demand: pd.DataFrame,
    *,
    low: float,
    high: float,
    tolerance: float = 0.01,
    **options: Any,
) -> pd.DataFrame:
    """Find the largest value of a change that keeps a measure, which grows with it, within a limit.

    For example: how many times today's calls can 120 agents take?

    Parameters
    ----------
    change, measure : str
        The change of `compare` to increase, and the column that must not exceed the limit.
    limit : float
    centre : Centre
    demand : DataFrame
        DEMAND.
    low, high : float
        Bounds of the search: the limit must hold at `low` and be exceeded at `high`.
    tolerance : float
        The accuracy of the answer.
    **options
        As for `compare`; ``staff="positions"`` by default here.

    Returns
    -------
    DataFrame
        The rows of `compare` that were tried, ordered by ``value``; the answer is the last one that ``fits``.

    Raises
    ------
    PlanningError
        The bounds do not bracket an answer, the tolerance is too fine for floating point, or a scenario
        fails.

    Examples
    --------
    >>> from planning import Centre
    >>> from planning.calendars import axis, day_start
    >>> times = axis(day_start("2026-11-23", "Europe/Moscow"), 1, 900)
    >>> flat = pd.DataFrame({"queue": "vip", "interval_start": times, "calls": 6.0, "aht_s": 200.0})
    >>> tried = most("volume", "peak_agents", 5, Centre.load(), flat, low=1, high=4, tolerance=0.1)
    >>> tried[tried["fits"]][["value", "peak_agents"]].iloc[-1].round(2).tolist()
    [1.98, 5.0]
    """
    finest = 1e-9 * max(abs(low), abs(high))
    number("tolerance", tolerance, finest, open_low=True)
    options = {"staff": "positions"} | options
    tried = pd.DataFrame()
    while high - low > tolerance or tried.empty:
        values = [float(value) for value in np.linspace(low, high, POINTS)]
        inner = values if tried.empty else values[1:-1]
        tried = pd.concat([tried, _tried(change, measure, inner, centre, demand, options)])
        tried = tried.assign(fits=tried[measure] <= limit).sort_values("value", ignore_index=True)
        if tried["fits"].all() or not tried["fits"].iloc[0]:
            ends = " to ".join(f"{end:g}" for end in tried[measure].iloc[[0, -1]])
            raise PlanningError(
                f"{measure} is {ends} for {change} {low:g} to {high:g}, must reach {limit:g} between them: "
                "widen low and high"
            )
        first_over = int(tried["fits"].argmin())
        low, high = tried["value"].iloc[[first_over - 1, first_over]]
    return tried


def _tried(
    change: str, measure: str, values: Sequence[float], centre: Centre, demand: pd.DataFrame, options: Any
) -> pd.DataFrame:
    """Compute a few values, each of which must be possible."""
    scenarios = {f"{change} {value!r}": {change: value} for value in values}
    table = compare(scenarios, centre, demand, **options).drop(index=BASE)
    one_of("measure", measure, list(table))
    failed = table[table["reason"] != ""]
    if len(failed):
        raise PlanningError(f"{failed.index[0]}: {failed['reason'].iloc[0]}")
    return table.assign(value=values)
