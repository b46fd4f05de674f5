"""What shifts may look like."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from planning.centre.settings import Clock, NotNegative, Positive, Settings, Share

__all__ = ["ShiftRules"]


class ShiftRules(Settings):
    """What shifts may look like."""

    start_every_min: Annotated[int, Field(gt=0, le=1440)] = 30
    """Grid of the start times, minutes from midnight; at most a day."""
    lengths_h: dict[str, Positive]
    """Presence of each kind of shift, hours, meal included; by default "short" of 6.5 and "day" of 8.5 h."""
    meal_min: dict[str, Annotated[int, Field(gt=0)]]
    """Unpaid meal of each kind, minutes; by default the shortest that the law allows."""
    rest_min: Annotated[int, Field(gt=0)] = 15
    """A paid rest break, minutes."""
    work_between_rests_h: Positive = 2.0
    """Aim for the work between two breaks, hours."""
    quiet_from: Clock = timedelta(minutes=30)
    """No shift starts or ends from here ..."""
    quiet_until: Clock = timedelta(hours=5, minutes=30)
    """... to here, when nobody can get home."""
    breaks: Literal["optimised", "fixed"] = "optimised"
    """Whether each person's breaks are chosen with the shifts, or lie at equal distances for all."""
    break_every_min: Annotated[int, Field(gt=0)] = 15
    """Grid of the breaks' starts within a shift, minutes."""
    work_tolerance_h: NotNegative = 0.5
    """How far the work between two breaks may lie from the aim, hours."""
    meal_middle: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The meal lies within the middle part of the shift that is this share of it."""
    gap_h: dict[str, Positive] = Field(default_factory=dict)
    """Kinds of shift in two parts: the unpaid gap between them, hours, in place of the meal."""
    part_time: list[str] = Field(default_factory=list)
    """Kinds of shift that count as part-time."""
    max_part_time: Share = 1.0
    """Largest share of a team's shifts that may be part-time."""
    max_heads: dict[str, Annotated[int, Field(ge=0)]] = Field({})
    """Most people of a team, by its name, whose shifts start on one day."""
    max_starts: Annotated[int, Field(gt=0)] | None = None
    """Most times of day at which a team's shifts may start."""
    explicit: list[str] = Field(default_factory=list)
    """The shifts that there are, such as "09:00-18:00 meal 12:30-13:30", in place of the rules above."""

    @model_validator(mode="after")
    def _same_kinds(self) -> Self:
        meals = set(self.meal_min) | set(self.gap_h)
        if set(self.lengths_h) != meals:
            raise ValueError(
                f"meal_min names {sorted(meals)}, lengths_h names {sorted(self.lengths_h)}: "
                "give each kind of shift both"
            )
        unknown = sorted(set(self.part_time) - set(self.lengths_h))
        if unknown:
            raise ValueError(
                f"part_time names {unknown[0]!r}, must be one of {', '.join(sorted(self.lengths_h))}"
            )
        return self
