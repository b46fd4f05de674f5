"""VIPs in a plan: who they are, and which manager's VIPs call when."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from planning.errors import PlanningError
from planning.tables import VIPS

if TYPE_CHECKING:
    from planning.centre.systems import Vip


def synthetic_vips(
    settings: Vip, managers: Iterable[str], zones: pd.Series, *, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw VIPs (share of calls, language, time zone, current manager) and the managers' languages.

    Parameters
    ----------
    settings : Vip
    managers : iterable of str
    zones : Series
        Index utc_offset_h, the share of the callers who live there.
    seed : int

    Returns
    -------
    vips : DataFrame
        Index vip: share (of all VIP calls), language ("" for the common one), utc_offset_h, and the current
        manager.
    speaks : DataFrame
        Index manager, a column per language: whether the manager speaks it.
    """
    rng = np.random.default_rng(seed)
    names = list(managers)
    speaks = pd.DataFrame(
        {
            language: np.isin(names, rng.choice(names, max(2, round(share * len(names))), replace=False))
            for language, share in settings.languages.items()
        },
        index=pd.Index(names, name="manager"),
    )
    kinds = ["", *settings.languages]
    chances = [1 - sum(settings.languages.values()), *settings.languages.values()]
    language = rng.choice(kinds, settings.vips, p=chances)
    calls = rng.gamma(settings.calls_cv**-2, settings.calls_cv**2, settings.vips)
    fits = {kind: speaks.index[speaks[kind]] if kind else speaks.index for kind in kinds}
    vips = pd.DataFrame(
        {
            "share": calls / calls.sum(),
            "language": language,
            "utc_offset_h": rng.choice(zones.index.to_numpy(), settings.vips, p=zones / zones.sum()),
            "manager": [rng.choice(fits[kind].to_numpy()) for kind in language],
        },
        index=pd.Index([f"vip_{number + 1:03d}" for number in range(settings.vips)], name="vip"),
    )
    return vips, speaks


def read_vips(path: str | Path, people: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read VIPs and their personal managers from a CSV file, and set faulty rows aside.

    Parameters
    ----------
    path : str or Path
        CSV with the columns of `planning.tables.VIPS`.
    people : DataFrame
        PEOPLE, the managers among them.

    Returns
    -------
    vips, rejected : DataFrame
        Index vip, the columns of `planning.tables.VIPS`; and the refused rows with a column ``reason``.

    Raises
    ------
    PlanningError
        The file is missing, is not a CSV, has no rows, or lacks a column.

    Examples
    --------
    >>> from planning import Centre, read_people
    >>> people, _ = read_people("data/people.csv", Centre.load("data/centre.toml"))
    >>> vips, rejected = read_vips("data/vips.csv", people)
    >>> len(vips), len(rejected)
    (240, 0)
    """
    known = set(people["agent_id"])

    def reason(row: Any) -> str:
        if row.manager in known:
            return ""
        return f"manager is {row.manager!r}, who is not among the people: name another"

    good, rejected = VIPS.read(path, "VIP", reason)
    return good.fillna({"language": ""}).set_index("vip"), rejected


def own_shares(settings: Vip, vips: pd.DataFrame, times: pd.DatetimeIndex) -> pd.DataFrame:
    """Share of each interval's VIP calls that come from each manager's VIPs.

    Parameters
    ----------
    settings : Vip
    vips : DataFrame
        As `read_vips` gives them.
    times : DatetimeIndex
        Starts of the intervals.

    Returns
    -------
    DataFrame
        Index interval_start, a column per manager; rows add up to 1, and are missing when no VIP calls.

    Raises
    ------
    PlanningError
        No VIP has a share of the calls.

    Examples
    --------
    The second VIP lives seven hours further east and is the only one awake at 08:00 on the first one's clock:

    >>> from planning import Centre
    >>> from planning.centre.systems import Vip
    >>> shape = [0.0] * 9 + [1.0] * 9 + [0.0] * 6
    >>> rules = Centre.load("data/centre.toml").systems.vip
    >>> rules = Vip.of(rules.model_dump() | {"calls_by_hour": shape})
    >>> vips = pd.DataFrame({"share": [3, 1], "utc_offset_h": [3, 10], "manager": ["ann", "ben"]})
    >>> own_shares(rules, vips, pd.date_range("2026-11-23 08:00", periods=3, freq="h", tz="Europe/Moscow"))
                                ann   ben
    2026-11-23 08:00:00+03:00  0.00  1.00
    2026-11-23 09:00:00+03:00  0.75  0.25
    2026-11-23 10:00:00+03:00  0.75  0.25
    """
    if len(vips) and not vips["share"].sum() > 0:
        raise PlanningError(
            "share is 0 for every VIP, must be above 0 for at least one: give each VIP's share of the calls"
        )
    volume = vips["share"].to_numpy()[:, None] * on_own_clock(vips, settings.calls_by_hour, times)
    by_vip = pd.DataFrame(volume, columns=times)
    by_manager = by_vip.groupby(vips["manager"].to_numpy()).sum().T
    return by_manager.div(by_manager.sum(axis=1), axis=0)


def on_own_clock(
    vips: pd.DataFrame, calls_by_hour: ArrayLike, times: pd.DatetimeIndex
) -> NDArray[np.float64]:
    """Value of the daily profile on each VIP's own clock (row) at given times (column)."""
    shape = np.asarray(calls_by_hour, float)
    utc = times.tz_convert("UTC").hour.to_numpy()
    found: NDArray[np.float64] = shape[(utc + vips["utc_offset_h"].to_numpy()[:, None]) % 24]
    return found
