"""One line on each system: its numbers are those of the systems themselves."""

import pytest

from planning import Centre, PlanningError, demand_for, read_demand, read_people
from planning.teams import Systems, summary
from planning.teams.second_line import second_line_demand, worth_of_staff
from planning.teams.verdicts import fair_test


@pytest.fixture(scope="module")
def week():
    centre = Centre.load()
    return demand_for(centre, read_demand("data/demand.parquet", centre.time_zone), "2026-11-23", days=7)


@pytest.fixture(scope="module")
def people():
    return read_people("data/people.csv", Centre.load())[0]


def test_each_system_says_its_own_numbers(week, people):
    centre, systems = Centre.load(), Systems.load()
    says = summary(centre, systems, week, people)
    assert list(says.index) == ["second line", "quality", "wellbeing", "careers"]
    staff = worth_of_staff(centre, systems.second_line, second_line_demand(systems.second_line, week))
    assert f"{staff['kept'].sum() / 7:.0f} customers" in says["second line"]
    rules = systems.quality
    assert f"needs {fair_test(rules.good, rules.bad, risk=rules.risk).calls} calls" in says["quality"]
    assert says["wellbeing"].startswith("8 doctors")
    assert says["careers"].startswith("hire ")


def test_a_part_of_a_week_is_refused(week, people):
    first = week["interval_start"].dt.normalize()
    monday = week[first == first.min()]
    with pytest.raises(PlanningError, match="spans 1 days, must span whole weeks"):
        summary(Centre.load(), Systems.load(), monday, people)
