"""Judge of the instances of Curtois and Qu: objective and hard rules from the text, in plain Python.

It shares no code with the reader (`curtois`) or with `planning`: an error in one is seen by the other.
"""

from collections import Counter
from itertools import groupby

Roster = dict[str, dict[int, str]]
"""Shift of each person on each day that they work."""


def facts(text: str, section: str) -> list[list[str]]:
    """Rows below a section's head."""
    lines = text.split(f"SECTION_{section}\n")[1].split("SECTION_")[0].splitlines()
    return [line.split(",") for line in lines if line.strip() and line[0] != "#"]


def objective(text: str, roster: Roster) -> int:
    """Requests not granted, and heads below and above the cover, each at its weight."""
    total = 0
    for who, day, shift, weight in facts(text, "SHIFT_ON_REQUESTS"):
        total += int(weight) * (roster.get(who, {}).get(int(day)) != shift)
    for who, day, shift, weight in facts(text, "SHIFT_OFF_REQUESTS"):
        total += int(weight) * (roster.get(who, {}).get(int(day)) == shift)
    heads = Counter((day, shift) for own in roster.values() for day, shift in own.items())
    wanted = {(int(day), shift) for day, shift, *_ in facts(text, "COVER")}
    if set(heads) - wanted:
        raise ValueError(f"the cover has no line for {sorted(set(heads) - wanted)}")
    for day, shift, need, under, over in facts(text, "COVER"):
        short = int(need) - heads[int(day), shift]
        total += int(under) * max(short, 0) + int(over) * max(-short, 0)
    return total


def breaches(text: str, roster: Roster) -> list[str]:
    """Hard rules that a roster breaks, in words."""
    days = int(facts(text, "HORIZON")[0][0])
    minutes = {shift: int(length) for shift, length, _ in facts(text, "SHIFTS")}
    barred = {(shift, after) for shift, _, row in facts(text, "SHIFTS") for after in row.split("|") if after}
    off = {who: {int(day) for day in rest} for who, *rest in facts(text, "DAYS_OFF")}
    found = []
    for who, most_of, *bounds in facts(text, "STAFF"):
        most_min, least_min, longest, shortest, rest, weekends = map(int, bounds)
        own = roster.get(who, {})
        worked = [day in own for day in range(days)]
        spans, first = [], 0
        for works, run in groupby(worked):
            length = len(list(run))
            spans.append((works, first, length, first > 0 and first + length < days))
            first += length
        counts = Counter(own.values())
        total = sum(minutes[shift] for shift in own.values())
        saturdays = {day // 7 for day in own if day % 7 >= 5}
        caps = dict(part.split("=") for part in most_of.split("|"))
        checks = {
            "outside the horizon": any(not 0 <= day < days for day in own),
            "a day off": bool(off.get(who, set()) & set(own)),
            "too many minutes": total > most_min,
            "too few minutes": total < least_min,
            "too many weekends": len(saturdays) > weekends,
            "too many of a shift": any(counts[shift] > int(cap) for shift, cap in caps.items()),
            "a run too long": any(works and length > longest for works, _, length, _ in spans),
            "a run too short": any(
                works and inside and length < shortest for works, _, length, inside in spans
            ),
            "too few days off": any(
                not works and inside and length < rest for works, _, length, inside in spans
            ),
            "a succession": any((own[day], own.get(day + 1)) in barred for day in own),
        }
        found += [f"{who}: {what}" for what, broken in checks.items() if broken]
    unknown = set(roster) - {who for who, *_ in facts(text, "STAFF")}
    return found + [f"{who}: unknown" for who in sorted(unknown)]
