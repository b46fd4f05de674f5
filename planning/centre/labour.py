"""Labour rules: each a limit with the article that sets it."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from planning.centre.settings import Clock, NotNegative, Settings

__all__ = ["Labour", "Norm"]


class Norm(Settings):
    """A limit with the article that sets it."""

    value: NotNegative
    """The limit, in the unit that ends its name."""
    article: str
    """Where the limit comes from."""


class Labour(Settings):
    """Labour rules; the defaults' home is the centre's file, so another country is another file."""

    night_from: Clock
    """Start of the night hours."""
    night_until: Clock
    """End of the night hours."""
    night_premium: Norm
    """Addition to the hourly rate for each night hour, a share of the rate."""
    holiday_premium: Norm
    """Addition to the hourly rate for each hour on a public holiday, a share of the rate."""
    overtime_premium: Norm
    """Addition to the hourly rate for work after the end of the shift, a share of the rate."""
    week_h: Norm
    """Normal working week, hours."""
    min_rest_h: Norm
    """Fewest hours between two shifts."""
    weekly_rest_h: Norm
    """Fewest uninterrupted hours of rest in a week."""
    max_shift_h: Norm
    """Longest shift, paid hours."""
    min_meal_min: Norm
    """Shortest meal break, minutes, unpaid."""
    max_meal_min: Norm
    """Longest meal breaks together, minutes, unpaid."""
    max_days_in_row: Norm
    """Most working days in a row."""
    night_consent: Norm
    """1 where night hours are only for those who may and agreed to work at night."""
    rest_twice_shift: Norm
    """1 where the rest between two shifts is twice the first one's length, if that is more."""
    max_nights_in_row: Norm
    """Most night shifts in a row."""
    min_days_off: Norm
    """Fewest days off in a row."""
    free_weekends: Norm
    """Fewest weekends off in four weeks."""
    overtime_two_days_h: Norm
    """Most overtime in two consecutive days, hours."""
    overtime_year_h: Norm
    """Most overtime in a year, hours."""
    publish_days: Norm
    """Days before it takes effect that a roster is published; a later change needs the person's consent."""
    kinds: Annotated[dict[str, Clock], Field(min_length=1)]
    """Kinds of shift by the time of day from which they start; half a shift at night makes it "night"."""
    forbidden_successions: list[Annotated[list[str], Field(min_length=2, max_length=2)]]
    """Kinds of shift that must not follow each other from one day to the next."""
    most_of_kind: dict[str, Annotated[int, Field(ge=0)]] = Field({})
    """Most shifts of a kind that a person works in four weeks, for the kinds that are bounded."""
    least_of_kind: dict[str, Annotated[int, Field(ge=0)]] = Field({})
    """Fewest shifts of a kind that a person works in four weeks, where that is wished."""

    @model_validator(mode="after")
    def _kinds_exist(self) -> Self:
        known = {*self.kinds, "night"}
        named = {
            "forbidden_successions": {kind for pair in self.forbidden_successions for kind in pair},
            "most_of_kind": set(self.most_of_kind),
            "least_of_kind": set(self.least_of_kind),
        }
        for name, kinds in named.items():
            for kind in sorted(kinds - known):
                raise ValueError(f"{name} names {kind!r}, must be one of {', '.join(sorted(known))}")
        for kind in sorted(set(self.most_of_kind) & set(self.least_of_kind)):
            if self.least_of_kind[kind] > self.most_of_kind[kind]:
                raise ValueError(
                    f"least_of_kind.{kind} is {self.least_of_kind[kind]}, must be at most "
                    f"most_of_kind.{kind}, which is {self.most_of_kind[kind]}"
                )
        return self
