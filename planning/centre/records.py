"""How the call records are written."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from planning.centre.settings import Settings, Zone

__all__ = ["CallRecords"]


class CallRecords(Settings):
    """How the operator's call records are written: their columns, their clock and their codes."""

    time_zone: Zone | None = None
    """Clock of the times that are written without an offset; None refuses such times."""
    date_order: Literal["year", "day", "month"] = "year"
    """What texts of times begin with: "day" as in 23.11.2026 08:00:14, "month" as in 11/23/2026 08:00:14."""
    decimal: Literal[".", ","] = "."
    """What parts the decimals of a number in a text: "," as in 200,5."""
    queue: str = "queue"
    """Column of the queue's name."""
    arrival: str = "arrival"
    """Column of the instant at which the call joined the queue."""
    handle_s: list[str] = Field(default=["handle_s"], min_length=1)
    """Columns that add up to the handle time, such as talk, hold and wrap-up, seconds."""
    outcome: str = "outcome"
    """Column of the outcome's code."""
    call_id: str | None = None
    """Column of the call's number, by which a record that came twice is found."""
    wait_s: str | None = None
    """Column of the wait, seconds."""
    agent_id: str | None = None
    """Column of who answered."""
    caller_id: str | None = None
    """Column of who called, by which attempts are told from callers."""
    end: str | None = None
    """Column of the call's end, by which its times are checked."""
    answered: list[str] = Field(default=["answered"], min_length=1)
    """Codes of calls that an agent answered."""
    abandoned: list[str] = Field(default=["abandoned"])
    """Codes of calls whose caller hung up while waiting."""
    lost: list[str] = Field(default=["lost"])
    """Codes of calls that the centre lost: no free line, a fault; they were offered all the same."""
    queues: dict[str, str] = Field(default={})
    """The centre's name of a queue by its name in the records, where the two differ."""
