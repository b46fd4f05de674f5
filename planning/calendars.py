"""Time: the absolute axis, hours of the day, night hours, the production calendar."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

import holidays as holidays_library
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.errors import PlanningError

DAY = pd.Timedelta(days=1)
NO_COUNTRY = "none"
"""Country code of a centre under house rules, with no holidays and a weekend of Saturday and Sunday."""
NIGHT = "night"
"""Kind of a shift of which half or more is night."""
Times = TypeVar("Times", pd.Timestamp, pd.DatetimeIndex)


def axis(start: pd.Timestamp, days: int, interval_s: int) -> pd.DatetimeIndex:
    """Interval starts of whole local days, on one absolute time axis.

    A local day has as many intervals as it has hours: 23, 24 or 25 of them where clocks change.

    Parameters
    ----------
    start : Timestamp
        An instant of the first day, with its time zone.
    days : int
        Number of local days.
    interval_s : int
        Length of an interval, seconds.

    Examples
    --------
    >>> len(axis(pd.Timestamp("2026-11-23", tz="Europe/Moscow"), 7, 900))
    672
    >>> len(axis(pd.Timestamp("2026-03-29", tz="Europe/Berlin"), 1, 900))
    92
    """
    first = local_day(start)
    opens, closes = on_clock(first, start.tz), on_clock(first + days * DAY, start.tz)
    return pd.date_range(opens, closes, freq=f"{interval_s}s", inclusive="left", name="interval_start")


def day_start(day: date | str, zone: str) -> pd.Timestamp:
    """Midnight at the start of a local day; if clocks skip midnight, the first instant after it.

    Examples
    --------
    >>> day_start("2026-11-23", "Europe/Moscow")
    Timestamp('2026-11-23 00:00:00+0300', tz='Europe/Moscow')
    """
    try:
        # Not with pandas' parser, which reads 01.12.2026 as the 12th of January.
        midnight = pd.Timestamp(datetime.fromisoformat(str(day)))
        if midnight != midnight.normalize():
            raise ValueError("it has a time of day")
        return on_clock(midnight, zone)
    except (ValueError, TypeError) as error:
        raise PlanningError(f"{day!r} is not a date ({error}): write it as 2026-11-23") from None


def on_clock(times: Times, zone: str | tzinfo | None) -> Times:
    """Instants of local times: the next one for a time that the clock skips, the first for one shown twice.

    Examples
    --------
    >>> on_clock(pd.Timestamp("2026-09-06"), "America/Santiago")
    Timestamp('2026-09-06 01:00:00-0300', tz='America/Santiago')
    """
    return times.tz_localize(zone, nonexistent="shift_forward", ambiguous=True)


def local_day(times: Times) -> Times:
    """Return the local day of an instant or of many, without zone: some days have no midnight.

    Examples
    --------
    >>> local_day(pd.Timestamp("2026-09-06 01:00", tz="America/Santiago"))
    Timestamp('2026-09-06 00:00:00')
    """
    return times.tz_localize(None).normalize()


def midnights(times: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the first instant of each instant's local day, which need not show 00:00.

    Examples
    --------
    >>> midnights(pd.DatetimeIndex(["2026-09-06 12:00-03:00"]).tz_convert("America/Santiago"))[0]
    Timestamp('2026-09-06 01:00:00-0300', tz='America/Santiago')
    """
    return on_clock(local_day(times), times.tz)


def local_times(times: pd.DatetimeIndex, zones: Sequence[str]) -> pd.DatetimeIndex:
    """Local time of each instant in its own zone, without a zone.

    Parameters
    ----------
    times : DatetimeIndex, shape (n,)
    zones : sequence of str, shape (n,)
        IANA time zone of each.

    Examples
    --------
    >>> noon = pd.DatetimeIndex(["2026-11-23 12:00"] * 2).tz_localize("Europe/Berlin")
    >>> local_times(noon, ["Asia/Kolkata", "Europe/Berlin"]).strftime("%H:%M").tolist()
    ['16:30', '12:00']
    """
    codes, names = pd.factorize(np.asarray(zones, dtype=object))
    made = times.tz_convert(None).to_numpy(copy=True)
    for number, zone in enumerate(names):
        here = codes == number
        made[here] = times[here].tz_convert(zone).tz_localize(None).to_numpy()
    return pd.DatetimeIndex(made)


def time_of_day(times: pd.DatetimeIndex) -> pd.TimedeltaIndex:
    """Clock time since midnight of each instant in its own zone, or of local times without a zone."""
    naive = times.tz_localize(None)
    return naive - naive.normalize()


def kinds_of(
    starts: pd.DatetimeIndex,
    length_h: NDArray[np.float64],
    night_h: NDArray[np.float64],
    begins: Mapping[str, timedelta],
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Name the kinds of shift, and tell each shift's: by its start, or night if half of it is night.

    The starts are on the site's own clock; `begins` says at what time of day the starts of each kind begin.

    Examples
    --------
    >>> starts = pd.DatetimeIndex(["2026-11-23 08:00", "2026-11-23 20:00"])
    >>> begins = {"early": timedelta(hours=4), "late": timedelta(hours=13)}
    >>> names, kinds = kinds_of(starts, np.array([8.5, 8.5]), np.array([0.0, 6.5]), begins)
    >>> [names[kind] for kind in kinds]
    ['early', 'night']
    """
    names = sorted(begins, key=lambda name: begins[name])
    clock = time_of_day(starts.tz_localize(None))
    # Before the first kind begins, the last kind of the evening before continues.
    edges = pd.TimedeltaIndex([begins[name] for name in names])
    kind = (edges.searchsorted(clock, side="right") - 1) % len(names)
    return (*names, NIGHT), np.where(2 * night_h >= length_h, len(names), kind)


def hours_within(
    starts: pd.DatetimeIndex, ends: pd.DatetimeIndex, opens: timedelta, closes: timedelta
) -> NDArray[np.float64]:
    """Hours of each span in a daily window, which crosses midnight if it closes before it opens.

    Parameters
    ----------
    starts, ends : DatetimeIndex
        Spans with a time zone, in which the window's clock runs; at most a few days long.
    opens, closes : timedelta
        The window, as times since midnight; 22:00 to 06:00, for example.

    Returns
    -------
    ndarray
        Hours.

    Examples
    --------
    >>> start = pd.DatetimeIndex(["2026-11-23 20:00"]).tz_localize("Europe/Moscow")
    >>> hours_within(start, start + pd.Timedelta(hours=12), timedelta(hours=22), timedelta(hours=6))
    array([8.])
    """
    if not len(starts):
        return np.zeros(0)
    length = (closes - opens) % timedelta(days=1) or closes - opens  # 00:00 to 24:00 is the whole day
    longest = int(np.ceil((ends - starts).max() / DAY))
    total = np.zeros(len(starts))
    first = local_day(starts)
    start, end = _instants(starts), _instants(ends)
    for day in range(-1, longest + 1):
        window = first + day * DAY + opens
        # Both edges on the local clock: a night in which clocks change has an hour more or less.
        opened, closed = (_instants(on_clock(edge, starts.tz)) for edge in (window, window + length))
        inside = np.minimum(end, closed) - np.maximum(start, opened)
        total += np.maximum(inside / np.timedelta64(1, "h"), 0.0)
    return total


def _instants(times: pd.DatetimeIndex) -> NDArray[np.datetime64]:
    """Instants in UTC, which numpy compares a hundred times faster than times with a zone."""
    instants: NDArray[np.datetime64] = times.tz_convert(None).to_numpy()
    return instants


def check_country(country: str) -> str:
    """Return a country's code, if its holidays are known.

    Raises
    ------
    PlanningError
        It is neither an ISO 3166 code, with or without a region, that the holidays library knows, nor "none".

    Examples
    --------
    >>> check_country("DE-BY")
    'DE-BY'
    """
    code, _, region = country.partition("-")
    known = holidays_library.list_supported_countries()
    if country != NO_COUNTRY and (code not in known or (region and region not in known[code])):
        raise PlanningError(
            f"country is {country!r}, must be an ISO 3166 code ('DE', or with a region 'DE-BY') or "
            f"{NO_COUNTRY!r} for house rules and no holidays"
        )
    return country


def check_zone(zone: str) -> str:
    """Return a time zone's name, if it is one.

    Raises
    ------
    PlanningError
        The IANA database has no such zone.

    Examples
    --------
    >>> check_zone("Europe/London")
    'Europe/London'
    """
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError, TypeError, AttributeError):
        raise PlanningError(f"zone is {zone!r}, must be an IANA time zone, as 'Europe/London'") from None
    return zone


@lru_cache
def public_holidays(country: str, years: tuple[int, ...]) -> holidays_library.HolidayBase:
    """Public holidays, transferred days off and transferred working days, by date.

    Examples
    --------
    >>> date(2026, 11, 4) in public_holidays("RU", (2026,))
    True
    """
    if check_country(country) == NO_COUNTRY:
        return holidays_library.HolidayBase(years=list(years))
    code, _, region = country.partition("-")
    return holidays_library.country_holidays(code, subdiv=region or None, years=list(years), language="en_US")


def is_holiday(days: Iterable[date], country: str, *, observed: bool = False) -> NDArray[np.bool_]:
    """Tell which days are public holidays themselves, shape (days,).

    A day off that a decree exchanges for a working weekend day is not a holiday. Neither is a day off in lieu
    of a holiday at the weekend, unless the country's law calls it a holiday.

    Parameters
    ----------
    days : iterable of date
    country : str
        ISO 3166, or "none".
    observed : bool
        Whether the day off in lieu of a holiday at the weekend is a public holiday itself
        (`Labour.observed_holidays` of the country).

    Examples
    --------
    Victory Day of 2027 is a Sunday, and Monday is off for it. Who works by a schedule is paid double on the
    holiday alone (TK RF 112, 153):

    >>> is_holiday([date(2027, 5, 9), date(2027, 5, 10)], "RU").tolist()
    [True, False]

    Christmas of 2027 is a Saturday, and Monday and Tuesday are bank holidays for it and for Boxing Day:

    >>> days = [date(2027, 12, day) for day in (25, 26, 27, 28)]
    >>> is_holiday(days, "GB-ENG", observed=True).tolist()
    [True, True, True, True]
    """
    dates = list(days)
    calendar = public_holidays(country, tuple(sorted({day.year for day in dates})))
    return np.array([_is_own_holiday(day, calendar, observed) for day in dates], dtype=bool)


def _is_own_holiday(day: date, calendar: holidays_library.HolidayBase, observed: bool = False) -> bool:
    """Tell whether a holiday has this date, rather than a day off that was moved there."""
    names = calendar.get_list(day)
    return any("substituted" not in name and (observed or "observed" not in name) for name in names)


def holiday_hours(
    starts: pd.DatetimeIndex, ends: pd.DatetimeIndex, country: str, *, observed: bool = False
) -> NDArray[np.float64]:
    """Hours of each span that fall on public holidays, as `is_holiday` tells them.

    Examples
    --------
    >>> start = pd.DatetimeIndex(["2026-11-03 20:00"]).tz_localize("Europe/Moscow")
    >>> holiday_hours(start, start + pd.Timedelta(hours=12), "RU")
    array([8.])
    """
    return _hours_on(starts, ends, lambda days: is_holiday(days.date, country, observed=observed))


@lru_cache
def weekend_of(country: str) -> tuple[int, ...]:
    """Weekdays of a country's weekend, 0 for Monday to 6 for Sunday.

    Examples
    --------
    >>> weekend_of("RU"), weekend_of("EG")
    ((5, 6), (4, 5))
    """
    return tuple(sorted(public_holidays(country, ()).weekend))


def week_end(weekend: Collection[int]) -> tuple[int, ...]:
    """Return the one or two consecutive weekdays that end a week; the next day begins a week.

    A third day of the weekend, or one that is not adjacent, does not belong to the end of a week.

    Examples
    --------
    >>> week_end((5, 6)), week_end((3, 4)), week_end((4,)), week_end((0, 6))
    ((5, 6), (3, 4), (4,), (6, 0))

    A weekend of Friday and Sunday ends the week on Sunday:

    >>> week_end((4, 6))
    (6,)
    """
    last = max(day for day in weekend if (day + 1) % 7 not in weekend)
    eve = (last - 1) % 7
    return (eve, last) if eve in weekend else (last,)


def is_weekend(days: pd.DatetimeIndex, weekend: Collection[int]) -> NDArray[np.bool_]:
    """Tell which local days belong to the weekend, shape (days,).

    Parameters
    ----------
    days : DatetimeIndex
    weekend : collection of int
        Its weekdays, 0 for Monday: `weekend_of` a country, or `Centre.weekend` of a site.

    Examples
    --------
    >>> is_weekend(pd.date_range("2026-11-26", periods=4), weekend_of("EG")).tolist()
    [False, True, True, False]
    """
    return np.isin(days.day_of_week, list(weekend))


def weekend_hours(
    starts: pd.DatetimeIndex, ends: pd.DatetimeIndex, weekend: Collection[int]
) -> NDArray[np.float64]:
    """Hours of each span that fall on the weekend, given as for `is_weekend`.

    Examples
    --------
    >>> start = pd.DatetimeIndex(["2026-11-27 20:00"]).tz_localize("Europe/Moscow")
    >>> weekend_hours(start, start + pd.Timedelta(hours=6), (5, 6))
    array([2.])
    """
    return _hours_on(starts, ends, lambda days: is_weekend(days, weekend))


def _hours_on(
    starts: pd.DatetimeIndex,
    ends: pd.DatetimeIndex,
    chosen: Callable[[pd.DatetimeIndex], NDArray[np.bool_]],
) -> NDArray[np.float64]:
    """Hours of spans of up to two days that lie on chosen local days."""
    total = np.zeros(len(starts))
    first, which = np.unique(local_day(starts), return_inverse=True)
    start, end = _instants(starts), _instants(ends)
    for number in range(3):
        days = pd.DatetimeIndex(first) + number * DAY
        opens, closes = (_instants(on_clock(edge, starts.tz))[which] for edge in (days, days + DAY))
        inside = (np.minimum(end, closes) - np.maximum(start, opens)) / np.timedelta64(1, "h")
        total += np.where(chosen(days)[which], np.maximum(inside, 0.0), 0.0)
    return total


def day_norms(
    days: pd.DatetimeIndex,
    country: str,
    week_h: float,
    *,
    weekend: Collection[int] | None = None,
    eve_shorter_h: float = 0.0,
) -> NDArray[np.float64]:
    """Working hours of each day in the production calendar, shape (days,).

    Each working day has its part of the week, and fewer hours on the day before a holiday. A weekend day
    worked in exchange has the hours of the day that it replaces (TK RF 91, 95).

    Parameters
    ----------
    days : DatetimeIndex
        Local days.
    country : str
        ISO 3166, or "none".
    week_h : float
        Hours of a week.
    weekend : collection of int, optional
        Weekdays off, 0 for Monday; by default those of the country.
    eve_shorter_h : float
        Hours by which the working day before a holiday is shortened.

    Examples
    --------
    >>> day_norms(pd.date_range("2026-11-02", periods=4), "RU", 40.0, eve_shorter_h=1.0).tolist()
    [8.0, 7.0, 0.0, 8.0]

    Where the weekend is one day, the week has six working days:

    >>> day_norms(pd.date_range("2026-11-05", periods=3), "none", 48.0, weekend=(4,)).tolist()
    [8.0, 0.0, 8.0]
    """
    dates = [day.date() for day in days]
    years = {day.year for day in dates}
    calendar = public_holidays(country, tuple(sorted(years | {year + 1 for year in years})))
    rest = weekend_of(country) if weekend is None else weekend
    working = np.array([_is_worked(day, calendar, rest) for day in dates], dtype=bool)
    eve = [_is_own_holiday(_stands_for(day, calendar) + timedelta(days=1), calendar) for day in dates]
    return np.where(working, week_h / (7 - len(rest)) - eve_shorter_h * np.array(eve, dtype=float), 0.0)


def _is_worked(day: date, calendar: holidays_library.HolidayBase, weekend: Collection[int]) -> bool:
    """Tell whether a day is worked: not a holiday, and not a weekend day unless work was moved there."""
    moved = day in calendar.weekend_workdays
    return bool(moved or not (day.weekday() in weekend or day in calendar))


def _stands_for(day: date, calendar: holidays_library.HolidayBase) -> date:
    """Find the weekday whose work was moved to this Saturday; return any other day as it is."""
    moved = f"substituted from {day:%m/%d/%Y}"
    return next((free for free, name in calendar.items() if moved in name), day)
