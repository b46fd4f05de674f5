"""The roster as people keep it: a workbook with a sheet for each team, a calendar for each person."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import xlsxwriter

from planning.calendars import is_weekend
from planning.centre import Centre
from planning.centre.labour import Letters
from planning.errors import PlanningError
from planning.pay import hours_by_day
from planning.report.half_months import write_half_months
from planning.report.style import team_label
from planning.report.team_sheets import absences, sheet_name
from planning.roster.audit import local_people, local_roster
from planning.roster.carry_over import own_norms
from planning.roster.inputs import Horizon


def time_sheet(roster: pd.DataFrame, people: pd.DataFrame, centre: Centre, horizon: Horizon) -> pd.DataFrame:
    """Lay out who works when: a row for each person, a column for each day with the time sheet's letter.

    The letters are those of the labour rules at each person's site (`planning.centre.labour.Letters`).

    Returns
    -------
    DataFrame
        Index agent_id; columns team, each day (a date), then hours, night_hours and norm_h: what the
        production calendar asks of the person's contract, leave taken off by the hour
        (`planning.roster.carry_over.own_norms`). A shift is work on a public holiday if it starts on the
        holiday itself (`Centre.is_holiday`).

    Raises
    ------
    PlanningError
        A row of the roster or the people is faulty.
    """
    dates = pd.date_range(horizon.first, horizon.last)
    who = local_people(people, centre.time_zone).set_index("agent_id")
    letters = {agent: centre.at(str(site)).labour.letters for agent, site in who["site"].items()}
    off = pd.Series({agent: own.off for agent, own in letters.items()}, dtype="str")
    table = pd.DataFrame(dict.fromkeys(dates, off), index=who.index, columns=dates)
    away = absences(people, centre, dates)
    table = table.mask(away != "", away)
    worked = local_roster(roster, centre.time_zone)
    days = worked["start"].dt.tz_localize(None).dt.normalize()
    holiday = pd.Series(False, index=worked.index)
    for site, own in days.groupby(worked["site"]):
        holiday[own.index] = centre.at(str(site)).is_holiday(own.dt.date)
    for agent, day, night_h, is_free in zip(
        worked["agent_id"], days, worked["night_h"], holiday, strict=True
    ):
        if agent in table.index and day in table.columns:
            own = letters[agent]
            table.loc[agent, day] = own.holiday if is_free else own.night if night_h else own.work
    sums = worked.groupby("agent_id")[["paid_h", "night_h"]].sum().reindex(table.index, fill_value=0.0)
    table.insert(0, "team", who["team"])
    return table.assign(
        hours=sums["paid_h"],
        night_hours=sums["night_h"],
        norm_h=own_norms(centre, people, horizon).round(2),
    )


def write_roster_book(
    path: str | Path,
    roster: pd.DataFrame,
    people: pd.DataFrame,
    centre: Centre,
    horizon: Horizon,
    *,
    breaks: pd.DataFrame | None = None,
    payroll: pd.DataFrame | None = None,
) -> None:
    """Write a workbook with a sheet for each team and a legend of the letters.

    A sheet has a row for each person; where the law of a site prescribes a form by halves of the month
    (`Labour.half_months`), a sheet for each month in that form.

    Parameters
    ----------
    path : str or Path
    roster, people : DataFrame
        ROSTER, PEOPLE.
    centre : Centre
    horizon : Horizon
    breaks : DataFrame, optional
        BREAKS, for the hours of each calendar day; without them paid hours are spread evenly over a shift.
    payroll : DataFrame, optional
        `planning.edition.Edition.payroll`, for the kinds of pay of the form.

    Raises
    ------
    PlanningError
        The file cannot be written.
    """
    table = time_sheet(roster, people, centre, horizon)
    who = local_people(people, centre.time_zone)
    sites = people.astype({"team": "str"}).groupby("team")["site"].first()
    pauses = (
        roster[["agent_id", "shift_id", "start", "end"]][:0]
        if breaks is None
        else breaks[~breaks["paid"].astype(bool)]
    )
    hours = hours_by_day(centre, roster, pauses) if len(roster) else None
    try:
        with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as book:
            formats = {
                "head": book.add_format({"bold": True, "bottom": 1, "align": "center"}),
                "weekend": book.add_format(
                    {"bold": True, "bottom": 1, "align": "center", "bg_color": "#E8ECF0"}
                ),
                "cell": book.add_format({"align": "center"}),
                "h": book.add_format({"num_format": "0.0"}),
            }
            for team, rows in table.groupby("team"):
                site = str(sites[str(team)])
                if (form := centre.at(site).labour.half_months) is not None:
                    own = who[who["team"] == team]
                    write_half_months(book, str(team), form, rows, own, hours, payroll, centre)
                    continue
                sheet = book.add_worksheet(sheet_name(book, str(team)))
                _write_team(sheet, rows.drop(columns="team"), centre.weekend(site), formats)
            legend = book.add_worksheet(sheet_name(book, "letters"))
            laws = {centre.country_of(site): centre.at(site).labour.letters for site in sites.unique()}
            rows = [
                [
                    *(getattr(letters, name) for letters in laws.values()),
                    (field.description or "").rstrip("."),
                ]
                for name, field in Letters.model_fields.items()
            ]
            for row, texts in enumerate(rows if len(laws) == 1 else [[*laws], *rows]):
                legend.write_row(row, 0, texts)
    except OSError as error:
        raise PlanningError(f"{path} cannot be written: {error.strerror or error}") from None


def _write_team(sheet: Any, rows: pd.DataFrame, weekend: Collection[int], formats: dict[str, Any]) -> None:
    """Write one team: names, days and sums, which are values because letters hold no hours to add up."""
    sheet.write_string(0, 0, "agent_id", formats["head"])
    sheet.set_column(0, 0, max(12, int(rows.index.str.len().max()) + 2))
    days = [name for name in rows.columns if isinstance(name, pd.Timestamp)]
    sheet.set_column(1, len(days), 7)
    for column, name in enumerate(rows.columns, start=1):
        is_day = isinstance(name, pd.Timestamp)
        style = "weekend" if is_day and is_weekend(pd.DatetimeIndex([name]), weekend)[0] else "head"
        sheet.write_string(0, column, f"{name:%a %d}" if is_day else str(name), formats[style])
    for row, (agent, values) in enumerate(rows.iterrows(), start=1):
        sheet.write_string(row, 0, str(agent))
        for column, (name, value) in enumerate(values.items(), start=1):
            if isinstance(name, pd.Timestamp):
                sheet.write_string(row, column, value, formats["cell"])
            else:
                sheet.write_number(row, column, float(value), formats["h"])
    sheet.freeze_panes(1, 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def write_calendars(
    folder: str | Path,
    roster: pd.DataFrame,
    centre: Centre,
    *,
    made: pd.Timestamp,
    edition: int = 1,
    breaks: pd.DataFrame | None = None,
    changes: pd.DataFrame | None = None,
) -> list[Path]:
    """Write an iCalendar file for each person, with an event for each shift.

    A shift has the same UID in every edition, and a later edition a higher SEQUENCE, so that calendars
    replace it. A shift that somebody has no longer is CANCELLED, so that it leaves their calendar.

    Parameters
    ----------
    folder : str or Path
        It is made if it is missing.
    roster : DataFrame
        Columns of `planning.tables.ROSTER`.
    centre : Centre
    made : Timestamp
        When the edition was published, with its time zone.
    edition : int
    breaks : DataFrame, optional
        BREAKS, for the events' descriptions.
    changes : DataFrame, optional
        CHANGES of all editions up to this one.

    Returns
    -------
    list of Path

    Raises
    ------
    PlanningError
        The folder cannot be written.
    """
    from icalendar import Calendar, Event  # only here: most plans write no calendars

    target = Path(folder)
    paths = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for agent, rows in _events(roster, breaks, changes, centre).groupby("agent_id"):
            calendar = Calendar()
            calendar.add("prodid", f"-//{centre.name}//roster//")
            calendar.add("version", "2.0")
            for row in rows.sort_values("start").itertuples():
                event = Event()
                start, end = (edge.tz_convert("UTC").to_pydatetime() for edge in (row.start, row.end))
                event.add("uid", f"{agent}-{start:%Y%m%dT%H%M}@{row.team}")
                event.add("sequence", edition - 1)
                event.add("dtstamp", made.tz_convert("UTC").to_pydatetime())
                event.add("dtstart", start)
                event.add("dtend", end)
                event.add("summary", team_label(row.team, row.site) + row.title)
                event.add("status", row.status)
                if row.text:
                    event.add("description", row.text)
                calendar.add_component(event)
            # Other signs are written as in a web address, so that two people never share a file.
            name = "".join(sign if sign.isalnum() else quote(sign, safe="") for sign in str(agent))
            paths.append(target / f"{name}.ics")
            paths[-1].write_bytes(calendar.to_ical())
    except OSError as error:
        raise PlanningError(f"{target} cannot be written: {error.strerror}") from None
    return paths


def _events(
    roster: pd.DataFrame, breaks: pd.DataFrame | None, changes: pd.DataFrame | None, centre: Centre
) -> pd.DataFrame:
    """Say what a calendar has of each shift: those of the roster, then those that somebody had before."""
    there = local_roster(roster, centre.time_zone)
    there = there.assign(status="CONFIRMED", title=[f", {hours:g} h" for hours in there["paid_h"]], text="")
    if breaks is not None and len(breaks):
        zones = [
            centre.zones[site] for site in breaks["agent_id"].map(there.groupby("agent_id")["site"].first())
        ]
        spans = [
            f"{row.kind} {row.start.tz_convert(zone):%H:%M}-{row.end.tz_convert(zone):%H:%M}"
            for row, zone in zip(breaks.itertuples(), zones, strict=True)
        ]
        texts = breaks.assign(text=spans).groupby(["agent_id", "shift_id"])["text"].agg(", ".join)
        there = there.drop(columns="text").merge(texts.reset_index(), how="left").fillna({"text": ""})
    columns = ["agent_id", "site", "team", "start", "end", "status", "title", "text"]
    if changes is None or changes.empty:
        return there[columns]
    gone = changes[changes["before_start"].notna()].rename(
        columns={"before_start": "start", "before_end": "end"}
    )
    gone = gone.drop_duplicates(["agent_id", "start"], keep="last").rename(columns={"why": "text"})
    gone = gone.assign(status="CANCELLED", title=", cancelled")
    return pd.concat([there, gone])[columns].drop_duplicates(["agent_id", "start"])
