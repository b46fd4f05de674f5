"""One alternative for the night: staffed, evaluated by the exact model, and priced per day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from planning.calendars import midnights, on_clock, time_of_day
from planning.errors import PlanningError
from planning.pay import (
    DAYS_A_YEAR,
    caller_costs,
    hour_cost,
    leavers_cost,
    overtime_pay_h,
    position_parts,
    rides_home,
    seats_cost,
)
from planning.service import exact_service, overrun_of
from planning.shifts import shapes
from planning.staffing import requirement

if TYPE_CHECKING:
    from planning.centre import Centre


@dataclass(frozen=True)
class Alternative:
    """A way to run the night: a centre, the calls that it answers, and what happens to the others.

    Attributes
    ----------
    name : str
    centre : Centre
    demand : DataFrame
        DEMAND that the centre answers itself.
    elsewhere_cost : mapping
        Cost of the calls that it does not answer, over the demand's days, by part.
    unanswered : mapping
        Calls of each queue that nobody answers within the threshold: they count against the service level.
    promised : mapping
        Calls of each queue that a partner answers at the queue's target, by contract.
    """

    name: str
    centre: Centre
    demand: pd.DataFrame
    elsewhere_cost: Mapping[str, float] = field(default_factory=dict)
    unanswered: Mapping[str, float] = field(default_factory=dict)
    promised: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Night:
    """The staff, the cost and the service of an alternative.

    Attributes
    ----------
    alternative : Alternative
    needed : DataFrame
        REQUIREMENT.
    service : DataFrame
        queue and the columns of `planning.service.exact_service`, of the queues with a service level.
    cost : Series
        Cost per day by part: ``wages_<site>``, ``premium_<site>`` (for night, holidays and weekends),
        ``overrun_<site>`` (calls finished after the end of a shift, at the overtime rate), rides (home),
        seats (desks more than a site has), abandoned (callers who give up), leavers (customers whom the
        second line does not keep), and the parts of `Alternative.elsewhere_cost`.
    seats : Series
        Desks that each site needs at its peak.
    """

    alternative: Alternative
    needed: pd.DataFrame
    service: pd.DataFrame
    cost: pd.Series
    seats: pd.Series

    @property
    def days(self) -> int:
        """Days of the demand."""
        return _days(self.needed)

    @property
    def cost_day(self) -> float:
        """All costs of a day."""
        return float(self.cost.sum())

    @cached_property
    def queues(self) -> pd.DataFrame:
        """Service by queue: target, service_level over all calls, worst_day and worst interval, meets."""
        rows = {name: self._judged(str(name), part) for name, part in self.service.groupby("queue")}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("queue")

    @property
    def meets(self) -> bool:
        """Whether every queue meets its target on every day in the exact model."""
        return bool(self.queues["meets"].all())

    def site_cost(self, site: str) -> float:
        """Pay of a site's agents per day."""
        parts = [f"{part}_{site}" for part in ("wages", "premium", "overrun")]
        return float(self.cost.reindex(parts, fill_value=0.0).sum())

    @property
    def row(self) -> dict[str, object]:
        """The night in one row of a comparison."""
        parts = {f"{part}_cost": _sum(self.cost, part) for part in PARTS}
        other = self.cost_day - sum(parts.values())
        return {
            "alternative": self.alternative.name,
            "cost_day": self.cost_day,
            "cost_year": self.cost_day * DAYS_A_YEAR,
            **parts,
            "elsewhere_cost": other,
            "worst_day": float((self.queues["worst_day"] - self.queues["target"]).min()),
            "worst_interval": float(self.service["service_level"].min()),
            "meets": self.meets,
        }

    def _judged(self, queue: str, part: pd.DataFrame) -> dict[str, object]:
        target = self.alternative.centre.queues[queue].target.service_level or 0.0
        day = midnights(pd.DatetimeIndex(part["interval_start"]))
        calls, within = part["calls"], part["calls"] * part["service_level"]
        extra = {name: getattr(self.alternative, name).get(queue, 0.0) for name in ("unanswered", "promised")}
        days = calls.groupby(day).sum()
        # Calls that the centre does not answer itself are spread over the days like its own.
        share = days / days.sum()
        good = within.groupby(day).sum() + share * extra["promised"] * target
        every = days + share * (extra["unanswered"] + extra["promised"])
        level = good / every
        return {
            "target": target,
            "service_level": float(good.sum() / every.sum()),
            "worst_day": float(level.min()),
            "worst_interval": float(part["service_level"].min()),
            "meets": bool(level.min() >= target),
        }


PARTS = ("wages", "premium", "overrun", "rides", "seats", "abandoned", "leavers")


def _sum(cost: pd.Series, part: str) -> float:
    names = pd.Index(cost.index).str.split("_").str[0]
    return float(cost[names == part].sum())


def run_night(alternative: Alternative) -> Night:
    """Staff an alternative, follow its callers in the exact model, and price it.

    Paid hours are those of the rostered heads, plus the paid rests of the shift patterns. Shifts are not
    built here (see `planning.shifts.cover`).

    Parameters
    ----------
    alternative : Alternative
        Its demand must consist of whole days, which may begin at any hour; its queues with a service level
        must be pooled. The horizon repeats: agents who go home at its end also do so at its beginning.

    Returns
    -------
    Night

    Raises
    ------
    PlanningError
        No queue has a service level, or one with a service level is not pooled.

    Examples
    --------
    >>> from planning import Centre
    >>> from planning.calendars import axis, day_start
    >>> times = axis(day_start("2026-11-23", "Europe/Moscow"), 1, 900)
    >>> flat = pd.DataFrame({"queue": "first_line", "interval_start": times, "calls": 60.0, "aht_s": 200.0})
    >>> night = run_night(Alternative("today", Centre.load(), flat))
    >>> night.meets, night.seats.to_dict()
    (True, {'kaluga': 23, 'moscow': 14})
    >>> night.cost[["wages_moscow", "premium_moscow"]].round(-3)
    wages_moscow      158000.0
    premium_moscow         0.0
    dtype: float64
    """
    centre = alternative.centre
    needed = requirement(centre, alternative.demand)
    judged = [
        name for name in needed["queue"].unique() if centre.queues[name].target.service_level is not None
    ]
    if not judged:
        raise PlanningError("demand has no queue with a service level: give one")
    service = pd.concat([_service(centre, needed, name) for name in judged], ignore_index=True)
    days = _days(needed)
    cost = {
        **position_pay(centre, needed),
        **_overruns(centre, service),
        "rides": _rides(centre, needed),
        "abandoned": _abandoned(centre, service),
        "leavers": leavers_cost(centre, needed),
        **alternative.elsewhere_cost,
    }
    seats = _seats(needed)
    per_day = pd.Series(cost, dtype=float) / days
    per_day["seats"] = seats_cost(centre, seats, 1).sum()
    return Night(alternative, needed, service, per_day, seats)


def _days(needed: pd.DataFrame) -> int:
    """Count the days of a requirement, each from the time of day at which it begins."""
    local = pd.DatetimeIndex(needed["interval_start"].dt.tz_localize(None))
    return int((local - time_of_day(local[[local.argmin()]])[0]).normalize().nunique())


def _service(centre: Centre, needed: pd.DataFrame, queue: str) -> pd.DataFrame:
    """Service of a queue in the exact model, from one closed hour to the next."""
    own = needed[needed["queue"] == queue]
    times = own["interval_start"].drop_duplicates().sort_values()
    step = pd.Timedelta(seconds=centre.interval_s)
    stretch = (times.diff() > step).cumsum()
    whole = (times.iloc[-1] + step - times.iloc[0]) % pd.Timedelta(days=1) == pd.Timedelta(0)
    if whole and not stretch.any():
        return _come_round(centre, own, queue)
    found = [
        exact_service(centre, own[own["interval_start"].isin(part)], queue)
        for _, part in times.groupby(stretch)
    ]
    return pd.concat(found, ignore_index=True).assign(queue=queue)


def _come_round(centre: Centre, own: pd.DataFrame, queue: str) -> pd.DataFrame:
    """Service of a queue that never closes: its first interval follows the last again, for the leavers."""
    times = own["interval_start"]
    first = own[times == times.min()]
    after = first.assign(interval_start=times.max() + pd.Timedelta(seconds=centre.interval_s))
    found = exact_service(centre, pd.concat([own, after], ignore_index=True), queue)
    last = found.iloc[-1]
    found = found.iloc[:-1].assign(queue=queue)
    found.loc[0, ["leaving", "overrun_s"]] = last[["leaving", "overrun_s"]]
    return found


def position_pay(centre: Centre, needed: pd.DataFrame) -> dict[str, float]:
    """Wages of each site and the premiums on top, over the requirement's days."""
    factor = {site: paid_per_position(centre.at(site)) for site in centre.sites}
    paid = (needed["rostered"] * needed["site"].map(factor)).to_numpy()
    parts = position_parts(centre, needed).mul(paid, axis=0).groupby(needed["site"]).sum()
    found: dict[str, float] = {}
    for site, pay in parts.reindex(list(centre.sites), fill_value=0.0).iterrows():
        found |= {f"wages_{site}": pay["base_cost"], f"premium_{site}": pay.drop("base_cost").sum()}
    return found


def paid_per_position(centre: Centre) -> float:
    """Paid hours per hour on position under the centre's law: paid rests are work away from the desk."""
    kinds = shapes(centre)
    paid_s = sum(kind.paid_s for kind in kinds)
    rests_s = sum(slot.length_s for kind in kinds for slot in kind.slots if slot.paid)
    return paid_s / (paid_s - rests_s)


def _overruns(centre: Centre, service: pd.DataFrame) -> dict[str, float]:
    """Pay for calls that are finished after the end of a shift, by site, over all days."""
    found = dict.fromkeys((f"overrun_{site}" for site in centre.sites), 0.0)
    for queue, rows in service.groupby("queue"):
        for site in centre.sites:
            team = centre.team_for(str(queue), site)
            if team is None or f"agents_{site}" not in rows:
                continue
            hours = float(overrun_of(rows, site).sum()) / 3600
            factor = 1 + float(overtime_pay_h(centre.at(site), 1.0))  # no call takes hours
            found[f"overrun_{site}"] += hours * hour_cost(centre, team) * factor
    return found


def _rides(centre: Centre, needed: pd.DataFrame) -> float:
    """Rides home of the heads of each queue who leave when fewer are needed."""
    heads = needed.pivot_table(
        index="interval_start", columns=["site", "queue"], values="rostered", aggfunc="sum", fill_value=0
    )
    # To the end of the last day, even if nobody is there then; the first day follows.
    first, days = heads.index.min(), pd.Timedelta(days=_days(needed))
    end = on_clock(first.tz_localize(None) + days, first.tz)
    times = pd.date_range(first, end, freq=f"{centre.interval_s}s", inclusive="left")
    heads = heads.reindex(times, fill_value=0)
    gone = np.maximum(np.roll(heads, 1, axis=0) - heads, 0)
    return float(sum(rides_home(centre, site, times) @ gone[(site, queue)] for site, queue in heads.columns))


def _abandoned(centre: Centre, service: pd.DataFrame) -> float:
    """Cost of callers who give up, over all days."""
    price = service["queue"].map(caller_costs(centre)["gives_up"])
    return float((service["calls"] * service["abandonment"] * price).sum())


def _seats(needed: pd.DataFrame) -> pd.Series:
    """Desks that each site needs at its peak: one for everybody rostered."""
    return needed.groupby(["site", "interval_start"])["rostered"].sum().groupby("site").max()
