"""A shift as a planner writes it: "09:00-18:00 rest 10:45-11:00 meal 12:30-13:30"."""

from __future__ import annotations

import re
from datetime import timedelta

from planning.centre import clock_text
from planning.errors import PlanningError
from planning.shifts.catalogue import DAY_S, Break, BreakKind, Pattern

_SPAN = r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})"
_WHOLE = re.compile(rf"\s*{_SPAN}((?:\s*,?\s*(?:meal|rest|gap)\s+{_SPAN})*)\s*")
_BREAK = re.compile(rf"(meal|rest|gap)\s+{_SPAN}")
_KINDS: dict[str, BreakKind] = {"meal": "meal", "rest": "rest", "gap": "gap"}


def parse_shift(text: str, *, rests_paid: bool = True) -> tuple[timedelta, Pattern]:
    """Read a shift: the time of day of its start, and its pattern.

    A time earlier than the one before is on the next day, so a night shift needs no date.

    Parameters
    ----------
    text : str
    rests_paid : bool
        Whether rests are working time: `Labour.rests_paid`.

    Raises
    ------
    PlanningError
        The text is not a shift, or a break is outside it.

    Examples
    --------
    >>> start, pattern = parse_shift("21:00-06:00 meal 01:00-02:00")
    >>> start, pattern.length_s / 3600, pattern.paid_s / 3600
    (datetime.timedelta(seconds=75600), 9.0, 8.0)
    """
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise PlanningError(
            f'shift {text!r} cannot be read: write it like "09:00-18:00 rest 10:45-11:00 meal 12:30-13:30"'
        )
    start, end = _edges(text, found.groups()[:4])
    length = (end - start) % DAY_S or DAY_S
    breaks = []
    for kind, *edges in _BREAK.findall(found[5]):
        first, last = _edges(text, edges)
        at, size = (first - start) % DAY_S, (last - first) % DAY_S
        if at + size > length:
            raise PlanningError(
                f"shift {text!r} has a {kind} at {clock_text(timedelta(seconds=first))}, which lies outside "
                "the shift: move it"
            )
        breaks.append(Break(at, size, _KINDS[kind], rests_paid))
    return timedelta(seconds=start), Pattern("explicit", length, tuple(sorted(breaks)))


def _edges(text: str, parts: tuple[str, ...] | list[str]) -> tuple[int, int]:
    """Seconds since midnight of the two ends of a span."""
    hours, minutes = [int(part) for part in parts[::2]], [int(part) for part in parts[1::2]]
    for hour, minute in zip(hours, minutes, strict=True):
        if minute > 59 or hour > 24 or (hour == 24 and minute):
            raise PlanningError(
                f"shift {text!r} has the time {hour}:{minute:02d}, must lie in 00:00 to 24:00"
            )
    first, last = (h * 3600 + m * 60 for h, m in zip(hours, minutes, strict=True))
    return first % DAY_S, last % DAY_S


def format_shift(start: timedelta, pattern: Pattern) -> str:
    """Write a shift as a planner does; `parse_shift` reads it back.

    Examples
    --------
    >>> format_shift(*parse_shift("9:00-18:00, meal 12:30-13:30"))
    '09:00-18:00 meal 12:30-13:30'
    """
    begin = int(start.total_seconds())

    def span(first: int, last: int) -> str:
        ends = (timedelta(seconds=(begin + second) % DAY_S) for second in (first, last))
        return "-".join(map(clock_text, ends))

    pauses = (f"{pause.kind} {span(pause.start_s, pause.end_s)}" for pause in pattern.breaks)
    return " ".join([span(0, pattern.length_s), *pauses])
