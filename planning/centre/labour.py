"""Labour rules, each a limit with the article that sets it."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from planning.centre.settings import Clock, NotNegative, Settings

SHORTEST_WEEK_H = 167
"""Hours of a week in which clocks go forward: no rest within a week is longer."""
WORK, OFF = "work", "off"
"""Days of a rotation: a shift of any kind, and none."""


class Norm(Settings):
    """A limit with the article that sets it; a number alone is a house rule."""

    value: NotNegative
    """The limit, in the unit that ends its name."""
    article: str = "house rule"
    """Where the limit comes from."""

    @model_validator(mode="before")
    @classmethod
    def _house_rule(cls, raw: Any) -> Any:
        return {"value": raw} if isinstance(raw, int | float) and not isinstance(raw, bool) else raw


def _within(low: float, high: float, whole: bool = True) -> AfterValidator:
    """Bound a limit, and ask for whole numbers where days or weekends are counted."""

    def check(norm: Norm) -> Norm:
        if not low <= norm.value <= high or (whole and norm.value % 1):
            kind = "a whole number" if whole else "a number"
            raise ValueError(f"value is {norm.value:g}, must be {kind} from {low:g} to {high:g}")
        return norm

    return AfterValidator(check)


Switch = Annotated[Norm, _within(0, 1)]
"""A rule that holds (1) or does not (0)."""
HoursOfDay = Annotated[Norm, _within(0, 24, whole=False)]


class Rotation(Settings):
    """A written pattern of days, which repeats."""

    cycle: Annotated[list[str], Field(min_length=1)]
    """Each day's kind of shift, "night", "work" for any kind, or "off"."""


class Letters(Settings):
    """Letters of the time sheet, one letter per day."""

    work: str
    """Day work."""
    night: str
    """Work with night hours."""
    holiday: str
    """Work on a public holiday."""
    off: str
    """A day off."""
    leave: str
    """Annual leave."""
    study: str
    """Study leave."""
    sick: str
    """Sick leave."""


class HalfMonths(Settings):
    """A time sheet that a country prescribes: a month by halves, with the words of its form."""

    title: str
    """Name of the form."""
    source: str
    """Number of the form, and what prescribes it."""
    number: str
    """Heading: number of the row."""
    person: str
    """Heading: name and position."""
    personnel_no: str
    """Heading: number in the payroll."""
    marks: str
    """Heading: letters and hours by day."""
    half: str
    """Heading: days and hours of each half of the month."""
    month: str
    """Heading: days and hours of the month."""
    pay: str
    """Heading: kind of pay and its hours."""
    absent: str
    """Heading: letter of each absence and its days."""
    days: str
    """Unit of days."""
    hours: str
    """Unit of hours."""
    no_day: str
    """Mark of a day that the month does not have."""
    kinds: dict[str, str]
    """Name or code of each kind of pay: day, night, holiday, overtime."""


class Labour(Settings):
    """Labour rules; those missing from the centre's file come from its country, in ``countries/``."""

    night_from: Clock
    """Start of the night hours."""
    night_until: Clock
    """End of the night hours."""
    night_premium: Norm
    """Addition to the hourly rate for each night hour, as a share of the rate."""
    holiday_premium: Norm
    """Addition to the hourly rate for each hour on a public holiday, as a share of the rate."""
    observed_holidays: Switch
    """1 if the day off in lieu of a public holiday at the weekend is a public holiday itself."""
    overtime_premium: Norm
    """Addition to the hourly rate for the first hours of overtime, as a share of the rate."""
    overtime_first_h: Norm
    """Hours of a shift's overtime that earn `overtime_premium`."""
    overtime_later_premium: Norm
    """Addition to the hourly rate for further hours of overtime, as a share of the rate."""
    week_h: Annotated[Norm, _within(1, 168, whole=False)]
    """Normal working week, hours."""
    period_months: Norm
    """Months of the accounting period of hours, counted from January: a divisor of 12."""
    eve_shorter_h: HoursOfDay
    """Hours by which the working day before a public holiday is shorter."""
    min_rest_h: Annotated[Norm, _within(0, 168, whole=False)]
    """Fewest hours between two shifts."""
    weekly_rest_h: Annotated[Norm, _within(0, SHORTEST_WEEK_H, whole=False)]
    """Fewest uninterrupted hours of rest in a week."""
    max_shift_h: Annotated[Norm, _within(1, 24, whole=False)]
    """Longest shift, paid hours."""
    min_meal_min: Norm
    """Shortest meal break, minutes, unpaid."""
    long_shift_h: Norm
    """Paid hours above which a shift needs the longer meal."""
    long_meal_min: Norm
    """Shortest meal break of such a shift, minutes, unpaid."""
    rests_paid: Switch
    """1 if the short rests of a shift are working time, and so paid."""
    max_meal_min: Norm
    """Longest total of meal breaks in a shift, minutes, unpaid."""
    max_days_in_row: Annotated[Norm, _within(1, 366)]
    """Most working days in a row."""
    night_consent: Switch
    """1 if only people who may and have agreed to work at night can have night hours."""
    rest_twice_shift: Switch
    """1 if the rest between two shifts is at least twice the length of the first."""
    max_nights_in_row: Annotated[Norm, _within(0, 366)]
    """Most night shifts in a row."""
    min_days_off: Annotated[Norm, _within(0, 7)]
    """Fewest days off in a row."""
    days_week: Annotated[Norm, _within(1, 7)]
    """Most working days a week of a contract that says nothing."""
    start_span_h: HoursOfDay
    """Hours of the day within which a person's shifts of a week start; 0 for any hours."""
    free_weekends: Annotated[Norm, _within(0, 4)]
    """Fewest weekends off in four weeks."""
    overtime_two_days_h: Norm
    """Most overtime in two consecutive days, hours."""
    overtime_year_h: Norm
    """Most overtime in a year, hours."""
    publish_days: Norm
    """Days in advance that a roster is published; a later change needs the person's consent."""
    leave_part_days: Norm
    """Days of the longest part of a year's leave, which must be whole."""
    letters: Letters
    """Letters of the time sheet."""
    half_months: HalfMonths | None = None
    """The time sheet's form by halves of a month, where the country prescribes one; else one row a person."""
    kinds: Annotated[dict[str, Clock], Field(min_length=1)]
    """Kinds of shift by the time of day from which they start; a shift half at night is "night"."""
    forbidden_successions: list[Annotated[list[str], Field(min_length=2, max_length=2)]]
    """Kinds of shift that must not follow each other from one day to the next."""
    most_of_kind: dict[str, Annotated[int, Field(ge=0)]] = Field({})
    """Most shifts of a kind that a person works in four weeks, by kind."""
    least_of_kind: dict[str, Annotated[int, Field(ge=0)]] = Field({})
    """Fewest shifts of a kind that a person works in four weeks, by kind."""

    def shortest_meal(self, paid_h: float) -> Norm:
        """Shortest meal of a shift with this many paid hours, minutes."""
        return self.long_meal_min if paid_h > self.long_shift_h.value else self.min_meal_min

    @model_validator(mode="after")
    def _whole_periods(self) -> Self:
        months = self.period_months.value
        if months not in (1, 2, 3, 4, 6, 12):
            raise ValueError(
                f"period_months is {months:g}, must be 1, 2, 3, 4, 6 or 12, so that the periods fill a year"
            )
        return self

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
