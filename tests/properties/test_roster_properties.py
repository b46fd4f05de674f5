"""Random small rosters: the model never breaks what the audit checks, and finds what brute force finds."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cp_sat_judge import CpSat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planning.centre import Centre
from planning.roster.audit import audit
from planning.roster.frames import people_of
from planning.roster.inputs import Horizon, TeamShifts
from planning.roster.law import rules_of
from planning.roster.model import RosterSettings, build_roster
from planning.roster.problem import Problem, groups_of
from planning.tables import PEOPLE

ZONE = "Europe/Moscow"
CENTRE = Centre.load(Path(__file__).parents[2] / "data" / "centre.toml")
MONDAY = pd.Timestamp("2026-11-23", tz=ZONE)
EXACT = RosterSettings(gap=0.0, tolerance_h=0.0)
SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}


@st.composite
def shift_tables(draw: st.DrawFn, most: int, days: int, heads: int = 2) -> pd.DataFrame:
    """Shifts of one team on a quarter-hour grid; nights, tiny gaps and doubles included."""
    count = draw(st.integers(1, most))
    kinds = st.tuples(
        st.integers(0, days * 96 - 1),
        st.sampled_from([(4.0, 4.0), (8.5, 8.0), (9.25, 8.75), (11.0, 10.0), (12.0, 11.0)]),
        st.integers(0, heads),
    )
    rows = [draw(kinds) for _ in range(count)]
    starts = pd.DatetimeIndex([MONDAY + pd.Timedelta(minutes=15 * row[0]) for row in rows])
    ends = starts + pd.to_timedelta([row[1][0] for row in rows], unit="h")
    return pd.DataFrame(
        {
            "shift_id": [f"s{number}" for number in range(count)], "site": "kaluga",
            "team": "first_line_kaluga", "start": starts, "end": ends, "paid_h": [row[1][1] for row in rows],
            "headcount": [row[2] for row in rows],
        }
    )  # fmt: skip


@st.composite
def people_tables(draw: st.DrawFn, most: int, fewest: int = 1) -> pd.DataFrame:
    """People of the team, some on leave, some without consent to nights, some of another team."""
    rows = []
    for number in range(draw(st.integers(fewest, most))):
        away = draw(st.none() | st.tuples(st.integers(-3, 8), st.integers(1, 5)))
        first = MONDAY + pd.Timedelta(days=away[0]) if away else None
        rows.append(
            {
                "agent_id": f"a{number}", "site": "kaluga", "grade": "operator",
                "team": draw(st.sampled_from(["first_line_kaluga"] * 4 + ["vip_kaluga"])),
                "contract_h_week": draw(st.sampled_from([40.0, 40.0, 30.0, 20.0, 12.5])),
                "night_ok": draw(st.booleans()), "leave_from": first,
                "leave_until": first + pd.Timedelta(days=away[1]) if away else None,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def missing_hours(shifts: pd.DataFrame, unmet: pd.DataFrame) -> float:
    joined = unmet.merge(shifts, on="shift_id")
    return float((joined["missing"] * joined["paid_h"]).sum())


def lawful_sets(shifts: pd.DataFrame, person: pd.Series, horizon: Horizon) -> np.ndarray:
    """Every subset of the shifts that the audit lets a person work, shape (subsets, shifts).

    No solver is asked: each subset is a person of its own, so that one audit judges them all.
    """
    subsets = np.array(list(product([False, True], repeat=len(shifts))))
    number, index = np.nonzero(subsets)
    roster = shifts.iloc[index].assign(agent_id=[f"x{n}" for n in number], night_h=0.0)
    doubles = pd.DataFrame([person] * len(subsets)).assign(agent_id=[f"x{n}" for n in range(len(subsets))])
    breached = {int(name[1:]) for name in audit(CENTRE, roster, doubles, horizon=horizon)["agent_id"]}
    return subsets[[n not in breached for n in range(len(subsets))]]


@settings(max_examples=15, **SLOW)
@given(shift_tables(most=16, days=9, heads=3), people_tables(most=5))
def test_a_roster_passes_the_audit_and_its_books_balance(shifts: pd.DataFrame, people: pd.DataFrame) -> None:
    """Lawful, never above a headcount, unmet heads counted, the price at least that of the missing hours."""
    found = build_roster(CENTRE, shifts, people)
    assert audit(CENTRE, found.roster, people, horizon=found.horizon).to_dict("records") == []
    present = found.roster.groupby("shift_id").size().reindex(shifts["shift_id"], fill_value=0).to_numpy()
    short = found.unmet.set_index("shift_id")["missing"].reindex(shifts["shift_id"], fill_value=0).to_numpy()
    assert (present + short == shifts["headcount"]).all()
    assert (short >= 0).all()
    price = CENTRE.pay.unmet_cost_h * missing_hours(shifts, found.unmet)
    rest = found.parts[["idle", "schedules", "burdens"]].sum().sum() if len(found.parts) else 0.0
    assert found.objective == pytest.approx(price + rest)
    assert rest >= -1e-6
    assert found.bound <= found.objective + 1e-6


@settings(max_examples=15, **SLOW)
@given(shift_tables(most=6, days=8), people_tables(most=3))
def test_brute_force_covers_no_more(shifts: pd.DataFrame, people: pd.DataFrame) -> None:
    """The model reaches the fewest missing hours of all lawful rosters, which are all tried."""
    found = build_roster(CENTRE, shifts, people, settings=EXACT)
    heads = shifts["headcount"].to_numpy()
    if not heads.any():
        assert found.roster.empty
        return
    covers = np.zeros((1, len(shifts)), dtype=np.int64)
    for _, person in people.iterrows():
        sets = lawful_sets(shifts, person, found.horizon)  # days at its ends that want nobody are not in it
        covers = np.unique((covers[:, None] + sets[None]).reshape(-1, len(shifts)), axis=0)
    missing = np.maximum(heads - covers, 0) @ shifts["paid_h"].to_numpy()
    assert missing_hours(shifts, found.unmet) == missing.min()


@settings(max_examples=15, **SLOW)
@given(shift_tables(most=9, days=16), people_tables(most=1), st.randoms(use_true_random=False))
def test_three_routes_to_the_best_line_agree(shifts: pd.DataFrame, people: pd.DataFrame, random) -> None:
    """Pricing, CP-SAT and the audit with brute force value one person's best line the same."""
    (person,) = people_of(PEOPLE.check(people))
    ordered = shifts.sort_values(["start", "end"], ignore_index=True)
    worth = np.array([float(random.randint(-2, 9)) for _ in range(len(ordered))])
    team_shifts = TeamShifts.of(ordered, CENTRE)
    rules = [rule for rule in rules_of(CENTRE) if rule.weight is None]
    horizon = Horizon.of(pd.DatetimeIndex(ordered["start"]))
    best = (lawful_sets(ordered, people.iloc[0], horizon) @ worth).max()

    free = RosterSettings(fair_hour_h=0.0, threads=1)
    problem = Problem(team_shifts, groups_of(team_shifts, [person], rules), free, np.zeros(len(team_shifts)))
    everywhere = np.ones(len(team_shifts), dtype=np.int64)
    value, ((_, pattern),) = problem.price(worth, everywhere, np.array([0]))
    assert value[0] == best
    assert worth[pattern].sum() - problem.cost(0, pattern) == best

    assert CpSat.of(person, team_shifts, rules).best_worth(worth) == pytest.approx(best)
