"""Changes of a published roster: what people ask for, and what a day needs, each the next edition."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from planning.calendars import DAY, day_start, local_day, on_clock
from planning.edition import Edition, empty
from planning.errors import PlanningError
from planning.intraday import with_changes
from planning.roster.audit import new_breaches, not_in
from planning.roster.change import changes_of, mend, substitutes, swap
from planning.roster.frames import wanted_shifts
from planning.roster.inputs import ABSENCES, own_clock
from planning.shifts import Pattern, parse_shift, shapes
from planning.tables import BREAKS, CHANGES, PEOPLE, REQUESTS, ROSTER, SHIFTS

if TYPE_CHECKING:
    from planning.centre import Centre


@dataclass(frozen=True, eq=False)
class Changed:
    """The next edition, and what a planner must know of it.

    Attributes
    ----------
    edition : Edition
    changes : DataFrame
        CHANGES of this edition: who is told what.
    substitutes : DataFrame
        For each shift that somebody lost or that was added: shift_id, the columns of
        `planning.roster.change.substitutes`, and taken (whether this person has it now).
    refused : DataFrame
        Requests that cannot be met, as they came, with a column ``reason``, by row number; of a team sheet,
        the cells that cannot be read, with their value and the reason.
    new_breaches : DataFrame
        Breaches that the edition before did not have.
    hours : DataFrame
        Index agent_id, of those whose hours change; paid_h and night_h before and after.
    cost : float
        What the change costs: pay and idle pay after it, less those before.
    """

    edition: Edition
    changes: pd.DataFrame
    substitutes: pd.DataFrame
    refused: pd.DataFrame
    new_breaches: pd.DataFrame
    hours: pd.DataFrame
    cost: float


def change(edition: Edition, requests: pd.DataFrame, *, now: pd.Timestamp) -> Changed:
    """Meet requests with the fewest changes of a roster.

    Absences and added shifts come first, then what people have agreed among themselves, which stays as it is
    agreed. Then the teams concerned are mended (`planning.roster.change.mend`). A request that cannot be met
    is refused with its reason, and the others are met.

    Parameters
    ----------
    edition : Edition
    requests : DataFrame
        REQUESTS.
    now : Timestamp
        When the change is made, with its time zone. What has begun stays as it is.

    Returns
    -------
    Changed

    Raises
    ------
    PlanningError
        A column is missing, or `now` has no time zone.
    """
    good, refused = REQUESTS.split(requests, "requests", _incomplete)
    numbers = requests.reset_index(drop=True).index.difference(refused.index)
    draft, reasons = Draft(edition, edition.people, edition.shifts, edition.roster, now), {}
    order = [list(_MEET).index(name) for name in good["change"]]
    for number in np.argsort(order, kind="stable"):
        row = good.iloc[number]
        try:
            draft = _MEET[row["change"]](draft, row)
        except PlanningError as error:
            reasons[numbers[number]] = str(error)
    late = requests.reset_index(drop=True).loc[list(reasons)].assign(reason=list(reasons.values()))
    refused = pd.concat([refused, late]).sort_index() if len(late) else refused
    made = next_edition(edition, _mended(draft), now)
    return compared(edition, made, ranked(draft, made), refused)


def compared(edition: Edition, made: Edition, found: pd.DataFrame, refused: pd.DataFrame) -> Changed:
    """Compare two editions."""
    hours = pd.concat(
        [each.roster.groupby("agent_id")[["paid_h", "night_h"]].sum() for each in (edition, made)],
        axis=1, keys=["before", "after"],
    ).fillna(0.0)  # fmt: skip
    moved = (hours["before"] - hours["after"]).abs().max(axis=1) > 0
    return Changed(
        edition=made,
        changes=made.changes[made.changes["edition"] == made.number].reset_index(drop=True),
        substitutes=found,
        refused=refused,
        new_breaches=not_in(edition.breaches, made.breaches),
        hours=hours[moved].sort_index(),
        cost=float(made.cost["total_cost"].sum() - edition.cost["total_cost"].sum()),
    )


@dataclass(frozen=True, eq=False)
class Draft:
    """An edition on the way to the next one."""

    edition: Edition
    people: pd.DataFrame
    shifts: pd.DataFrame
    roster: pd.DataFrame
    now: pd.Timestamp
    teams: frozenset[str] = frozenset()
    """Teams to mend."""
    agreed: frozenset[tuple[str, str]] = frozenset()
    """agent_id and shift_id of what people have agreed on."""
    why: dict[tuple[str, str], str] = field(default_factory=dict)
    """Reasons by agent_id and date."""
    open: tuple[str, ...] = ()
    """shift_id of the shifts that need somebody."""
    patterns: dict[str, Pattern] = field(default_factory=dict)
    """Breaks of added shifts, by shift_id."""

    def person(self, who: str) -> pd.Series:
        """Row of a person."""
        found = self.people[self.people["agent_id"] == who]
        if found.empty:
            near = difflib.get_close_matches(who, self.people["agent_id"], n=1)
            hint = f"did you mean {near[0]!r}?" if near else "correct the name"
            raise PlanningError(
                f"who is {who!r}, must be one of the plan's {len(self.people)} people: {hint}"
            )
        return found.iloc[0]

    def days(self, row: pd.Series) -> pd.DatetimeIndex:
        """Days of a request, of which one at least is the roster's."""
        first = pd.Timestamp(row["first"])
        last = first if pd.isna(row["last"]) else pd.Timestamp(row["last"])
        if last < first:
            raise PlanningError(
                f"last is {last:%Y-%m-%d}, must not lie before first, {first:%Y-%m-%d}: correct it"
            )
        days, own = pd.date_range(first, last), self.edition.horizon
        if first > own.last or last < own.first:
            raise PlanningError(
                f"first is {first:%Y-%m-%d}, must lie in the roster, {own.first:%Y-%m-%d} to "
                f"{own.last:%Y-%m-%d}: correct it, or change the other roster"
            )
        return days

    def held(self, who: str, days: pd.DatetimeIndex) -> pd.DataFrame:
        """Shifts of a person that start on some days; they must not have begun."""
        self.person(who)
        own = self.roster[self.roster["agent_id"] == who]
        own = own[local_days(own, self.edition.centre).isin(days)]
        for start in own["start"][own["start"] < self.now][:1]:
            raise PlanningError(
                f"{who}'s shift of {start:%Y-%m-%d %H:%M} began before {self.now:%Y-%m-%d %H:%M} and stays: "
                "give the days after it"
            )
        return own

    def shift_on(self, who: str, day: str) -> str:
        """shift_id of a person's shift on a day."""
        found = self.held(who, pd.DatetimeIndex([day]))
        if found.empty:
            raise PlanningError(f"{who} has no shift on {day}: name the day of a shift")
        return str(found["shift_id"].iloc[0])

    def says(self, who: str, days: pd.DatetimeIndex, why: str) -> dict[tuple[str, str], str]:
        """Reasons with those of a person on some days."""
        return self.why | {(who, f"{day:%Y-%m-%d}"): why for day in days}

    def without(self, who: str, days: pd.DatetimeIndex, why: str, **columns: Any) -> Draft:
        """Take a person's shifts of some days away, and say in PEOPLE why."""
        lost = self.held(who, days)
        row = self.people["agent_id"] == who
        people = self.people.assign(
            **{name: self.people[name].astype("object").mask(row, value) for name, value in columns.items()}
        )
        return replace(
            self,
            people=PEOPLE.check(people, "people"),
            roster=self.roster.drop(lost.index),
            teams=self.teams | {str(self.person(who)["team"])},
            why=self.says(who, days, why),
            open=(*self.open, *lost["shift_id"]),
        )

    def with_shift(self, team: str, start: pd.Timestamp, pattern: Pattern, heads: int) -> tuple[Draft, str]:
        """Add a shift, and return its name too."""
        if start < self.now:
            raise PlanningError(
                f"shift starts at {start:%Y-%m-%d %H:%M}, must start after {self.now:%Y-%m-%d %H:%M}: add a "
                "later one"
            )
        number = f"{self.edition.number + 1}.{len(self.patterns) + 1}"
        shift = {
            "shift_id": f"{team} {start:%Y-%m-%d %H:%M} added {number}",
            "site": self.edition.centre.teams[team].site, "team": team, "start": start,
            "end": start + pd.Timedelta(seconds=pattern.length_s), "paid_h": pattern.paid_s / 3600,
            "headcount": heads,
        }  # fmt: skip
        shifts = pd.concat([self.shifts, pd.DataFrame([shift])], ignore_index=True)
        shifts = SHIFTS.check(shifts, "shifts").assign(start=shifts["start"], end=shifts["end"])
        patterns = self.patterns | {shift["shift_id"]: pattern}
        return replace(self, shifts=shifts, patterns=patterns), shift["shift_id"]

    def with_head(self, who: str, shift: str) -> Draft:
        """Put a person on a shift."""
        row = self.shifts[self.shifts["shift_id"] == shift].assign(headcount=1)
        added = wanted_shifts(row, self.edition.centre).assign(agent_id=who)[list(ROSTER.columns)]
        return replace(self, roster=pd.concat([self.roster, added], ignore_index=True))

    def agree(self, after: pd.DataFrame, pairs: dict[str, str], why: dict[tuple[str, str], str]) -> Draft:
        """Take over a roster in which some people have agreed on shifts, by agent_id, if it is lawful."""
        own = self.people[self.people["agent_id"].isin(pairs)]
        team = self.people["team"].isin(own["team"])
        before, then = (each[each["team"].isin(own["team"])] for each in (self.roster, after))
        centre, horizon = self.edition.centre, self.edition.horizon
        found = new_breaches(centre, before, then, self.people[team], horizon)
        for row in found[:1].itertuples():
            raise PlanningError(f"{row.agent_id} may not: {row.text} ({row.rule}, {row.article})")
        return replace(self, roster=after, agreed=self.agreed | set(pairs.items()), why=self.why | why)


def local_days(rows: pd.DataFrame, centre: Centre) -> pd.DatetimeIndex:
    """Day on which each shift starts, on the clock of its site."""
    return local_day(own_clock(pd.DatetimeIndex(rows["start"]), rows["site"], centre))


def _incomplete(row: Any) -> str:
    """Say what a request lacks."""
    if row.change not in _MEET:
        return f"change is {row.change!r}, must be one of {', '.join(_MEET)}"
    needs = {"swap": ["whom"], "give": ["whom"], "fill": ["shift"], "add": ["shift"]}.get(row.change, [])
    if row.change != "fill":
        needs = ["first", *needs]
    return next(
        (
            f"{name} is missing, which {row.change} needs: fill it in"
            for name in needs
            if pd.isna(getattr(row, name))
        ),
        "",
    )


def _sick(draft: Draft, row: pd.Series) -> Draft:
    days = draft.days(row)
    known = draft.person(row["who"])["sick"]
    dates = {*(known.split() if isinstance(known, str) else []), *(f"{day:%Y-%m-%d}" for day in days)}
    return draft.without(row["who"], days, "sick", sick=" ".join(sorted(dates)))


def _leave(draft: Draft, row: pd.Series) -> Draft:
    days, person = draft.days(row), draft.person(row["who"])
    zone = draft.edition.centre.time_zone
    first, after = (day_start(f"{day:%Y-%m-%d}", zone) for day in (days[0], days[-1] + DAY))
    known = person["leave_from"], person["leave_until"]
    if pd.notna(known[0]) and known[1] > day_start(f"{draft.edition.horizon.first:%Y-%m-%d}", zone):
        if known[1] < first or known[0] > after:
            raise PlanningError(
                f"{row['who']} has leave from {known[0]:%Y-%m-%d} until {known[1]:%Y-%m-%d}, must have "
                "one leave in a roster: give days that join it, or write the others into blocked"
            )
        first, after = min(first, known[0]), max(after, known[1])
    return draft.without(row["who"], days, "leave", leave_from=first, leave_until=after)


def _add(draft: Draft, row: pd.Series) -> Draft:
    centre, team = draft.edition.centre, row["who"]
    if team not in centre.teams:
        raise PlanningError(f"who is {team!r}, must be a team to add shifts to: {', '.join(centre.teams)}")
    clock, pattern = pattern_of(centre, team, row["shift"])
    (day,) = draft.days(row.where(row.index != "last"))
    start = on_clock(day + clock, centre.zones[centre.teams[team].site])
    heads = 1 if pd.isna(row["heads"]) else int(row["heads"])
    made, name = draft.with_shift(team, start, pattern, heads)
    return replace(made, teams=made.teams | {team}, open=(*made.open, name))


def pattern_of(centre: Centre, team: str, text: str) -> tuple[timedelta, Pattern]:
    """Read a shift of a team; without breaks it gets the first that the law allows."""
    here = centre.at(centre.teams[team].site)
    clock, pattern = parse_shift(text, rests_paid=bool(here.labour.rests_paid.value))
    if not pattern.breaks:
        alike = [shape for shape in shapes(here) if shape.length_s == pattern.length_s]
        if not alike:
            raise PlanningError(
                f"shift is {text!r}, of a length that shifts.lengths_h does not have: write its "
                "breaks too, as 09:00-17:30 meal 12:30-13:00"
            )
        pattern = alike[0].pattern(slot.first for slot in alike[0].slots)
    return clock, pattern


def _swap(draft: Draft, row: pd.Series) -> Draft:
    draft.days(row.where(row.index != "last"))
    days = row["first"], row["first"] if pd.isna(row["last"]) else row["last"]
    pair = row["who"], row["whom"]
    shifts = [draft.shift_on(who, day) for who, day in zip(pair, days, strict=True)]
    edition = draft.edition
    after = swap(
        edition.centre, draft.roster, draft.people, *zip(pair, shifts, strict=True), horizon=edition.horizon
    ).roster
    why = {(who, day): f"swaps with {other}" for who, other in (pair, pair[::-1]) for day in days}
    return draft.agree(after, dict(zip(pair, shifts[::-1], strict=True)), why)


def _give(draft: Draft, row: pd.Series) -> Draft:
    who, whom, day = row["who"], row["whom"], row["first"]
    shift, _ = draft.shift_on(who, day), draft.person(whom)
    after = draft.roster.copy()
    after.loc[(after["agent_id"] == who) & (after["shift_id"] == shift), "agent_id"] = whom
    why = {(who, day): f"gives the shift to {whom}", (whom, day): f"takes the shift of {who}"}
    return draft.agree(after, {whom: shift}, why)


def _fill(draft: Draft, row: pd.Series) -> Draft:
    who, shift = row["who"], row["shift"]
    draft.person(who)
    wanted = draft.shifts[draft.shifts["shift_id"] == shift]
    if wanted.empty:
        raise PlanningError(f"shift is {shift!r}, must be a shift_id of shifts.csv: correct it")
    there = int((draft.roster["shift_id"] == shift).sum())
    if there >= int(wanted["headcount"].iloc[0]):
        raise PlanningError(
            f"{shift} has its {there} people, must have an open head: give somebody's shift instead"
        )
    start = wanted["start"].iloc[0]
    if start < draft.now:
        raise PlanningError(
            f"{shift} began at {start:%Y-%m-%d %H:%M}, must start after {draft.now:%Y-%m-%d %H:%M}"
        )
    after = draft.with_head(who, shift).roster
    return draft.agree(after, {who: shift}, {(who, f"{start:%Y-%m-%d}"): "takes an open shift"})


_MEET: dict[str, Callable[[Draft, pd.Series], Draft]] = {
    "sick": _sick, "leave": _leave, "add": _add, "swap": _swap, "give": _give, "fill": _fill,
}  # fmt: skip
"""How each request is met, in the order in which they are."""


def _mended(draft: Draft) -> Draft:
    """Fill the open shifts of the teams concerned, with the fewest changes of what is left."""
    if not draft.teams:
        return draft
    shifts, people, roster = (
        each[each["team"].isin(draft.teams)] for each in (draft.shifts, draft.people, draft.roster)
    )
    agreed = pd.DataFrame(sorted(draft.agreed), columns=["agent_id", "shift_id"])
    agreed = agreed[agreed["agent_id"].isin(people["agent_id"])]
    found = mend(
        draft.edition.centre,
        shifts,
        people,
        roster,
        now=draft.now,
        pinned=agreed,
        horizon=draft.edition.horizon,
    )
    others = draft.roster[~draft.roster["team"].isin(draft.teams)]
    after = pd.concat([others, found.roster.roster]).sort_values(["site", "team", "start", "agent_id"])
    return replace(draft, roster=after.reset_index(drop=True)[list(ROSTER.columns)])


def next_edition(edition: Edition, draft: Draft, now: pd.Timestamp) -> Edition:
    """Make the edition that a draft leads to."""
    number = edition.number + 1
    told = _told(edition, draft, number)
    return replace(
        edition,
        people=draft.people,
        shifts=draft.shifts,
        roster=draft.roster,
        breaks=_breaks(edition, draft),
        changes=pd.concat(
            [each for each in (edition.changes, told) if len(each)] or [told], ignore_index=True
        ),
        number=number,
        made=now.tz_convert(edition.centre.time_zone),
    )


def _told(edition: Edition, draft: Draft, number: int) -> pd.DataFrame:
    """List who is told what: CHANGES."""
    rows = changes_of(edition.centre, edition.roster, draft.roster, draft.now)
    if rows.empty:
        return empty(CHANGES, edition.centre.time_zone)
    spans = draft.shifts.set_index("shift_id")[["site", "team", "end"]]
    rows = rows.join(spans, on="shift_id")
    rows["day"] = local_days(rows, edition.centre).strftime("%Y-%m-%d")
    key = ["agent_id", "site", "team", "day"]
    was, now = (rows[rows["change"] == change] for change in ("dropped", "added"))
    both = was.merge(now, on=key, how="outer", suffixes=("_was", "_now"))
    why = pd.Series([_reason(row, draft, rows) for row in both.itertuples()], index=both.index, dtype="str")
    asked = both["needs_consent_was"].eq(True) | both["needs_consent_now"].eq(True)
    told = both.assign(
        edition=number,
        before_start=both["start_was"], before_end=both["end_was"],
        after_start=both["start_now"], after_end=both["end_now"],
        notice_days=both[["notice_days_was", "notice_days_now"]].min(axis=1),
        needs_consent=asked & ~why.isin(ABSENCES),  # nobody agrees to be ill
        why=why,
    )  # fmt: skip
    return told.sort_values(["day", "agent_id"])[list(CHANGES.columns)].reset_index(drop=True)


def _reason(row: Any, draft: Draft, rows: pd.DataFrame) -> str:
    """Say why a person's day changes."""
    if known := draft.why.get((row.agent_id, row.day)):
        return known
    if pd.isna(row.shift_id_now):
        return "is needed on another shift, or rests before it"
    lost = rows[(rows["shift_id"] == row.shift_id_now) & (rows["change"] == "dropped")]
    reasons = [
        f"{each.agent_id} ({draft.why.get((each.agent_id, each.day), 'moved')})" for each in lost.itertuples()
    ]
    return f"stands in for {' or '.join(reasons)}" if reasons else "takes an open shift"


def _breaks(edition: Edition, draft: Draft) -> pd.DataFrame:
    """Breaks of each rostered person: those of the shift, whoever has it."""
    known = edition.breaks.merge(
        edition.roster[["agent_id", "shift_id", "start"]],
        on=["agent_id", "shift_id"],
        suffixes=("", "_shift"),
    )
    known = known[known["agent_id"] == known.groupby("shift_id")["agent_id"].transform("first")]
    known = known.assign(after=known["start"] - known["start_shift"], length=known["end"] - known["start"])
    fresh = [
        (
            name,
            pd.Timedelta(seconds=pause.start_s),
            pd.Timedelta(seconds=pause.length_s),
            pause.paid,
            pause.kind,
        )
        for name, pattern in _patterns(edition, draft, set(known["shift_id"]))
        for pause in pattern.breaks
    ]
    columns = ["shift_id", "after", "length", "paid", "kind"]
    every = pd.concat(
        [each for each in (known[columns], pd.DataFrame(fresh, columns=columns)) if len(each)]
        or [known[columns]]
    )
    rows = draft.roster[["agent_id", "shift_id", "start"]].merge(every, on="shift_id")
    rows["start"] += rows["after"]
    rows["end"] = rows["start"] + rows["length"]
    return rows[list(BREAKS.columns)]


def _patterns(edition: Edition, draft: Draft, known: set[str]) -> Iterator[tuple[str, Pattern]]:
    """Breaks of shifts that nobody had before: those typed, or the first that the law allows."""
    yield from draft.patterns.items()
    filled = draft.shifts["shift_id"].isin(draft.roster["shift_id"])
    for row in draft.shifts[filled & ~draft.shifts["shift_id"].isin({*known, *draft.patterns})].itertuples():
        length_s = round((row.end - row.start).total_seconds())
        for shape in shapes(edition.centre.at(row.site)):
            if shape.length_s == length_s and abs(shape.paid_s / 3600 - row.paid_h) < 1e-6:
                yield row.shift_id, shape.pattern(slot.first for slot in shape.slots)
                break


def ranked(draft: Draft, made: Edition) -> pd.DataFrame:
    """Rank who could take each shift that needed somebody, if nobody else moved."""
    taken = set(zip(made.roster["agent_id"], made.roster["shift_id"], strict=True))
    found = []
    for name in dict.fromkeys(draft.open):
        shift = draft.shifts[draft.shifts["shift_id"] == name].iloc[0]
        own = draft.people[draft.people["team"] == shift["team"]]
        free = own[~own["agent_id"].isin(draft.roster.loc[draft.roster["shift_id"] == name, "agent_id"])]
        found_here = substitutes(
            draft.edition.centre, draft.roster, free, shift, horizon=draft.edition.horizon
        )
        has = [(agent, name) in taken for agent in found_here["agent_id"]]
        found.append(found_here.assign(shift_id=name, taken=has))
    columns = ["shift_id", "agent_id", "lawful", "taken", "cost", "overtime_h", "rest_h", "left_h", "why"]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


# --- the day ------------------------------------------------------------------------------------------------


def accept(
    edition: Edition,
    proposals: pd.DataFrame,
    changes: pd.DataFrame,
    numbers: Sequence[int],
    *,
    now: pd.Timestamp,
) -> Edition:
    """Make some proposals of a day, and tell everybody whose shift or breaks they change.

    Parameters
    ----------
    edition : Edition
    proposals, changes : DataFrame
        As `planning.intraday.proposals` returns them.
    numbers : sequence of int
        The proposals to make.
    now : Timestamp
        When they are made, with its time zone.

    Returns
    -------
    Edition
        The next one. A rule of overflow is no part of it: change the centre's file.

    Raises
    ------
    PlanningError
        There is no proposal of a number; the roster has changed since; two proposals change the same row; a
        rule would be broken that was not before.
    """
    for number in numbers:
        if number not in proposals.index:
            raise PlanningError(
                f"proposal {number} is none of those there are, 1 to {len(proposals)}: correct it"
            )
    rows = changes[changes["proposal"].isin(numbers) & (changes["row"] != "overflow")]
    if rows.empty:
        raise PlanningError("these proposals change nothing in the roster: set the rule in the centre's file")
    key = ["agent_id", "row", "start_before"]
    old = rows[rows["start_before"].notna()]
    for row in old[old.duplicated(key)].itertuples():
        raise PlanningError(f"two proposals change the same {row.row} of {row.agent_id}: accept one of them")
    for name, frame in (("shift", edition.roster), ("break", edition.breaks)):
        asked = old[old["row"] == name]
        spans = asked.merge(
            frame, left_on=["agent_id", "start_before", "end_before"], right_on=["agent_id", "start", "end"]
        )
        if len(spans) < len(asked):
            who = asked.loc[~asked["agent_id"].isin(spans["agent_id"]), "agent_id"]
            raise PlanningError(
                f"the roster of {', '.join(who[:3])} has changed since the proposal: run `planning today` "
                "again"
            )
    roster, breaks = with_changes(edition.centre, edition.roster, edition.breaks, rows)
    made = replace(
        edition,
        roster=roster,
        breaks=breaks.sort_values(["agent_id", "start"], kind="stable", ignore_index=True),
        number=edition.number + 1,
        made=now.tz_convert(edition.centre.time_zone),
    )
    for row in not_in(edition.breaches, made.breaches)[:1].itertuples():
        raise PlanningError(
            f"{row.agent_id} may not: {row.text} ({row.rule}, {row.article}): accept fewer proposals"
        )
    told = _told_today(made, edition.roster, proposals, rows)
    return replace(
        made,
        changes=pd.concat([part for part in (edition.changes, told) if len(part)], ignore_index=True),
    )


def _told_today(
    made: Edition, before: pd.DataFrame, proposals: pd.DataFrame, rows: pd.DataFrame
) -> pd.DataFrame:
    """List who is told what of accepted proposals: CHANGES, a row per person and shift."""
    key = ["agent_id", "shift_id"]
    spans = before[[*key, "site", "team", "start", "end"]].merge(
        made.roster[[*key, "start", "end"]], on=key, suffixes=("_was", "_now")
    )
    rows = rows.assign(why=[_asked_of(row, proposals["kind"]) for row in rows.itertuples()])
    first = rows[["start", "start_before", "end_before", "end"]].min(axis=1)
    why = (
        rows.assign(first=first)
        .groupby(key)
        .agg(
            why=("why", "; ".join),
            first=("first", "min"),
            longer=("row", lambda names: "shift" in set(names)),
        )
    )
    told = spans.merge(why.reset_index(), on=key)
    return told.assign(
        edition=made.number,
        before_start=told["start_was"], before_end=told["end_was"],
        after_start=told["start_now"], after_end=told["end_now"],
        notice_days=(told["first"] - made.made) / DAY,
        needs_consent=told["longer"],
    )[list(CHANGES.columns)]  # fmt: skip


def _asked_of(row: Any, kinds: pd.Series) -> str:
    """Say what one row of an accepted proposal asks of a person."""
    if row.row == "shift":
        return str(kinds[row.proposal])
    if pd.isna(row.start_before):
        return f"answers {row.kind} {row.start:%H:%M} to {row.end:%H:%M}"
    return f"{row.kind} {row.start:%H:%M} instead of {row.start_before:%H:%M}"
