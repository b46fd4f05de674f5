"""Example centres to start from: each a folder with a centre's file and a synthetic demand.

``small`` is a one-site centre, ``global`` one of three sites in two countries that never closes, ``operator``
the national operator of the notebooks. Every figure of theirs is made up.
"""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from planning.calendars import axis, day_start
from planning.centre import Centre
from planning.errors import PlanningError

EXAMPLES = ("small", "global", "operator")
FILES = ("centre.toml", "people.csv", "vips.csv", "scenarios.toml")
"""Files that an example may have, beside its demand."""
DAY_CV = 0.05
"""How much a day differs from its weekday's usual volume."""


class Example(NamedTuple):
    """A centre and its demand."""

    centre: Centre
    demand: pd.DataFrame
    """DEMAND of the last weeks."""


def folder_of(name: str) -> Path:
    """Folder of an example's files.

    Raises
    ------
    PlanningError
        There is no such example.
    """
    if name not in EXAMPLES:
        raise PlanningError(f"example is {name!r}, must be one of {', '.join(EXAMPLES)}")
    packed = Path(__file__).parent / name
    # The operator's files are data/ of the repository, which an installed package holds as a folder here.
    return packed if packed.is_dir() else Path(__file__).parents[2] / "data"


def load(name: str) -> Example:
    """Load an example.

    Parameters
    ----------
    name : str
        One of `EXAMPLES`.

    Raises
    ------
    PlanningError
        There is no such example.

    Examples
    --------
    >>> centre, demand = load("small")
    >>> centre.currency, sorted(demand["queue"].unique())
    ('EUR', ['calls', 'email'])
    """
    folder = folder_of(name)
    centre = Centre.load(folder / "centre.toml")
    stored = folder / "demand.parquet"
    return Example(centre, pd.read_parquet(stored) if stored.exists() else _drawn(centre, folder))


def write(name: str, target: Path) -> list[Path]:
    """Write an example's files into a folder, to start from.

    Raises
    ------
    PlanningError
        There is no such example, the folder holds one of the files already, or it cannot be written.
    """
    source = folder_of(name)
    files = [file for file in FILES if (source / file).exists()]
    there = [file for file in (*files, "demand.parquet") if (target / file).exists()]
    if there:
        raise PlanningError(f"{target} holds {' and '.join(there)} already: give an empty folder")
    try:
        target.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copyfile(source / file, target / file)
        load(name).demand.to_parquet(target / "demand.parquet", index=False)
    except OSError as error:
        raise PlanningError(f"{target} cannot be written: {error.strerror}") from None
    return [target / file for file in (*files, "demand.parquet")]


def _drawn(centre: Centre, folder: Path) -> pd.DataFrame:
    """Draw the demand that an example's ``demand.toml`` describes; the same one each time."""
    settings = tomllib.loads((folder / "demand.toml").read_text(encoding="utf-8"))
    times = axis(day_start(settings["start"], centre.time_zone), 7 * settings["weeks"], centre.interval_s)
    streams = np.random.SeedSequence(settings["seed"]).spawn(len(settings["queues"]))
    queues = zip(settings["queues"].items(), streams, strict=True)
    drawn = [
        _queue(name, queue, times, centre.interval_s, np.random.default_rng(stream))
        for (name, queue), stream in queues
    ]
    return pd.concat(drawn, ignore_index=True)


def _queue(
    name: str, queue: dict[str, Any], times: pd.DatetimeIndex, interval_s: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw Poisson calls by hour and weekday; a queue is closed, without rows, where its profile is 0."""
    by_hour = np.array(queue["by_hour"]) / sum(queue["by_hour"]) * interval_s / 3600
    weekday = np.array(queue["by_weekday"])[times.day_of_week]
    day = np.unique(times.date, return_inverse=True)[1]
    luck = rng.lognormal(-(DAY_CV**2) / 2, DAY_CV, day.max() + 1)[day]
    mean = queue["calls_day"] * weekday * by_hour[times.hour]
    calls = rng.poisson(mean * luck)
    aht_s = queue["aht_s"] * rng.lognormal(0.0, 0.5 / np.sqrt(np.maximum(calls, 1)))
    frame = pd.DataFrame(
        {
            "queue": name,
            "interval_start": times,
            "calls": calls.astype(float),
            "aht_s": np.where(calls > 0, aht_s.round(1), 0.0),
        }
    )
    return frame[mean > 0]
