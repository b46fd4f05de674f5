"""Settings read from TOML files: frozen groups that refuse unknown keys in one clear line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from planning.calendars import check_country, check_zone, time_of_day
from planning.errors import PlanningError

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _some(values: list[float], info: ValidationInfo) -> list[float]:
    if not any(values):
        raise ValueError(f"{info.field_name} is 0 all day, must be above 0 somewhere: give an hour calls")
    return values


Hourly = Annotated[list[NotNegative], Field(min_length=24, max_length=24), AfterValidator(_some)]


DAY = timedelta(days=1)


def read_clock(value: object) -> Any:
    """Turn "22:00" into the time since local midnight; "24:00" is the end of the day."""
    if not isinstance(value, str):
        return value
    hours, _, minutes = value.partition(":")
    if not (len(minutes) == 2 and hours.isdecimal() and minutes.isdecimal() and int(minutes) < 60):
        raise ValueError('must be a time of day such as "08:00" or "24:00"')
    return timedelta(hours=int(hours), minutes=int(minutes))


def clock_text(value: timedelta) -> str:
    """Write a time of day as a planner does; on the next day, it is what the clock shows.

    Examples
    --------
    >>> clock_text(timedelta(hours=22)), clock_text(timedelta(hours=24)), clock_text(timedelta(hours=25))
    ('22:00', '24:00', '01:00')
    """
    minutes = int((value if value <= DAY else value - DAY).total_seconds()) // 60
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


Clock = Annotated[
    timedelta,
    BeforeValidator(read_clock),
    Field(ge=timedelta(0), le=DAY),
    PlainSerializer(clock_text, when_used="json"),
]


def _read_closing(value: object) -> Any:
    found = read_clock(value)
    if isinstance(value, str) and found > DAY:
        raise ValueError(
            'must be less than or equal to "24:00"; an earlier hour than opens is on the next day'
        )
    return found


Closing = Annotated[
    timedelta,
    BeforeValidator(_read_closing),
    Field(ge=timedelta(0), le=2 * DAY),
    PlainSerializer(clock_text, when_used="json"),
]
"""A time of day that may lie on the next one: 25 hours are 01:00 of the next day."""
Zone = Annotated[str, AfterValidator(check_zone)]
Country = Annotated[str, AfterValidator(check_country)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)


class Settings(BaseModel):
    """A frozen group of settings that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read and check a file of settings.

        Raises
        ------
        PlanningError
            The file is missing, is not TOML, or has a value that is not valid.
        """
        what = f"{cls.__name__.lower()} file {path}"
        try:
            with Path(path).open("rb") as file:
                raw = tomllib.load(file)
        except FileNotFoundError:
            raise PlanningError(f"{what} does not exist: give the path of a TOML file") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise PlanningError(f"{what} is not valid TOML: {error}") from None
        except OSError as error:
            raise PlanningError(f"{what} cannot be read: {error.strerror}") from None
        try:
            return cls.of(raw)
        except PlanningError as error:
            raise PlanningError(f"{what}: {error}") from None

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Self:
        """Check a nested mapping, as TOML gives it."""
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise PlanningError(_one_line(cls, error)) from None


class Hours(Settings):
    """Opening hours, the same every day; they may end on the next day."""

    opens: Clock = timedelta(0)
    """First minute of a day's hours, on the centre's clock; by default midnight."""
    closes: Closing = DAY
    """Minute from which nothing is answered; a time that is not after `opens` is on the next day."""

    @field_validator("closes")
    @classmethod
    def _after_opening(cls, closes: timedelta, info: ValidationInfo) -> timedelta:
        return closing(info.data.get("opens", timedelta(0)), closes)

    @property
    def always(self) -> bool:
        """Whether they are the whole day."""
        return self.closes - self.opens == DAY

    def is_open(self, time_of_day: timedelta) -> bool:
        """Tell whether a time of day is within the hours."""
        return (time_of_day - self.opens) % DAY < self.closes - self.opens

    def open_at(self, times: pd.DatetimeIndex) -> NDArray[np.bool_]:
        """Tell which instants, in the centre's time zone, are within the hours, shape (times,)."""
        since = (time_of_day(times) - pd.Timedelta(self.opens)) % pd.Timedelta(DAY)
        return np.asarray(since < self.closes - self.opens)

    def day_of(self, times: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the day whose hours each instant belongs to, without zone: after midnight, the day before.

        Examples
        --------
        >>> late = pd.DatetimeIndex(["2026-11-23 00:45"], tz="Europe/Berlin")
        >>> str(Hours.of({"opens": "09:00", "closes": "01:00"}).day_of(late)[0])
        '2026-11-22 00:00:00'
        """
        return (times.tz_localize(None) - max(self.closes - DAY, timedelta(0))).normalize()


def closing(opens: timedelta, closes: timedelta) -> timedelta:
    """Return a closing time that is after the opening and at most a day later.

    Examples
    --------
    >>> str(closing(timedelta(hours=9), timedelta(hours=1)))
    '1 day, 1:00:00'
    """
    return opens + ((closes - opens) % DAY or DAY)


def _one_line(model: type[Settings], error: ValidationError) -> str:
    """Describe the fault in one line: the field, its value, the bound, the remedy."""
    faults = error.errors(include_url=False)
    first = faults[0]
    missing = [_place(fault["loc"]) for fault in faults if fault["type"] == "missing"]
    place, told = _place(first["loc"]), 1
    message = first["msg"].removeprefix("Value error, ").replace("Input should", "must")
    message = message.replace("datetime.timedelta(days=1)", '"24:00"')
    message = message.replace("datetime.timedelta(0)", '"00:00"')
    # A check that functions share names its own argument, which is not the field's whole path.
    message = re.sub(rf"^\w+ is {re.escape(repr(first['input']))}, ", "", message)
    group = _group_at(model, first["loc"][:-1])
    if first["type"] == "extra_forbidden":
        text = _unknown_key(place, str(first["loc"][-1]), group)
    elif first["type"] == "missing":
        them, told = "it" if len(missing) == 1 else "them", len(missing)
        text = f"{' and '.join(missing)} {'is' if told == 1 else 'are'} missing: add {them} to the file"
    elif not place or message.startswith(f"{place} is "):
        text = message
    elif isinstance(first["input"], Mapping):
        text = f"{place}: {message}"
    else:
        meaning = _meaning(str(first["loc"][-1]), group)
        text = f"{place} is {first['input']!r}, {message[:1].lower()}{message[1:]}{meaning}"
    more = len(faults) - told
    return " ".join(text.split()) + (f" (and {more} more)" if more else "")


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc)


def _unknown_key(place: str, key: str, group: type[Settings] | None) -> str:
    near = difflib.get_close_matches(key, list(group.model_fields) if group else [], n=1)
    return f"{place} is no known setting: " + (f"did you mean {near[0]!r}?" if near else "remove it")


def _group_at(model: type[Settings], loc: tuple[int | str, ...]) -> type[Settings] | None:
    """Find the group of settings at a place in the file, through lists and tables of groups."""
    kind: Any = model
    for part in loc:
        if isinstance(kind, type) and issubclass(kind, Settings):
            kind = kind.model_fields[str(part)].annotation if str(part) in kind.model_fields else None
        else:
            groups = [arg for arg in get_args(kind) if isinstance(arg, type) and issubclass(arg, Settings)]
            kind = groups[0] if groups else None
    return kind if isinstance(kind, type) and issubclass(kind, Settings) else None


def _meaning(key: str, group: type[Settings] | None) -> str:
    """Add the meaning of the field, from its own description."""
    field = group.model_fields.get(key) if group else None
    return f" ({field.description.split('.')[0].strip()})" if field and field.description else ""
