"""How an export is written: as the centre or a layout says, or as the names of its columns suggest."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from planning.centre.describe import toml_text
from planning.centre.records import Between, CallRecords
from planning.demand.engine import run
from planning.demand.facts import check_columns, missing_columns, spelt
from planning.demand.layouts import Layout, layout_named, matching
from planning.errors import PlanningError

if TYPE_CHECKING:
    import ibis.expr.types as ir

_NO_COLUMNS = {
    "encoding", "separator", "header_line", "sheet", "unknown", "time_zone", "date_order", "clock", "decimal",
    "unit", "where", "queues",
}  # fmt: skip
"""Settings that name no column that is read: beside these the columns may be guessed."""
_MOST_CODES = 50
"""A column with more different values holds no codes."""
GUESSED = (
    "no layout has these columns, so they are read by their names: look at the rows with --look, and write "
    "the settings into [records] of the centre's file"
)
_UNITS = {
    "s": r"s|sec|secs|seconds|сек|с|sek|sekunden",
    "min": r"min|mins|minutes|мин|minuten",
    "ms": r"ms|мс",
}
_UNIT = re.compile(r"[(\[,_] *([^)\],_]*?)\.? *[)\]]? *$")
_UTC = re.compile(r"[(\[] *(utc|gmt) *[)\]] *$", re.IGNORECASE)
_SHORT = 3
"""Letters of a word with which others begin: "in" and "internal"."""
_TITLE, _SOURCE = "guessed", "the names of its columns"
_DURATIONS = ("wait_s", "talk", "hold", "wrap", "handle", "aht_s")
_PLAIN = ("call_id", "wait_s", "agent_id", "caller_id", "end")
"""Settings whose columns bear their own names where nobody says otherwise."""


class Asked(NamedTuple):
    """What the user says about the records: their settings, their layout, and the clock of their times."""

    records: CallRecords | None
    layout: str | None
    zone: str | None


def settings_of(
    columns: list[str], asked: Asked, source: str, raw: ir.Table
) -> tuple[CallRecords, Layout | None]:
    """How records with these columns are written: as the centre or a layout says, or as the names suggest."""
    own = asked.records or CallRecords.of({name: name for name in _PLAIN if name in columns})
    named = asked.layout or own.layout
    found = layout_named(named) if named else None
    if found is None and missing_columns(spelt(columns, own), own):
        found = matching(columns)
        if found is None and (asked.records is None or asked.records.model_fields_set <= _NO_COLUMNS):
            found = guessed(columns, partial(codes_of, raw, source), source)
        if found is None:
            check_columns(columns, own, source)
    if found is not None:
        # Settings of other columns do not fit this export; these do.
        names = own.model_fields_set if own.layout or found.is_guess else {"queues", "time_zone", "where"}
        own = own.over(found.records, names)
        there = [part for part in own.handle_s if isinstance(part, Between) or part in spelt(columns, own)]
        own = own.model_copy(update={"handle_s": there or own.handle_s})
        if found.first_row is None or columns == list(own.columns or ()):
            check_columns(columns, own, source, f" of layout {found.name!r}")
    return own.model_copy(update={"time_zone": own.time_zone or asked.zone}), found


@cache
def _words() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(files("planning.demand").joinpath("guesses.toml").read_text(encoding="utf-8"))


def guessed(
    columns: Sequence[str], codes: Callable[[str], Sequence[str]], source: str = "the export"
) -> Layout | None:
    """Guess how an export is written: a layout without a name, or None if hardly a column is known.

    Parameters
    ----------
    columns : sequence of str
        Names of its columns.
    codes : callable
        Returns the different values of a column.
    source : str
        Its name, for messages.

    Raises
    ------
    PlanningError
        The columns say when calls came, but not in which queue, how long they took or whether they were
        answered.

    Examples
    --------
    >>> columns = ["Дата", "Время", "Проект", "Ожидание (сек)", "Разговор (сек)", "Результат"]
    >>> found = guessed(columns, lambda column: ["Принят", "Потерян"]).records
    >>> found.arrival, found.handle_s, found.answered, found.abandoned
    (['Дата', 'Время'], ['Разговор (сек)'], ['Принят'], ['Потерян'])
    """
    read = _read(columns)
    names = ("queue", "wait_s", "agent_id", "caller_id", "call_id", "end")
    found = {name: read[name] for name in names if name in read} | _when(read) | _handle(read)
    if "calls" in read:
        asked = [] if "aht_s" in read else ["handle_s", "answered_calls"]
        found |= {name: read[name] for name in ("aht_s", "answered_calls") if name in read}
        found |= {"row": "interval", "calls": [read["calls"]]}
    else:
        asked = ["handle_s", "outcome"]
        found |= _outcome(read, codes)
    if "direction" in read:
        asked += ["where"]
        inbound = _begin(codes(read["direction"]), "inbound")
        found |= {"where": {read["direction"]: inbound}} if inbound else {}
    lacking = [name for name in ("queue", *asked) if name not in found]
    if "arrival" not in found or {"queue", "handle_s"} <= set(lacking):
        return None
    if lacking:
        one = ' (or queue = { value = "NAME" } where all calls are of one)' if "queue" in lacking else ""
        known = ", ".join(f"{name} = {toml_text(value)}" for name, value in found.items())
        raise PlanningError(
            f"{source}: no column is known by its name for records.{', records.'.join(lacking)}: name it in "
            f"[records]{one}, and the others: {known}; there are {', '.join(columns)}"
        )
    return Layout("", _TITLE, _SOURCE, (), None, CallRecords.of(found))


def _read(columns: Sequence[str]) -> dict[str, str]:
    """The column of each meaning; a meaning that two columns have is left out."""
    found: dict[str, list[str]] = {}
    for column in columns:
        name = _plain(column)
        for meaning, words in _words()["columns"].items():
            if name in words:
                found.setdefault(meaning, []).append(column)
    return {meaning: names[0] for meaning, names in found.items() if len(names) == 1}


def _when(read: dict[str, str]) -> dict[str, Any]:
    """The column or columns of the arrival, and its clock where their names say UTC."""
    start = read.get("time", read.get("arrival"))  # beside a date, a start is a time of day
    alone = "arrival" in read and ("date" not in read or "time" in read)
    when = [read["arrival"]] if alone else [name for name in (read.get("date"), start) if name]
    if not when:
        return {}
    clock = {"time_zone": "UTC"} if any(_UTC.search(name) for name in when) else {}
    return {"arrival": when[0] if len(when) == 1 else when} | clock


def _handle(read: dict[str, str]) -> dict[str, Any]:
    """The columns of the handle time, and the unit of all durations; nothing if they have several."""
    units = {_unit(read[name]) for name in _DURATIONS if name in read} - {None}
    parts = [read[name] for name in ("talk", "hold", "wrap") if name in read] if "talk" in read else []
    handle = [read["handle"]] if "handle" in read else parts
    if len(units) > 1 or ("hold" in read and "wait_s" not in read):  # some call the wait in the queue a hold
        return {}
    return {"unit": units.pop() if units else "s"} | ({"handle_s": handle} if handle else {})


def _outcome(read: dict[str, str], codes: Callable[[str], Sequence[str]]) -> dict[str, Any]:
    """The column of the outcome and its codes; without one, an agent's name says that a call was answered."""
    told = read.get("outcome", read.get("answered_calls"))  # "answered" may also head a column of yes and no
    if told is None:
        return {"outcome": {"filled": read["agent_id"]}} if "agent_id" in read else {}
    values = codes(told)
    abandoned = _begin(values, "abandoned")
    answered = [value for value in _begin(values, "answered") if value not in abandoned]
    if not answered:
        return {}
    lost = {"lost": found} if (found := _begin(values, "lost")) else {}
    return {"outcome": told, "answered": answered, "abandoned": abandoned} | lost


def _begin(values: Sequence[str], kind: str) -> list[str]:
    """Values that begin with a word of a kind of code; one as short as "in" must be all of it."""
    words = _words()["codes"][kind]
    stems = tuple(word for word in words if len(word) > _SHORT)
    return [value for value in values if _plain(value) in words or _plain(value).startswith(stems)]


def _plain(name: str) -> str:
    """A name in lower case, without its unit, and with a space for each sign and before each capital."""
    bare = _UTC.sub("", name) if _unit(name) is None else _UNIT.sub("", name)
    apart = re.sub(r"(?<=[a-zа-яё])(?=[A-ZА-ЯЁ])", " ", bare)
    return " ".join(re.sub(r"[\W_]+", " ", apart).casefold().split())


def _unit(name: str) -> str | None:
    """The unit that ends a column's name, in brackets, or after a comma or an underscore."""
    told = _UNIT.search(name.casefold())
    return next((unit for unit, words in _UNITS.items() if told and re.fullmatch(words, told[1])), None)


def codes_of(raw: ir.Table, source: str, column: str) -> list[str]:
    """The different values of a column; none if they are too many for codes."""
    rows = raw.select(code=raw[column].cast("string").strip()).distinct().limit(_MOST_CODES + 1)
    values = sorted(run(rows, source)["code"].dropna())
    return values if len(values) <= _MOST_CODES else []
