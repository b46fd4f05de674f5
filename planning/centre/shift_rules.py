"""Rules for the shape of shifts."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from planning.centre.settings import Clock, NotNegative, Positive, Settings, Share


class ShiftRules(Settings):
    """Rules for the shape of shifts."""

    start_every_min: Annotated[int, Field(gt=0, le=1440)] = 30
    """Grid of the start times, minutes from midnight; at most a day."""
    lengths_h: dict[str, Positive]
    """Presence of each kind of shift, hours, with the meal; by default "short" of 6.5 and "day" of 8.5 h."""
    meal_min: dict[str, Annotated[int, Field(gt=0)]]
    """Unpaid meal of each kind, minutes; by default the shortest that the law allows."""
    rest_min: Annotated[int, Field(gt=0)] = 15
    """A paid rest break, minutes."""
    work_between_rests_h: Positive = 2.0
    """Target for the work between two breaks, hours."""
    quiet_from: Clock = timedelta(minutes=30)
    """No shift starts or ends from here, except with the hours of its site, ..."""
    quiet_until: Clock = timedelta(hours=5, minutes=30)
    """... to here, when there is no public transport."""
    breaks: Literal["optimised", "fixed"] = "optimised"
    """Whether each person's breaks are chosen with the shifts, instead of at equal distances for all."""
    break_every_min: Annotated[int, Field(gt=0)] = 15
    """Grid of the breaks' starts within a shift, minutes."""
    work_tolerance_h: NotNegative = 0.5
    """How far the work between two breaks may be from the target, hours."""
    meal_middle: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The meal is in the middle of the shift, within this share of its length."""
    gap_h: dict[str, Positive] = Field(default_factory=dict)
    """Split shifts: the unpaid gap of each kind, hours, which replaces the meal."""
    part_time: list[str] = Field(default_factory=list)
    """Kinds of shift that count as part-time."""
    max_part_time: Share = 1.0
    """Largest share of a team's shifts that may be part-time."""
    max_heads: dict[str, Annotated[int, Field(ge=0)]] = Field({})
    """Most people of a team, by its name, who may start a shift on one day."""
    max_starts: Annotated[int, Field(gt=0)] | None = None
    """Most times of day at which a team's shifts may start."""
    explicit: list[str] = Field(default_factory=list)
    """The only shifts to use, for example "09:00-18:00 meal 12:30-13:30", instead of the rules above."""

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
