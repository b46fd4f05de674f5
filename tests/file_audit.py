"""A second opinion on a plan, from its written files and the centre's settings alone.

It walks minute by minute through ``roster.csv`` and ``breaks.csv``. It knows no solver, and shares no code
with `planning.roster` and `planning.pay`: what people owe, what they may work and what it costs is worked out
anew.
"""

import csv
import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import holidays

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


class FileAudit:
    """A plan's folder, read row by row."""

    def __init__(self, folder, centre, people=None):
        self.centre, self.zone = centre, ZoneInfo(centre.time_zone)
        self.roster, self.breaks, self.shifts, self.staff, needed = (
            rows(folder / f"{name}.csv") for name in ("roster", "breaks", "shifts", "staff", "requirement")
        )
        self.people = {row["agent_id"]: row for row in (self.staff if people is None else rows(people))}
        self.cost = {row["team"]: row for row in rows(folder / "cost.csv")}
        self.summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        days = {time(row["interval_start"]).astimezone(self.zone).date() for row in needed}
        self.days = [min(days) + n * DAY for n in range((max(days) - min(days)).days + 1)]
        self.first = datetime.combine(self.days[0], datetime.min.time(), self.zone)
        self.length = datetime.combine(self.days[-1] + DAY, datetime.min.time(), self.zone) - self.first
        self.pauses = defaultdict(dict)
        for row in self.breaks:
            for at in minutes(row):
                self.pauses[row["agent_id"], row["shift_id"]][at] = row["paid"] == "True"

    def zone_of(self, site):
        return ZoneInfo(self.centre.sites[site].time_zone or self.centre.time_zone)

    def hour_cost(self, team):
        settings = self.centre.teams[team]
        pay = self.centre.at(settings.site).pay
        return settings.wage_month / pay.norm_h_month * (1 + pay.contributions)

    # --- the law ---------------------------------------------------------------------------------------

    def faults(self):
        """What is wrong with the roster, in words."""
        shifts, filled, of_agent = {row["shift_id"]: row for row in self.shifts}, Counter(), defaultdict(list)
        for row in self.roster:
            person, shift, site = self.people[row["agent_id"]], shifts[row["shift_id"]], row["site"]
            labour = self.centre.at(site).labour
            filled[row["shift_id"]] += 1
            of_agent[row["agent_id"]].append(row)
            if any(row[name] != shift[name] for name in ("site", "team", "start", "end", "paid_h")):
                yield f"{row} is not the shift {shift}"
            if (person["site"], person["team"]) != (site, row["team"]):
                yield f"{row['agent_id']} works for {row['team']}, not for {person['team']}"
            night_h, paid_h = float(row["night_h"]), float(row["paid_h"])
            if paid_h > labour.max_shift_h.value:
                yield f"{row} is longer than a shift may be"
            if night_h and labour.night_consent.value and person.get("night_ok") in ("no", "False"):
                yield f"{row['agent_id']} has not agreed to {night_h} night hours"
            hours = self.centre.sites[site]
            if hours.closes - hours.opens < DAY:
                opens = datetime.combine(
                    time(row["start"]).astimezone(self.zone).date(), datetime.min.time(), self.zone
                )
                if time(row["start"]) < opens + hours.opens or time(row["end"]) > opens + hours.closes:
                    yield f"{row} is outside the hours of {site}"
            yield from self._away(row, person)
        for shift_id, count in filled.items():
            if count > int(shifts[shift_id]["headcount"]):
                yield f"{shift_id} has {count} people, more than it needs"
        for agent, own in of_agent.items():
            yield from self._rests(agent, own)

    def _away(self, row, person):
        for first, after in leaves(person):
            if time(row["start"]) < after and time(row["end"]) > first:
                yield f"{row['agent_id']} works on leave"
        day = time(row["start"]).astimezone(self.zone).date()
        if f"{day}" in (person.get("blocked") or "").split():
            yield f"{row['agent_id']} works on a blocked day"

    def _rests(self, agent, own):
        labour = self.centre.at(own[0]["site"]).labour
        spans = sorted((time(row["start"]), time(row["end"])) for row in own)
        last, _ = self._carry_over(self.people[agent])
        ends = [last or spans[0][0] - 365 * DAY, *(end for _, end in spans)]
        for before, (begins, _) in zip(ends, spans, strict=False):
            if begins - before < timedelta(hours=labour.min_rest_h.value):
                yield f"{agent} rests {begins - before} before {begins}"

    def _carry_over(self, person):
        """End of the last shift before, and balance; neither if that shift was on leave or is too late."""
        last = time(person["last_end"]) if person.get("last_end") else None
        if last and (
            last > self.first + DAY or any(first < last <= after for first, after in leaves(person))
        ):
            return None, 0.0
        return last, float(person.get("balance_h") or 0.0)

    # --- hours -----------------------------------------------------------------------------------------

    def owed_h(self):
        """Hours that each person owes in the days of the plan."""
        return {agent: self._owed_h(person) for agent, person in self.people.items()}

    def _owed_h(self, person):
        site = person["site"]
        law, rest = self.centre.at(site), self.centre.weekend(site)
        calendar = {} if law.country == "none" else holidays.country_holidays(law.country)
        first = self.days[0] - ((self.days[0].weekday() - max(rest) - 1) % 7) * DAY
        week, asked, left = [first + n * DAY for n in range(7)], 0.0, 0.0
        week_h = law.labour.week_h.value
        for day in week:
            norm = 0.0 if day.weekday() in rest or day in calendar else week_h / (7 - len(rest))
            asked += norm * self._present(person, day)
            left += norm * (day not in self.days)
        contract = float(person.get("contract_h_week") or week_h)
        _, balance = self._carry_over(person)
        part = len(self.days) / 7 if left else 1.0
        return max(part * (asked * min(contract / week_h, 1.0) - balance), 0.0)

    def _present(self, person, day):
        opens = datetime.combine(day, datetime.min.time(), self.zone)
        away = 0.0
        for first, after in leaves(person):
            away = max(away, (min(after, opens + DAY) - max(first, opens)) / DAY)
        return 1.0 - away

    def worked_h(self):
        """Paid hours of each person: presence without unpaid breaks."""
        found = Counter()
        for row in self.roster:
            found[row["agent_id"]] += sum(1 for _ in self._paid(row)) / 60
        return found

    def _paid(self, row):
        """Minutes of a shift that are paid."""
        pauses = self.pauses[row["agent_id"], row["shift_id"]]
        return (at for at in minutes(row) if pauses.get(at, True))

    # --- money -----------------------------------------------------------------------------------------

    def costs(self):
        """Cost by team and part, without careers."""
        sums = defaultdict(Counter)
        begins = {row["agent_id"] for row in self.roster if time(row["start"]) == self.first}
        for row in self.roster:
            team, site = row["team"], row["site"]
            here, zone = self.centre.at(site), self.zone_of(site)
            labour, pay, a_minute = here.labour, here.pay, self.hour_cost(team) / 60
            calendar = {} if here.country == "none" else holidays.country_holidays(here.country)
            own = sums[team]
            for at in self._paid(row):
                local = at.astimezone(zone)
                own["base"] += a_minute
                if inside(local, labour.night_from, labour.night_until, last=False):
                    own["night"] += a_minute * labour.night_premium.value
                if local.date() in calendar:
                    own["holiday"] += a_minute * labour.holiday_premium.value
                if local.weekday() in self.centre.weekend(site):
                    own["weekend"] += a_minute * pay.weekend_premium
            end = time(row["end"])
            stays = end == self.first + self.length and row["agent_id"] in begins
            price = self.centre.pay
            if inside(end.astimezone(zone), price.taxi_from, price.taxi_until, last=True) and not stays:
                own["rides"] += price.taxi_cost
        owed, worked = Counter(), Counter()
        for agent, hours in self.owed_h().items():
            owed[self.people[agent]["team"]] += hours
        for agent, hours in self.worked_h().items():
            worked[self.people[agent]["team"]] += hours
        for team, hours in owed.items():
            sums[team]["idle"] = max(hours - worked[team], 0.0) * self.hour_cost(team)
        return sums

    def present(self, *, duties):
        """People at work and not on a break, by site and minute; the horizon repeats."""
        found = Counter()
        for row in self.roster:
            if duties or self.centre.teams[row["team"]].queues:
                pauses = self.pauses[row["agent_id"], row["shift_id"]]
                for at in minutes(row):
                    if at not in pauses:
                        found[row["site"], self.first + (at - self.first) % self.length] += 1
        return found

    def desks_short(self):
        """Desks that sites lack at their peak."""
        peak = Counter()
        for (site, _), heads in self.present(duties=False).items():
            peak[site] = max(peak[site], heads)
        seats = {name: site.seats for name, site in self.centre.sites.items()}
        return sum(max(heads - seats[site], 0) for site, heads in peak.items() if seats[site] is not None)

    def heads(self):
        """People on staff, on shift by day, and on position at once at the most."""
        days, at_once = defaultdict(set), Counter()
        for row in self.roster:
            days[f"{time(row['start']).astimezone(self.zone).date()}"].add(row["agent_id"])
        for (_, at), heads in self.present(duties=True).items():
            if not (at - self.first) % timedelta(seconds=self.centre.interval_s):
                at_once[at] += heads
        return {
            "on_staff": len(self.people),
            "on_shift": {day: len(agents) for day, agents in sorted(days.items())},
            "on_position": max(at_once.values(), default=0),
        }


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def time(text):
    return datetime.fromisoformat(text)


def leaves(person):
    """First and last moment of a person's leave and study leave."""
    edges = [(person.get(f"{kind}_from"), person.get(f"{kind}_until")) for kind in ("leave", "study")]
    return [(time(first), time(after)) for first, after in edges if first and after]


def minutes(row):
    at = time(row["start"])
    while at < time(row["end"]):
        yield at
        at += MINUTE


def inside(local, opens, closes, *, last):
    """Whether a clock shows a time between two, perhaps over midnight; the last one counts if asked."""
    clock = timedelta(hours=local.hour, minutes=local.minute)
    before = clock <= closes if last else clock < closes
    return (clock >= opens and before) if opens <= closes else (clock >= opens or before)
