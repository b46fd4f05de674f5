"""Small centres, demands and people, so that a test states only what matters to it."""

import functools
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pandas as pd

from planning.calendars import axis, time_of_day
from planning.centre import Centre
from planning.plan import Plan, plan

MONDAY = pd.Timestamp("2026-11-23", tz="Europe/Moscow")

LABOUR = {
    "night_from": "22:00",
    "night_until": "06:00",
    **{
        name: {"value": value, "article": "test"}
        for name, value in {
            "night_premium": 0.2,
            "holiday_premium": 1.0,
            "overtime_premium": 0.5,
            "week_h": 40,
            "min_rest_h": 12,
            "weekly_rest_h": 42,
            "max_shift_h": 12,
            "min_meal_min": 30,
            "max_meal_min": 120,
            "max_days_in_row": 6,
            "night_consent": 1,
            "rest_twice_shift": 0,
            "max_nights_in_row": 4,
            "min_days_off": 1,
            "free_weekends": 1,
            "overtime_two_days_h": 4,
            "overtime_year_h": 120,
            "publish_days": 30,
        }.items()
    },
    "kinds": {"early": "04:00", "middle": "10:00", "late": "13:00"},
    "forbidden_successions": [],
}
PRICES = {
    "outsource_cost_call": 100.0,
    "call_back_accepted": 0.6,
    "call_back_calls": 1.4,
    "standby_share": 0.25,
    "failures_year": 4.0,
    "third_site": {
        "name": "east",
        "opens": "01:00",
        "closes": "15:00",
        "time_zone": "Asia/Vladivostok",
        "wage": 0.8,
    },
}
SHIFTS = {
    "start_every_min": 60,
    "lengths_h": {"day": 8.5},
    "meal_min": {"day": 30},
    "rest_min": 15,
    "work_between_rests_h": 2.0,
    "quiet_from": "00:30",
    "quiet_until": "05:30",
}


def raw_centre(
    sites: Mapping[str, tuple[str, str]] | None = None, queues: Sequence[str] = ("calls",)
) -> dict[str, Any]:
    """A centre as TOML: a team per queue and site, equal shares; closed sites overflow to the last one."""
    sites = sites or {"north": ("00:00", "24:00")}
    last = list(sites)[-1]
    return {
        "schema_version": 1,
        "name": "test",
        "time_zone": "Europe/Moscow",
        "interval_s": 900,
        "country": "RU",
        "sites": {name: {"opens": opens, "closes": closes} for name, (opens, closes) in sites.items()},
        "queues": {
            name: {
                "sites": dict.fromkeys(sites, 1 / len(sites)),
                "patience_s": 300.0,
                "target": {"service_level": 0.8, "threshold_s": 20.0},
            }
            for name in queues
        },
        "teams": {
            f"{queue}_{site}": {"site": site, "queues": [queue], "wage_month": 80_000.0}
            for queue in queues
            for site in sites
        },
        "overflow": [{"from_site": site, "to_site": last} for site in sites if site != last],
        "labour": LABOUR,
        "shifts": SHIFTS,
        "pay": {
            "norm_h_month": 160.0,
            "contributions": 0.25,
            "unmet_cost_h": 40_000.0,
            "taxi_cost": 500.0,
            "seat_cost_month": 10_000.0,
        },
    }


def one_site(changes: Mapping[str, Any] | None = None, queues: Sequence[str] = ("calls",)) -> Centre:
    """North, day and night."""
    return Centre.of(raw_centre(queues=queues)).replace(changes or {})


def two_sites(changes: Mapping[str, Any] | None = None, queues: Sequence[str] = ("calls",)) -> Centre:
    """South from 08:00 to 22:00, and North day and night."""
    sites = {"south": ("08:00", "22:00"), "north": ("00:00", "24:00")}
    return Centre.of(raw_centre(sites, queues)).replace(changes or {})


def raw_day_site() -> dict[str, Any]:
    """Berlin from 08:00 to 20:00, as TOML gives it: one site that is closed at night."""
    raw = raw_centre({"berlin": ("08:00", "20:00")})
    raw["queues"]["calls"] |= {"opens": "08:00", "closes": "20:00"}
    return raw


def day_site(changes: Mapping[str, Any] | None = None) -> Centre:
    """Berlin from 08:00 to 20:00."""
    return Centre.of(raw_day_site()).replace(changes or {})


def three_sites(changes: Mapping[str, Any] | None = None) -> Centre:
    """Tokyo, Berlin and Lima, one after the other; Lima's own clock is eight hours behind."""
    sites = {"tokyo": ("00:00", "18:00"), "berlin": ("08:00", "22:00"), "lima": ("00:00", "24:00")}
    return Centre.of(raw_centre(sites)).replace(
        {"sites.lima.time_zone": "America/Lima"} | dict(changes or {})
    )


def toml(value: Mapping[str, Any]) -> str:
    """Write a nested mapping as TOML, with inline tables below the top level."""
    return "".join(f"{key} = {_inline(part)}\n" for key, part in value.items())


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_inline(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)


def demand_of(
    calls: float = 20.0,
    aht_s: float = 240.0,
    *,
    queue: str = "calls",
    start: pd.Timestamp = MONDAY,
    days: int = 1,
    hours: tuple[float, float] = (0, 24),
) -> pd.DataFrame:
    """DEMAND with the same calls in every interval from one hour of the day to another."""
    times = axis(start, days, 900)
    clock = (times.hour + times.minute / 60).to_numpy()
    times = times[(clock >= hours[0]) & (clock < hours[1])]
    return pd.DataFrame({"queue": queue, "interval_start": times, "calls": calls, "aht_s": aht_s})


def requirement_of(
    rostered: Mapping[str, int] | int, *, queue: str = "calls", site: str = "north", days: int = 1
) -> pd.DataFrame:
    """REQUIREMENT of like days: heads in each interval from the times of day on that are named."""
    times = axis(MONDAY, days, 900)
    heads = pd.Series(0, index=times)
    for clock, number in (rostered if isinstance(rostered, Mapping) else {"00:00": rostered}).items():
        heads[time_of_day(times) >= pd.Timedelta(f"{clock}:00")] = number
    return pd.DataFrame(
        {
            "queue": queue,
            "site": site,
            "interval_start": times,
            "calls": 0.0,
            "aht_s": 0.0,
            "load_erlangs": 0.0,
            "agents": heads.to_numpy(),
            "rostered": heads.to_numpy(),
            "service_level": 1.0,
        }
    )


def people_of(centre: Centre, each: int, *, night_ok: bool = True) -> pd.DataFrame:
    """PEOPLE: `each` full-time members of every team."""
    rows = [
        (f"{team}_{number:02d}", settings.site, team, settings.grade, 40.0, night_ok, None, None)
        for team, settings in centre.teams.items()
        for number in range(1, each + 1)
    ]
    columns = [
        "agent_id",
        "site",
        "team",
        "grade",
        "contract_h_week",
        "night_ok",
        "leave_from",
        "leave_until",
    ]
    return pd.DataFrame(rows, columns=columns)


def roster_of(*rows: tuple[str, str, str], team: str = "calls_north", site: str = "north") -> pd.DataFrame:
    """ROSTER of (agent, start, end) on the centre's clock, without meals."""
    table = pd.DataFrame(rows, columns=["agent_id", "start", "end"])
    for edge in ("start", "end"):
        table[edge] = pd.to_datetime(table[edge]).dt.tz_localize("Europe/Moscow")
    hours = (table["end"] - table["start"]) / pd.Timedelta(hours=1)
    return table.assign(site=site, team=team, shift_id="s", paid_h=hours, night_h=0.0)


def rostered(roster: pd.DataFrame, breaks: pd.DataFrame | None = None) -> Any:
    """What the simulation reads of a plan: a roster, and breaks if there are any."""
    none = pd.DataFrame(
        {"agent_id": [], "shift_id": [], "start": roster["start"][:0], "end": roster["end"][:0]}
    )
    return SimpleNamespace(roster=SimpleNamespace(roster=roster), breaks=none if breaks is None else breaks)


@functools.cache
def small_plan() -> Plan:
    """A plan of one Monday at one site, made once for all tests that read it."""
    centre = one_site({"teams.calls_north.shrinkage": 0.1})
    return plan(centre, demand_of(6.0), people_of(centre, 24), replications=4)
