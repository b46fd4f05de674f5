"""Every price: of an hour, a shift, a ride home, a desk and a lost customer.

All prices come from here, so that a shift costs the same when it is chosen, rostered, changed or compared.
Premiums add up: an hour in a holiday night earns both.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from planning.calendars import hours_within, local_day, local_times, on_clock, time_of_day, weekend_hours
from planning.checks import Floats
from planning.systems.careers import cost_of_careers
from planning.systems.second_line import customers_kept, leavers
from planning.tables import CAREERS_COSTS, COST, PAY_COSTS, TEAM_COSTS

if TYPE_CHECKING:
    from planning.centre import Centre

DAYS_A_YEAR = 365
DAY, HOUR = pd.Timedelta(days=1), pd.Timedelta(hours=1)


# --- hours --------------------------------------------------------------------------------------------------


def hour_cost(centre: Centre, team: str) -> float:
    """Cost of a paid hour of a team without premiums, including contributions.

    Examples
    --------
    >>> from planning import Centre
    >>> round(hour_cost(Centre.load(), "first_line_moscow"), 2)
    711.98
    """
    pay = centre.at(centre.teams[team].site).pay
    return centre.teams[team].wage_month / pay.norm_h_month * (1 + pay.contributions)


def unit_hour(centre: Centre) -> float:
    """Cost of an hour of the lowest wage, to one figure: in it prices are counted that nobody is paid.

    So the price of an uneven share of nights follows the wages, in any currency.

    Examples
    --------
    >>> from planning import Centre
    >>> unit_hour(Centre.load())
    500.0
    """
    return float(f"{min(hour_cost(centre, team) for team in centre.teams):.0e}")


def premium_hours(
    centre: Centre, site: str | pd.Series, starts: pd.DatetimeIndex, ends: pd.DatetimeIndex
) -> pd.DataFrame:
    """Hours of spans that earn a premium: night_h, holiday_h and weekend_h.

    All of them follow the site's own clock, the law of its country and its own weekend.

    Parameters
    ----------
    centre : Centre
    site : str or Series
        Site of all spans, or of each.
    starts, ends : DatetimeIndex
        At most a few days apart.

    Examples
    --------
    >>> from planning import Centre
    >>> start = pd.DatetimeIndex(["2026-11-27 20:00"]).tz_localize("Europe/Moscow")
    >>> premium_hours(Centre.load(), "kaluga", start, start + pd.Timedelta(hours=6)).iloc[0].tolist()
    [4.0, 0.0, 2.0]
    """
    if isinstance(site, str):
        return pd.DataFrame(_premium_hours_at(centre, site, starts, ends))
    codes, names = pd.factorize(site)
    made = pd.DataFrame(0.0, index=range(len(starts)), columns=["night_h", "holiday_h", "weekend_h"])
    for number, name in enumerate(names):
        here = codes == number
        for kind, hours in _premium_hours_at(centre, str(name), starts[here], ends[here]).items():
            made.loc[here, kind] = hours
    return made


def _premium_hours_at(
    centre: Centre, site: str, starts: pd.DatetimeIndex, ends: pd.DatetimeIndex
) -> dict[str, Floats]:
    here, zone = centre.at(site), centre.zones.get(site, centre.time_zone)
    starts, ends = starts.tz_convert(zone), ends.tz_convert(zone)
    return {
        "night_h": hours_within(starts, ends, here.labour.night_from, here.labour.night_until),
        "holiday_h": here.holiday_hours(starts, ends),
        "weekend_h": weekend_hours(starts, ends, centre.weekend(site)),
    }


def premium_pay_h(centre: Centre, hours: pd.DataFrame) -> Floats:
    """Hours of pay that premiums add for the hours in `premium_hours`, under the centre's law.

    `Centre.at` gives the centre under a site's law.

    Examples
    --------
    >>> from planning import Centre
    >>> hours = pd.DataFrame({"night_h": [4.0], "holiday_h": [0.0], "weekend_h": [0.0]})
    >>> premium_pay_h(Centre.load(), hours)
    array([0.8])
    """
    parts = [share * hours[f"{kind}_h"] for kind, share in _premiums(centre).items()]
    return np.asarray(sum(parts), dtype=np.float64)


def _premiums(centre: Centre) -> dict[str, float]:
    """Addition to the hourly rate by kind of hour, as a share of the rate."""
    return {
        "night": centre.labour.night_premium.value,
        "holiday": centre.labour.holiday_premium.value,
        "weekend": centre.pay.weekend_premium,
    }


def overtime_pay_h(centre: Centre, overtime_h: ArrayLike) -> Floats:
    """Hours of pay that the overtime in a shift adds to its own hours, under the centre's law.

    Examples
    --------
    >>> from planning import Centre
    >>> overtime_pay_h(Centre.load(), [1.0, 4.0])
    array([0.5, 3. ])
    """
    labour, hours = centre.labour, np.asarray(overtime_h, dtype=np.float64)
    first = np.minimum(hours, labour.overtime_first_h.value)
    return labour.overtime_premium.value * first + labour.overtime_later_premium.value * (hours - first)


# --- shifts and positions -----------------------------------------------------------------------------------


def shift_premium_hours(
    centre: Centre, shifts: pd.DataFrame, unpaid: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Paid hours of each shift that earn a premium.

    They are the hours of the shift without its unpaid breaks. If breaks are not planned yet, as in a shift
    that somebody is asked to take, paid hours are spread evenly over the whole presence.

    Parameters
    ----------
    centre : Centre
    shifts : DataFrame
        site, start, end, paid_h; each row has a label of its own.
    unpaid : DataFrame, optional
        start and end of the unpaid breaks; the label of each is that of its shift.

    Returns
    -------
    DataFrame
        night_h, holiday_h and weekend_h, labelled as the shifts.
    """
    hours = _hours_by_label(centre, shifts, shifts["site"])
    if unpaid is not None and len(unpaid):
        lost = _hours_by_label(centre, unpaid, shifts["site"].loc[unpaid.index])
        hours = hours.sub(lost.groupby(level=0).sum(), fill_value=0.0)
    return hours.drop(columns="worked_h").mul(shifts["paid_h"] / hours["worked_h"], axis=0)


def hours_by_day(centre: Centre, roster: pd.DataFrame, unpaid: pd.DataFrame) -> pd.DataFrame:
    """Paid hours of each person on each calendar day, split at midnight on the clock of the site.

    Parameters
    ----------
    centre : Centre
    roster : DataFrame
        ROSTER.
    unpaid : DataFrame
        BREAKS that are not paid.

    Returns
    -------
    DataFrame
        Index agent_id and day; paid_h, and night_h and holiday_h of them.

    Examples
    --------
    >>> from planning import Centre
    >>> start = pd.Timestamp("2026-11-03 21:00+03:00")
    >>> night = {"agent_id": "ann", "site": "kaluga", "shift_id": "n", "paid_h": 9.0,
    ...          "start": start, "end": start + pd.Timedelta("9h")}
    >>> none = pd.DataFrame(columns=["agent_id", "shift_id", "start", "end"])
    >>> hours_by_day(Centre.load(), pd.DataFrame([night]), none).values.tolist()
    [[3.0, 2.0, 0.0], [6.0, 6.0, 6.0]]
    """
    rows = roster.reset_index(drop=True)
    keys = ["agent_id", "shift_id"]
    pauses = unpaid[[*keys, "start", "end"]].merge(rows[[*keys, "site"]].reset_index(), on=keys)
    spans = [rows.reset_index()[["index", "agent_id", "site", "start", "end"]].assign(sign=1.0)]
    if len(pauses):
        spans.append(pauses[["index", "agent_id", "site", "start", "end"]].assign(sign=-1.0))
    parts = [
        _by_day(own, centre.zones[str(site)])
        for site, own in pd.concat(spans, ignore_index=True).groupby("site")
    ]
    found = pd.concat(parts, ignore_index=True)
    edges = [pd.DatetimeIndex(pd.to_datetime(found[edge], utc=True)) for edge in ("start", "end")]
    hours = premium_hours(centre, found["site"], *edges).assign(paid_h=(edges[1] - edges[0]) / HOUR)
    hours = hours[["paid_h", "night_h", "holiday_h"]].mul(found["sign"], axis=0)
    # Where the breaks of a shift are not known, its paid hours are spread evenly over its presence.
    there = hours["paid_h"].groupby(found["index"]).transform("sum")
    paid = found["index"].map(rows["paid_h"])
    return hours.mul(paid / there, axis=0).groupby([found["agent_id"], found["day"]]).sum()


def _by_day(spans: pd.DataFrame, zone: str) -> pd.DataFrame:
    """Split spans at the midnights of a zone, with the day of each part."""
    found = []
    left = spans.assign(**{edge: spans[edge].dt.tz_convert(zone) for edge in ("start", "end")})
    while len(left):
        days = local_day(pd.DatetimeIndex(left["start"]))
        after = pd.Series(on_clock(days + DAY, zone), index=left.index)
        found.append(left.assign(day=days, end=left["end"].where(left["end"] < after, after)))
        left = left.assign(start=after)[left["end"] > after]
    return pd.concat(found)


def _hours_by_label(centre: Centre, spans: pd.DataFrame, site: pd.Series) -> pd.DataFrame:
    starts, ends = (pd.DatetimeIndex(spans[edge]) for edge in ("start", "end"))
    hours = premium_hours(centre, site, starts, ends).set_index(spans.index)
    return hours.assign(worked_h=(ends - starts) / HOUR)


def pay_parts(
    centre: Centre, teams: Iterable[str | None], paid_h: ArrayLike, hours: pd.DataFrame
) -> pd.DataFrame:
    """Pay of paid hours by part.

    Parameters
    ----------
    centre : Centre
    teams : iterable of str or None
        The teams that work; None costs nothing.
    paid_h : array_like
        Paid hours.
    hours : DataFrame
        Those that earn a premium, as `premium_hours` counts them.

    Returns
    -------
    DataFrame
        base_cost, night_cost, holiday_cost and weekend_cost, labelled as `hours`.
    """
    codes, names = pd.factorize(np.array(list(teams), dtype=object))  # None has the code -1
    rate = np.array([*(hour_cost(centre, name) for name in names), 0.0])[codes]
    shares = pd.DataFrame(
        [_premiums(centre.at(centre.teams[name].site)) for name in names] + [_premiums(centre)]
    )
    parts = {"base_cost": rate * np.asarray(paid_h, dtype=np.float64)}
    parts |= {
        f"{kind}_cost": rate * share.to_numpy()[codes] * hours[f"{kind}_h"].to_numpy()
        for kind, share in shares.items()
    }
    return pd.DataFrame(parts, index=hours.index)[PAY_COSTS]


def position_parts(centre: Centre, needed: pd.DataFrame) -> pd.DataFrame:
    """Pay of one head on position in each row of a requirement, by part; 0 if the site has no team.

    Parameters
    ----------
    centre : Centre
    needed : DataFrame
        queue, site, interval_start.
    """
    starts = pd.DatetimeIndex(needed["interval_start"])
    hours = premium_hours(centre, needed["site"], starts, starts + pd.Timedelta(seconds=centre.interval_s))
    codes, keys = pd.MultiIndex.from_frame(needed[["queue", "site"]]).factorize()
    teams = np.array([centre.team_for(*key) for key in keys], dtype=object)[codes]
    return pay_parts(centre, teams, centre.interval_s / 3600, hours).set_index(needed.index)


def agents_cost(centre: Centre, needed: pd.DataFrame) -> float:
    """Price the agents on position of a requirement.

    Breaks and absence are not included: this compares requirements, not plans.
    """
    return float(needed["agents"].to_numpy() @ position_parts(centre, needed).sum(axis=1).to_numpy())


# --- beyond the hours ---------------------------------------------------------------------------------------


def rides_home(centre: Centre, site: str | pd.Series, ends: pd.DatetimeIndex) -> Floats:
    """Cost of each ride home at these times: paid when there is no public transport, on the site's clock."""
    pay = centre.pay
    zones = [centre.zones[name] for name in ([site] * len(ends) if isinstance(site, str) else site)]
    clock = time_of_day(local_times(ends, zones))
    after, before = clock >= pay.taxi_from, clock <= pay.taxi_until
    late = after & before if pay.taxi_from <= pay.taxi_until else after | before
    return np.where(late, pay.taxi_cost, 0.0)


def desks_at_peak(
    centre: Centre, roster: pd.DataFrame, breaks: pd.DataFrame, times: pd.DatetimeIndex
) -> pd.Series:
    """Heads of each team at a desk at the moment when its site uses the most desks.

    An agent on a break leaves the desk to others, and a duty has its own room.

    Parameters
    ----------
    centre : Centre
    roster, breaks : DataFrame
        ROSTER, BREAKS.
    times : DatetimeIndex
        Intervals of the horizon; a shift that runs over its end is also present at its beginning.

    Returns
    -------
    Series
        Index site, team.
    """
    duty = [name for name, team in centre.teams.items() if not team.queues]
    heads = roster[~roster["team"].isin(duty)]
    keys = ["agent_id", "shift_id"]
    away = breaks[[*keys, "start", "end"]].merge(heads[[*keys, "site", "team"]], on=keys)
    spans = pd.concat([heads.assign(step=1), away.assign(step=-1)], ignore_index=True)
    length = len(times) * pd.Timedelta(seconds=centre.interval_s)
    over = spans[spans["end"] > times[0] + length]
    spans = pd.concat([spans, over.assign(start=over["start"] - length, end=over["end"] - length)])
    edges = [
        spans[["site", "team"]].assign(at=spans[edge], step=sign * spans["step"])
        for edge, sign in (("start", 1), ("end", -1))
    ]
    steps = pd.concat(edges).groupby(["site", "at", "team"])["step"].sum().unstack("team", fill_value=0)
    present = {site: own.cumsum() for site, own in steps.groupby(level="site")}
    peaks = {site: own.loc[own.sum(axis=1).idxmax()] for site, own in present.items()}
    found = {(site, team): heads for site, own in peaks.items() for team, heads in own.items() if heads}
    return pd.Series(found, dtype="float64", index=pd.MultiIndex.from_tuples(found, names=["site", "team"]))


def seats_cost(centre: Centre, heads: pd.Series, days: float) -> pd.Series:
    """Rent and equipment of the desks that a site lacks, for some days, shared among its teams.

    Parameters
    ----------
    centre : Centre
    heads : Series
        Heads at a desk at the peak; one index level is the site.
    days : float

    Returns
    -------
    Series
        Indexed as `heads`.

    Examples
    --------
    >>> from planning import Centre
    >>> most = pd.Series({"moscow": 143.0, "kaluga": 90.0}).rename_axis("site")
    >>> seats_cost(Centre.load(), most, 365).round(2).to_dict()
    {'moscow': 540000.0, 'kaluga': 0.0}
    """
    total = heads.groupby(level="site").transform("sum")
    has = total.index.get_level_values("site").map(
        {name: inf if site.seats is None else float(site.seats) for name, site in centre.sites.items()}
    )
    share = (1 - has.to_numpy(dtype=np.float64) / total).clip(lower=0.0)
    return heads * share * seat_cost_day(centre) * days


def seat_cost_day(centre: Centre) -> float:
    """Rent and equipment of a desk for a day."""
    return centre.pay.seat_cost_month * 12 / DAYS_A_YEAR


# --- customers ----------------------------------------------------------------------------------------------


def caller_costs(centre: Centre) -> pd.DataFrame:
    """Cost of a caller who is not served, by queue.

    Customers who want to leave are priced at their value, all others at the queue's ``abandoned_cost``.

    Returns
    -------
    DataFrame
        Index queue: gives_up (a caller who hangs up; `leavers_cost` prices those who wanted to leave), and
        unanswered (a caller whom nobody could have answered).

    Examples
    --------
    >>> from planning import Centre
    >>> caller_costs(Centre.load()).loc["second_line"].round(2).to_dict()
    {'gives_up': 266.67, 'unanswered': 1066.67}
    """
    price = pd.Series({name: queue.abandoned_cost for name, queue in centre.queues.items()})
    table, second = pd.DataFrame({"gives_up": price, "unanswered": price}), centre.systems.second_line
    if second is not None:
        share = leavers(centre)
        table.loc[second.queue] *= 1 - share
        table.loc[second.queue, "unanswered"] += share * second.worth
    return table.rename_axis("queue")


def leavers_cost(centre: Centre, needed: pd.DataFrame) -> float:
    """Value of the customers who leave because the second line of a requirement does not keep them.

    Parameters
    ----------
    centre : Centre
    needed : DataFrame
        REQUIREMENT. The value is 0 if it lacks the second line or the centre does not describe one.
    """
    second = centre.systems.second_line
    own = needed[needed["queue"] == second.queue] if second is not None else needed[:0]
    if second is None or own.empty:
        return 0.0
    return (leavers(centre) * float(own["calls"].sum()) - customers_kept(centre, own)) * second.worth


# --- a whole roster -----------------------------------------------------------------------------------------


def cost_of(
    centre: Centre,
    roster: pd.DataFrame,
    breaks: pd.DataFrame,
    times: pd.DatetimeIndex,
    owed_h: pd.Series | None = None,
) -> pd.DataFrame:
    """Price a roster by team.

    Contract hours that no shift fills are paid at the plain rate. With them the pay is the payroll of the
    days: what the people on staff earn in them, whether they work or not.

    Parameters
    ----------
    centre : Centre
    roster, breaks : DataFrame
        ROSTER, BREAKS.
    times : DatetimeIndex
        Intervals of the horizon, a week that stands for one of a run of like weeks.
    owed_h : Series, optional
        Index team: hours that its people owe in the horizon (`planning.roster.staff.hours_owed`). By
        default nobody is paid for more than the shifts.

    Returns
    -------
    DataFrame
        COST, also of a team that has people and no shift.
    """
    rows, keys = roster.reset_index(drop=True), ["agent_id", "shift_id"]
    unpaid = breaks[~breaks["paid"].astype(bool)]
    unpaid = unpaid.merge(rows[keys].reset_index(), on=keys).set_index("index")[["start", "end"]]
    hours = shift_premium_hours(centre, rows, unpaid)
    priced = rows.join(pay_parts(centre, rows["team"], rows["paid_h"], hours))
    end = times[0] + len(times) * pd.Timedelta(seconds=centre.interval_s)
    # An agent whose shift ends with the horizon and who begins with it works on: the horizon repeats.
    stays = (rows["end"] == end) & rows["agent_id"].isin(rows.loc[rows["start"] == times[0], "agent_id"])
    priced["rides_cost"] = rides_home(centre, rows["site"], pd.DatetimeIndex(rows["end"])) * ~stays
    sums = ["paid_h", "night_h", *PAY_COSTS, "rides_cost"]
    # An empty roster has no rows from which to infer the types.
    typed = priced.astype(dict.fromkeys(sums, "float64"))
    table = typed.groupby("team", sort=False)[sums].sum()
    owed = pd.Series(dtype="float64") if owed_h is None else owed_h[owed_h > 0]
    table = table.reindex(table.index.union(owed.index, sort=False), fill_value=0.0)
    table["site"] = [centre.teams[str(team)].site for team in table.index]
    table["owed_h"] = owed.reindex(table.index, fill_value=0.0)
    table["idle_h"] = (table["owed_h"] - table["paid_h"]).clip(lower=0.0)
    table["idle_cost"] = table["idle_h"] * [hour_cost(centre, str(team)) for team in table.index]
    days = len(local_day(times).unique())
    seats = seats_cost(centre, desks_at_peak(centre, rows, breaks, times), days)
    table["seats_cost"] = seats.droplevel("site").reindex(table.index, fill_value=0.0)
    table[CAREERS_COSTS] = 0.0
    if centre.systems.careers is not None:
        # People leave and are led whether they work or not.
        paid_h = table["paid_h"] + table["idle_h"]
        table[CAREERS_COSTS] = cost_of_careers(centre, centre.systems.careers, paid_h)
    table["total_cost"] = table[[*TEAM_COSTS, *CAREERS_COSTS]].sum(axis=1)
    return table.rename_axis("team").reset_index()[list(COST.columns)]
