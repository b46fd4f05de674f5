"""How regular people's weeks are, counted from the roster alone without a solver."""

from __future__ import annotations

import pandas as pd

from planning.calendars import time_of_day, week_end
from planning.centre import Centre
from planning.roster.audit import local_roster
from planning.roster.inputs import own_clock

HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)


def regularity(centre: Centre, roster: pd.DataFrame) -> pd.DataFrame:
    """Count by team how far apart a person's starts in a week are, and how many days and shifts they work.

    Parameters
    ----------
    centre : Centre
        Its sites have their clocks, their weeks and the span of starts, `Labour.start_span_h`.
    roster : DataFrame
        Columns of `planning.tables.ROSTER`.

    Returns
    -------
    DataFrame
        By team: person_weeks (weeks in which a person works), within_span (share of them whose starts all lie
        within the span), starts_a_week (different times of start), days_a_week (shifts), and the number of
        shifts of each length in paid hours, for example ``8 h``.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml")
    >>> early = {"agent_id": "ann", "site": "kaluga", "team": "vip_kaluga", "shift_id": "e",
    ...          "start": "2026-11-23T08:00+03:00", "end": "2026-11-23T16:30+03:00",
    ...          "paid_h": 8, "night_h": 0}
    >>> late = early | {"shift_id": "l", "start": "2026-11-25T13:00+03:00", "end": "2026-11-25T21:30+03:00"}
    >>> regularity(centre, pd.DataFrame([early, late])).to_dict("index")["vip_kaluga"]
    {'person_weeks': 1, 'within_span': 0.0, 'starts_a_week': 2.0, 'days_a_week': 2.0, '8 h': 2}
    """
    shifts = local_roster(roster, centre.time_zone)
    own = own_clock(pd.DatetimeIndex(shifts["start"]), shifts["site"], centre)
    last = (
        shifts["site"]
        .map({site: week_end(centre.weekend(site))[-1] for site in centre.sites})
        .astype("int64")
    )
    span = (
        shifts["site"]
        .map({site: centre.at(site).labour.start_span_h.value for site in centre.sites})
        .astype(float)
    )
    day = own.normalize()
    shifts = shifts.assign(
        clock_h=time_of_day(own) / HOUR, week=day - (day.day_of_week - last - 1) % 7 * DAY, span_h=span
    )
    weeks = shifts.groupby(["team", "agent_id", "week"]).agg(
        first=("clock_h", "min"), last=("clock_h", "max"), span=("span_h", "first"),
        starts_a_week=("clock_h", "nunique"), days_a_week=("clock_h", "size"),
    )  # fmt: skip
    weeks["within_span"] = weeks["last"] - weeks["first"] <= weeks["span"] + 1e-9
    by_team = weeks.groupby("team")
    means = by_team[["within_span", "starts_a_week", "days_a_week"]].mean()
    lengths = pd.crosstab(shifts["team"], shifts["paid_h"]).rename(columns=lambda hours: f"{hours:g} h")
    return by_team.size().rename("person_weeks").to_frame().join(means).join(lengths)
