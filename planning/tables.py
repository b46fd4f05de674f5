"""The tables that pass between the stages, with the type, unit, bounds and meaning of every column."""

from __future__ import annotations

import codecs
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from planning.errors import PlanningError

Kind = Literal["text", "whole", "number", "time", "dates", "yes/no"]

_NEEDED = {
    "text": "must be a text: fill it in",
    "whole": "must be a whole number: correct it",
    "number": "must be a finite number: correct it",
    "time": "must be a time with its offset: write it as 2026-11-23T09:15:00+03:00",
    "dates": "must be dates separated by blanks: write them as 2026-11-23 2026-11-24",
    "yes/no": "must be yes or no",
}
SAMPLE = 1 << 18
"""Bytes from which the format of a file is inferred."""
_RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
ENCODINGS = {
    "cp1252": "äöüß àâæçéèêëîïôœùûü áéíñóúü àáâãçéêíóôõú àèéìíòóùú åäöæøéò áéëïóöü",
    "cp1250": "ąćęłńóśźż áčďéěíňóřšťúůýž áäčďéíĺľňóôŕšťúýž áéíóöőúüű ăâîşţ čćđšž",
    "cp1254": "çğıiöşüâîû\u0307",
    "cp1251": f"{_RUSSIAN} абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "cp866": _RUSSIAN,
}
"""Encodings to choose from when a file is not UTF-8 and has no byte-order mark: the letters beside a-z of the
languages that are written in each."""
_SIGNS = "\u00a0«»“”„’‘–—…°№€"
"""Signs beside letters in texts of any language."""
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
DAY_FIRST, YEAR_FIRST = r"\b(\d\d?)\.(\d\d?)\.(\d{4})\b", r"\3-\2-\1"
"""How a date is typed in Russia, and what makes it ISO 8601."""
# The last of each is what a Russian Excel writes.
_FLAGS = {"true": True, "yes": True, "1": True, "1.0": True, "истина": True,
          "false": False, "no": False, "0": False, "0.0": False, "ложь": False}  # fmt: skip
_DTYPES = {"text": "str", "whole": "int64", "number": "float64", "yes/no": "bool"}


@dataclass(frozen=True)
class Column:
    """A column: the kind of value, its unit, its bounds and its meaning."""

    kind: Kind
    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    optional: bool = False
    """Values may be missing."""
    may_lack: bool = False
    """The whole column may be absent; its values are then missing."""


@dataclass(frozen=True)
class Table:
    """A table: its name, its columns and the columns that identify a row."""

    name: str
    columns: dict[str, Column]
    key: tuple[str, ...] = ()

    def check(self, frame: pd.DataFrame, source: str = "") -> pd.DataFrame:
        """Return the table's columns of a frame, in which every row must be good.

        Raises
        ------
        PlanningError
            On the first faulty row; the message says how many more there are.
        """
        good, rejected = self.split(frame, source)
        if len(rejected):
            first = rejected.iloc[0]
            more = f" (and {len(rejected) - 1} more rows)" if len(rejected) > 1 else ""
            raise PlanningError(f"{source or self.name}: row {rejected.index[0]}: {first['reason']}{more}")
        return good

    def split(
        self, frame: pd.DataFrame, source: str = "", reason: Callable[[Any], str] | None = None
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Separate the good rows of a frame from the bad ones.

        Parameters
        ----------
        frame : DataFrame
            Any columns; those that are not in the table are dropped.
        source : str
            Where the frame comes from, for error messages.
        reason : callable, optional
            Takes a row, as `DataFrame.itertuples` gives it, whose values are each valid; returns why the row
            as a whole is not, or "".

        Returns
        -------
        good, rejected : DataFrame
            The good rows in the table's types; the refused rows as they came, with a column ``reason``, by
            row number.

        Raises
        ------
        PlanningError
            A column is missing, or the frame has no rows.
        """
        where = source or self.name
        lacking = [n for n, c in self.columns.items() if c.may_lack and n not in frame.columns]
        frame = frame.assign(**dict.fromkeys(lacking)) if lacking else frame
        missing = [name for name in self.columns if name not in frame.columns]
        if missing:
            raise PlanningError(
                f"{where}: column {missing[0]!r} is missing ({self.columns[missing[0]].meaning}); "
                f"the columns are {', '.join(map(str, frame.columns))}: rename or add it"
            )
        if frame.empty:
            raise PlanningError(f"{where} has no rows: give at least one {self.name} row")
        frame = frame.reset_index(drop=True)
        typed = {}
        reasons = pd.Series("", index=frame.index)
        for name, column in self.columns.items():
            typed[name], bad = _typed(frame[name], column)
            if bad.any():  # most columns are good, and pandas is slow to say so again
                first = bad & (reasons == "")
                reasons.loc[first] = [f"{name} is {v!r}, {_NEEDED[column.kind]}" for v in frame[name][first]]
        good = pd.DataFrame(typed)[reasons == ""]
        for row, text in self._faults(good):
            reasons[row] = reasons[row] or text
        good = good[reasons[good.index] == ""].astype({n: _DTYPES[c.kind] for n, c in self._plain().items()})
        if reason is not None:
            reasons[good.index] = [reason(row) for row in good.itertuples()]
            good = good[reasons[good.index] == ""]
        if self.key:  # last, so that a row refused for another reason does not displace a good one
            reasons[good.index[good.duplicated(list(self.key))]] = (
                f"{' and '.join(self.key)} occur twice: keep one row"
            )
            good = good[reasons[good.index] == ""]
        rejected = frame[reasons != ""].assign(reason=reasons[reasons != ""])
        return good.reset_index(drop=True), rejected

    def read(
        self,
        path: str | Path,
        what: str,
        reason: Callable[[Any], str],
        fill: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame,
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Read a CSV file, and set faulty rows aside.

        Parameters
        ----------
        path : path
        what : str
            What the file is about, for error messages.
        reason : callable
            As for `split`.
        fill : callable, optional
            Fills in what may be missing from the file.

        Returns
        -------
        good, rejected : DataFrame
            As `split` gives them.

        Raises
        ------
        PlanningError
            The file is missing, is not a CSV, has no rows, or lacks a column.
        """
        try:
            raw = read_csv(path)
        except FileNotFoundError:
            raise PlanningError(f"{what} file {path} does not exist: give the path of a CSV file") from None
        except OSError as error:
            raise PlanningError(f"{what} file {path} cannot be read: {error.strerror}") from None
        except ValueError as error:  # pandas' parser errors and bad encodings
            raise PlanningError(f"{what} file {path} is not a readable CSV: {error}") from None
        return self.split(fill(raw), str(path), reason)

    def _plain(self) -> dict[str, Column]:
        return {n: c for n, c in self.columns.items() if c.kind in _DTYPES and not c.optional}

    def _faults(self, frame: pd.DataFrame) -> Iterator[tuple[Any, str]]:
        """List the values out of their bounds, as (row, text)."""
        for name, column in self.columns.items():
            low = -np.inf if column.low is None else column.low
            high = np.inf if column.high is None else column.high
            if (low, high) == (-np.inf, np.inf):
                continue
            values = frame[name].to_numpy("float64", na_value=np.nan)
            for at in np.flatnonzero((values < low) | (values > high)):
                value = int(values[at]) if column.kind == "whole" else values[at]
                yield frame.index[at], f"{name} is {value}, must lie in [{low:g}, {high:g}]: correct it"

    def dictionary(self) -> pd.DataFrame:
        """Describe the table, a row per column, for the data dictionary."""
        rows = [(name, c.kind, c.unit, c.meaning) for name, c in self.columns.items()]
        return pd.DataFrame(rows, columns=["column", "type", "unit", "meaning"])


def encoding_of(path: Path) -> str:
    """Encoding of a file: by its byte-order mark, else UTF-8 if valid, else by its sequences of letters."""
    with path.open("rb") as file:
        raw = file.read(SAMPLE)
        for mark, name in _MARKS.items():
            if raw.startswith(mark):
                return name
        size = path.stat().st_size
        for place in range(SAMPLE, size, max((size - SAMPLE) // 16, SAMPLE)):
            file.seek(place)
            raw += file.read(SAMPLE // 16)
    if raw[:SAMPLE].count(0) > len(raw[:SAMPLE]) // 10:  # of each letter's two bytes one is 0 in plain text
        return max(("utf-16-le", "utf-16-be"), key=lambda name: raw.decode(name, "ignore").count("\n"))
    # A piece may begin or end within a letter, so its last line is left out.
    inner = b"\n".join(raw.split(b"\n")[:-1]) or raw
    try:
        inner[:SAMPLE].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < SAMPLE - 4:
            return _guessed(inner)
    return "utf-8"


def _guessed(raw: bytes) -> str:
    """Encoding that makes the fewest letters foreign to one of its languages."""

    def foreign(encoding: str) -> int:
        signs = Counter(raw.decode(encoding, "replace").lower()).items()
        odd = [(sign, count) for sign, count in signs if sign > "\x7f" and sign not in _SIGNS]
        return min(sum(n for sign, n in odd if sign not in own) for own in ENCODINGS[encoding].split())

    return min(ENCODINGS, key=foreign)


def read_csv(path: str | Path, **options: Any) -> pd.DataFrame:
    """Read a CSV file as text, so that "007" stays a name and a refused row can be shown as written.

    Excel separates columns by semicolons if the decimal sign is a comma; in such a file commas become points,
    and points that separate thousands go. A file that is not in UTF-8 is read in the encoding that its
    letters suggest, and a warning names it.

    Parameters
    ----------
    path : path
    **options
        As for `pandas.read_csv`.

    Returns
    -------
    DataFrame
        The file's columns, all text.

    Raises
    ------
    OSError, ValueError
        The file cannot be read, or is not a CSV.
    """
    # Without index_col, pandas takes cells beyond the headings for row names and shifts all the others.
    encoding = encoding_of(Path(path))
    options |= {"dtype": "str", "index_col": False, "encoding": encoding}
    if not encoding.startswith("utf-"):
        warnings.warn(
            f"{path} is read as {encoding}: if its letters are wrong, save it as CSV UTF-8", stacklevel=2
        )
    try:
        columns = pd.read_csv(path, nrows=0, index_col=False, encoding=encoding).columns
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            if len(columns) != 1 or ";" not in columns[0]:
                return pd.read_csv(path, **options)
            text = pd.read_csv(path, sep=";", **options)
    except pd.errors.ParserWarning:
        raise ValueError(
            "it has rows with more cells than headings: give every row as many cells as headings"
        ) from None
    except UnicodeError as error:
        raise ValueError(f"it is not in {encoding}: in Excel, save it as CSV UTF-8") from error
    if text.apply(lambda column: column.str.fullmatch(r"-?[\d.]+,\d+")).any(axis=None):
        text = text.apply(
            lambda column: column.str.replace(
                r"^-?\d{1,3}(\.\d{3})+(,\d+)?$", lambda found: found[0].replace(".", ""), regex=True
            )
        )
    return text.replace(r"^(-?\d+),(\d+)$", r"\1.\2", regex=True)


def _typed(values: pd.Series, column: Column) -> tuple[pd.Series, pd.Series]:
    """Convert a column to its type; the second series marks the values that could not be converted."""
    if column.kind == "time":
        times = values if isinstance(values.dtype, pd.DatetimeTZDtype) else _times(values)
        return times, times.isna() & ~(values.isna() & column.optional)
    if column.kind in ("whole", "number"):
        if values.dtype.kind in "Ob":  # yes and no are not numbers, though Python would count them as 1 and 0
            values = values.mask(values.map(lambda value: isinstance(value, bool | np.bool_)))
        numbers = pd.to_numeric(values, errors="coerce").astype("float64")
        numbers = numbers.where(np.isfinite(numbers))
        bad = numbers.isna() & ~(values.isna() & column.optional)
        if column.kind == "whole":
            bad |= numbers.notna() & (numbers % 1 != 0)
        return numbers, bad
    if column.kind == "yes/no":
        flags = values.astype("str").str.strip().str.lower().map(_FLAGS)
        return flags, flags.isna()
    text = values if values.dtype == "str" else values.astype("str").where(values.notna())
    if column.kind == "dates":
        dates = text.map(_iso_dates, na_action="ignore").astype("str")
        return dates, dates.isna() & ~(text.isna() & column.optional)
    return text, (text.isna() | (text == "")) & (not column.optional)


def _times(values: pd.Series) -> pd.Series:
    """Parse ISO 8601 with an offset; a time without one is refused, because it is ambiguous."""
    has_offset = values.astype("str").str.contains(r"(?:[+-]\d\d:?\d\d|Z)$", regex=True)
    return pd.to_datetime(values.where(has_offset), errors="coerce", utc=True, format="ISO8601")


def _iso_dates(text: str) -> str | None:
    """Write dates, typed as ISO 8601 or day first, as ISO 8601; None if a word is not a date."""
    words = re.sub(DAY_FIRST, YEAR_FIRST, text).split()
    try:
        return " ".join(str(date.fromisoformat(word)) for word in words)
    except ValueError:
        return None


def _maybe(kind: Kind, meaning: str, unit: str = "", low: float | None = None) -> Column:
    """A column that may be left out."""
    return Column(kind, meaning, unit, low=low, optional=True, may_lack=True)


_QUEUE = Column("text", "name of the queue")
_SITE = Column("text", "name of the site")
_TEAM = Column("text", "name of the team")
_START = Column("time", "first instant", "ISO 8601 with offset")
_END = Column("time", "first instant after it", "ISO 8601 with offset")
_INTERVAL = Column("time", "start of the interval; it ends where the next one starts", "ISO 8601 with offset")

DEMAND = Table(
    "demand",
    {
        "queue": _QUEUE,
        "interval_start": _INTERVAL,
        "calls": Column("number", "contacts offered in the interval", "calls", low=0),
        "aht_s": Column(
            "number", "mean handle time (talk, hold and wrap-up); 0 without calls", "seconds", low=0
        ),
    },
    key=("queue", "interval_start"),
)
PLANNED = Table(
    "planned demand",
    DEMAND.columns
    | {"planned_with": Column("text", "settings of the centre that are already applied to calls and aht_s")},
    key=DEMAND.key,
)
CALLS = Table(
    "calls",
    {
        "call_id": Column("whole", "number of the call", low=0),
        "queue": _QUEUE,
        "utc_offset_h": Column("whole", "caller's time zone", "hours from UTC", low=-12, high=14),
        "arrival": Column("time", "when the call joined the queue", "ISO 8601 with offset"),
        "wait_s": Column("number", "from arrival to answer or hang-up", "seconds", low=0),
        "handle_s": Column(
            "number", "talk, hold and wrap-up; missing if abandoned", "seconds", low=0, optional=True
        ),
        "outcome": Column("text", "answered or abandoned"),
        "agent_id": Column("text", "who answered; missing if abandoned", optional=True),
    },
    key=("call_id",),
)
FORECAST = Table(
    "forecast",
    DEMAND.columns
    | {
        "calls_p10": Column("number", "exceeded by the calls with 90 % probability", "calls", low=0),
        "calls_p50": Column("number", "exceeded by the calls with 50 % probability", "calls", low=0),
        "calls_p90": Column("number", "exceeded by the calls with 10 % probability", "calls", low=0),
        "aht_p10_s": Column(
            "number", "exceeded by the mean handle time with 90 % probability", "seconds", low=0
        ),
        "aht_p90_s": Column(
            "number", "exceeded by the mean handle time with 10 % probability", "seconds", low=0
        ),
        "rate_cv": Column(
            "number", "doubt about the mean of the calls itself, beyond chance: its CV", "share", low=0
        ),
        "day_cv": Column("number", "the part of rate_cv that a whole day shares", "share", low=0),
        "aht_cv": Column("number", "doubt about the mean handle time: its CV", "share", low=0),
    },
    key=("queue", "interval_start"),
)
REQUIREMENT = Table(
    "requirement",
    {
        "queue": _QUEUE,
        "site": _SITE,
        "interval_start": _INTERVAL,
        "calls": Column("number", "calls that the site answers in the interval", "calls", low=0),
        "aht_s": Column("number", "mean handle time", "seconds", low=0),
        "load_erlangs": Column("number", "offered load: calls x AHT / interval", "erlangs", low=0),
        "agents": Column("whole", "agents on position", "heads", low=0),
        "rostered": Column("whole", "agents to roster, after shrinkage", "heads", low=0),
        "service_level": Column(
            "number", "promised: answered within the threshold / offered; missing if no target",
            "share", low=0, high=1, optional=True,
        ),
    },
    key=("queue", "site", "interval_start"),
)  # fmt: skip
SHIFTS = Table(
    "shifts",
    {
        "shift_id": Column("text", "name of the shift"),
        "site": _SITE,
        "team": _TEAM,
        "start": _START,
        "end": _END,
        "paid_h": Column("number", "presence less meals", "hours", low=0),
        "headcount": Column("whole", "people on the shift", "heads", low=0),
    },
    key=("shift_id",),
)
ROSTER = Table(
    "roster",
    {
        "agent_id": Column("text", "who"),
        "site": _SITE,
        "team": _TEAM,
        "shift_id": Column("text", "which shift"),
        "start": _START,
        "end": _END,
        "paid_h": Column("number", "presence less meals", "hours", low=0),
        "night_h": Column("number", "paid hours at night", "hours", low=0),
    },
    key=("agent_id", "start"),
)
BREAKS = Table(
    "breaks",
    {
        "agent_id": Column("text", "who"),
        "shift_id": Column("text", "shift of the break"),
        "start": _START,
        "end": _END,
        "paid": Column("yes/no", "whether it counts as working time"),
        "kind": Column(
            "text", "meal, rest, a meeting or training, or the queue that the person answers meanwhile"
        ),
    },
    key=("agent_id", "start"),
)
PEOPLE = Table(
    "people",
    {
        "agent_id": Column("text", "who"),
        "site": _SITE,
        "team": _TEAM,
        "grade": Column("text", "grade; the team's by default"),
        "contract_h_week": Column(
            "number", "hours of the contract a week; the normal week by default", "hours", low=1, high=168
        ),
        "night_ok": Column(
            "yes/no", "may and has agreed to work at night; by default yes if the law needs no consent"
        ),
        "name": _maybe("text", "name for people to read"),
        "personnel_no": _maybe("text", "number in the payroll"),
        "leave_from": _maybe("time", "first instant of leave", "ISO 8601 with offset"),
        "leave_until": _maybe("time", "first instant after leave", "ISO 8601 with offset"),
        "study_from": _maybe("time", "first instant of study leave", "ISO 8601 with offset"),
        "study_until": _maybe("time", "first instant after study leave", "ISO 8601 with offset"),
        "sick": _maybe("dates", "dates on which the person is ill, separated by blanks"),
        "blocked": _maybe("dates", "dates on which the person cannot work, separated by blanks"),
        "wished_off": _maybe("dates", "dates on which the person asks not to work, separated by blanks"),
        "prefers": _maybe("text", "kind of shift that the person prefers"),
        "days_week": _maybe("whole", "days a week of the contract; the house's by default", "days", low=1),
        "rotation": _maybe("text", "rotation by which the person works; the team's by default"),
        "rotation_offset": _maybe("whole", "days by which the person is ahead in its cycle", "days", low=0),
        "skills": _maybe("text", "skills besides the team's work, separated by blanks"),
        "last_end": _maybe("time", "end of the last shift before the horizon", "ISO 8601 with offset"),
        "last_kind": _maybe("text", "kind of that shift, if it was on the day before the horizon"),
        "days_in_row": _maybe("whole", "working days in a row up to the horizon", "days", low=0),
        "nights_in_row": _maybe("whole", "night shifts in a row up to the horizon", "shifts", low=0),
        "balance_h": _maybe("number", "hours of the accounting period above its norm so far", "hours"),
        "overtime_h": _maybe("number", "overtime of the year so far", "hours", low=0),
        "nights_before": _maybe("whole", "night shifts of the last month", "shifts", low=0),
        "weekends_before": _maybe("whole", "weekends worked in the last month", "weekends", low=0),
    },
    key=("agent_id",),
)
STAFF = Table(
    "staff",
    PEOPLE.columns
    | {
        "owed_h": Column("number", "hours owed in the days of the plan", "hours", low=0),
        "paid_h": Column("number", "paid hours of the shifts", "hours", low=0),
    },
    key=("agent_id",),
)
REQUESTS = Table(
    "requests",
    {
        "change": Column("text", "sick, leave, swap, give, fill or add"),
        "who": Column("text", "agent_id; the team of shifts to add"),
        "first": Column(
            "dates", "day of the shift, or first day away; of a shift to fill, its own", optional=True
        ),
        "last": _maybe("dates", "last day away, or the day of the other's shift; that of `first` by default"),
        "whom": _maybe("text", "agent_id of who swaps with, or is given, the shift"),
        "shift": _maybe("text", "shift_id to fill, or the shift to add, as 09:00-17:30 meal 12:30-13:00"),
        "heads": _maybe("whole", "people on a shift to add; one by default", "heads", low=1),
    },
)
CHANGES = Table(
    "changes",
    {
        "edition": Column("whole", "edition of the roster that made the change", low=2),
        "agent_id": Column("text", "who is told"),
        "site": _SITE,
        "team": _TEAM,
        "before_start": Column(
            "time", "start of the shift until now; missing if free", "ISO 8601 with offset", optional=True
        ),
        "before_end": Column("time", "its end", "ISO 8601 with offset", optional=True),
        "after_start": Column(
            "time", "start of the shift from now on; missing if free", "ISO 8601 with offset", optional=True
        ),
        "after_end": Column("time", "its end", "ISO 8601 with offset", optional=True),
        "why": Column("text", "reason of the change"),
        "notice_days": Column("number", "days from the change to the earlier of the two shifts", "days"),
        "needs_consent": Column("yes/no", "whether the notice is shorter than the law's"),
    },
    key=("edition", "agent_id", "before_start", "after_start"),
)
VIPS = Table(
    "vips",
    {
        "vip": Column("text", "who"),
        "share": Column("number", "the VIP's part of all VIP calls, in any unit", low=0),
        "language": Column("text", "language other than the common one", optional=True),
        "utc_offset_h": Column("whole", "the VIP's time zone", "hours ahead of UTC", low=-12, high=14),
        "manager": Column("text", "agent_id of the personal manager"),
    },
    key=("vip",),
)
PAY_COSTS = ["base_cost", "night_cost", "holiday_cost", "weekend_cost"]
"""Columns of COST that are the pay of hours worked."""
TEAM_COSTS = [*PAY_COSTS, "idle_cost", "rides_cost", "seats_cost"]
"""Columns of COST for the people of a team themselves."""
CAREERS_COSTS = ["turnover_cost", "leaders_cost"]
"""Columns of COST for those who replace and lead them."""
COST = Table(
    "cost",
    {
        "team": _TEAM,
        "site": _SITE,
        "owed_h": Column("number", "hours that the contracts of the people on staff hold", "hours", low=0),
        "paid_h": Column("number", "paid hours of the shifts", "hours", low=0),
        "night_h": Column("number", "those at night", "hours", low=0),
        "idle_h": Column("number", "hours owed that no shift fills", "hours", low=0),
        "base_cost": Column("number", "hours at the plain rate, with contributions", "currency", low=0),
        "night_cost": Column("number", "premium for night hours", "currency", low=0),
        "holiday_cost": Column("number", "premium for holiday hours", "currency", low=0),
        "weekend_cost": Column("number", "premium for weekend hours", "currency", low=0),
        "idle_cost": Column("number", "hours owed that no shift fills, at the plain rate", "currency", low=0),
        "rides_cost": Column("number", "rides home when there is no public transport", "currency", low=0),
        "seats_cost": Column(
            "number", "share of the desks that the site lacks at its peak", "currency", low=0
        ),
        "turnover_cost": Column(
            "number",
            "hiring and training replacements for those who leave or are promoted, and learners' wages",
            "currency",
            low=0,
        ),
        "leaders_cost": Column("number", "share of the heads of team", "currency", low=0),
        "total_cost": Column(
            "number", "sum: the payroll of the days, rides, desks and careers", "currency", low=0
        ),
    },
    key=("team",),
)
