"""How call records are written: their file, their columns, their clock and their codes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, Self

from pydantic import Field, model_validator

from planning.centre.settings import Settings, Zone


class Fixed(Settings):
    """A value that every row has, where a column is missing."""

    value: str
    """The value, for example { value = "hotline" }."""


class IsFilled(Settings):
    """An outcome that follows from a column which is filled for answered calls only."""

    filled: str
    """Column that is filled if an agent answered, for example { filled = "Agent" }."""


class Between(Settings):
    """A duration between the times of two columns."""

    start: str
    """Column of the time at which it begins."""
    end: str
    """Column of the time at which it ends."""


class Events(Settings):
    """Codes of a log in which a row is an event of a call, not a call."""

    enter: list[str] = Field(default=["ENTERQUEUE"], min_length=1)
    """The caller joined the queue."""
    connect: list[str] = Field(default=["CONNECT"], min_length=1)
    """An agent answered."""
    complete: list[str] = Field(default=["COMPLETEAGENT", "COMPLETECALLER"], min_length=1)
    """The talk ended, or the call was handed on."""
    abandon: list[str] = Field(default=["ABANDON"])
    """The caller hung up while waiting."""
    leave: list[str] = Field(default=[])
    """The caller left the queue for another reason: a time-out, a key, nobody logged in."""


class CallRecords(Settings):
    """How the operator's call records are written: their file, columns, clock and codes."""

    layout: str | None = None
    """A phone system's layout; its settings hold unless others are written here."""

    # ------------------------------------------------------------------ the file
    encoding: str | None = None
    """Encoding of a text file, for example "cp1251"; by default it is detected."""
    separator: str | None = Field(default=None, min_length=1, max_length=1)
    """Separator of the cells of a text file; by default it is detected."""
    header_line: int | None = Field(default=None, ge=1)
    """Line of the header, counted from 1; by default it is detected."""
    columns: list[str] | None = Field(default=None, min_length=2)
    """Names of the columns of a file without a header."""
    sheet: str | None = None
    """Sheet of a workbook; by default the first one with the columns, and with "*" all that have them."""
    row: Literal["contact", "leg", "event", "interval"] = "contact"
    """What a row is: a call, a leg of a call (its legs in a queue are one), an event of a call, or an
    interval with its number of calls."""
    where: dict[str, list[str]] = Field(default={})
    """Rows to read: by column, the values that are kept, or with a "!" before them those that are not;
    ["*"] keeps what is filled."""
    unknown: list[str] = Field(default=[])
    """Values of an agent, a caller or a call that mean "unknown", for example "0" or "NO_SERVER"."""

    # ------------------------------------------------------------------ times and numbers
    time_zone: Zone | None = None
    """Time zone of times without an offset; by default the centre's."""
    date_order: Literal["year", "day", "month"] | None = None
    """What dates begin with: "day" as in 23.11.2026, "month" as in 11/23/2026. Often it can be inferred."""
    clock: Literal["h:mm", "hhmm"] = "h:mm"
    """Form of a time of day in a column of its own: "hhmm" as in 930, with 0 for midnight."""
    decimal: Literal[".", ","] | None = None
    """Decimal mark of numbers in texts: "," as in 200,5; often it can be inferred from the file."""
    unit: Literal["s", "min", "ms"] = "s"
    """Unit of durations that are written as numbers."""

    # ------------------------------------------------------------------ the columns
    queue: str | Fixed = "queue"
    """Column of the queue's name, or { value = "hotline" } where all calls are of one queue."""
    arrival: str | list[str] = "arrival"
    """Column of the instant at which the call joined the queue; two where date and time stand apart."""
    handle_s: list[str | Between] = Field(default=["handle_s"], min_length=1)
    """Columns that add up to the handle time (talk, hold, wrap-up), or the times between which it lies."""
    outcome: str | IsFilled = "outcome"
    """Column of the outcome's code, or { filled = "Agent" } if that is filled for answered calls only."""
    call_id: str | None = None
    """Column of the call's number, by which a record that came twice is found."""
    wait_s: str | Between | None = None
    """Column of the wait, or the times between which it lies."""
    agent_id: str | None = None
    """Column of the agent who answered."""
    caller_id: str | None = None
    """Column of the caller, so that attempts can be told from callers."""
    end: str | list[str] | None = None
    """Column of the call's end, to check its times. Without `wait_s`, the wait follows from it."""
    calls: list[str] = Field(default=["calls"], min_length=1)
    """Of intervals: columns that add up to the calls offered."""
    aht_s: str | None = None
    """Of intervals: column of the mean handle time; else it is `handle_s` over `answered_calls`."""
    answered_calls: str | None = None
    """Of intervals: column of the calls answered."""
    event: str | None = None
    """Of events: column of the event's code."""
    events: Events = Events()
    """Of events: what the codes mean."""

    # ------------------------------------------------------------------ the codes
    answered: list[str] = Field(default=["answered"], min_length=1)
    """Codes of calls that an agent answered."""
    abandoned: list[str] = Field(default=["abandoned"])
    """Codes of calls whose caller hung up while waiting."""
    lost: list[str] = Field(default=["lost"])
    """Codes of calls that the centre lost: no free line, a fault; they were offered all the same."""
    queues: dict[str, str] = Field(default={})
    """The centre's name of a queue by its name in the records, where the two differ."""

    @model_validator(mode="after")
    def _event_has_its_columns(self) -> Self:
        if self.row == "event" and (self.event is None or self.call_id is None):
            raise ValueError(
                "event and call_id are missing where row is 'event': name the columns of the event's code "
                "and of the call's number"
            )
        if self.row == "leg" and self.call_id is None:
            raise ValueError("call_id is missing where row is 'leg': name the column of the call's number")
        return self

    def over(self, layout: CallRecords, names: Collection[str]) -> CallRecords:
        """Return a layout's settings with some of these in their place, where these are written."""
        own = {name: getattr(self, name) for name in names if name in self.model_fields_set}
        return layout.model_copy(update=own)
