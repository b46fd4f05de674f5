"""A caller's history has no path to service: everybody is treated the same, regardless of what is known."""

import numpy as np
import pandas as pd
import pytest
from factories import demand_of, roster_of, rostered
from hypothesis import given, settings
from hypothesis import strategies as st

from planning import Centre, read_calls, requirement
from planning.centre import Queue
from planning.simulation import fifo, network
from planning.simulation.wiring import wire
from planning.tables import CALLS, DEMAND

HISTORY = ("caller", "history", "complain", "claim", "revenue", "debt", "blacklist", "mark", "status")


@st.composite
def callers(draw):
    """Arrivals, handle times and patience of up to thirty callers, and one of them."""
    count = draw(st.integers(2, 30))
    seconds = st.floats(1.0, 600.0)
    arrival = np.cumsum(draw(st.lists(seconds, min_size=count, max_size=count)))
    service = np.array(draw(st.lists(seconds, min_size=count, max_size=count)))
    patience = np.array(draw(st.lists(st.floats(1.0, 900.0), min_size=count, max_size=count)))
    return arrival, service, patience, draw(st.integers(0, count - 1)), draw(st.floats(1.0, 20_000.0))


@given(callers(), st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_a_difficult_caller_waits_no_longer(case, agents):
    """However long a call is, its own wait and that of all who came before are the same to the second."""
    arrival, service, patience, who, longer = case
    other = service.copy()
    other[who] = longer
    plain, difficult = (fifo(arrival, times, agents, patience_s=patience) for times in (service, other))
    for column in ("answer_s", "outcome"):
        before = plain[column].iloc[: who + 1].reset_index(drop=True)
        pd.testing.assert_series_equal(before, difficult[column].iloc[: who + 1].reset_index(drop=True))


@given(st.data())
@settings(max_examples=4, deadline=None)
def test_marks_in_the_records_change_no_plan(tmp_path_factory, data):
    """Records with complaints and a blacklist ask for the agents that the same records without them do."""
    calls = pd.read_parquet("data/calls.parquet").head(500)
    marks = calls.assign(
        complaints=data.draw(st.integers(0, 9)) + np.arange(len(calls)) % data.draw(st.integers(1, 9)),
        blacklist=np.roll(np.arange(len(calls)) % 7 == 0, data.draw(st.integers(0, 6))),
        caller_id=np.random.default_rng(data.draw(st.integers(0, 99))).permutation(len(calls)),
    )
    folder = tmp_path_factory.mktemp("log")
    tables = []
    for name, frame in {"plain": calls, "marked": marks}.items():
        frame.to_parquet(folder / f"{name}.parquet")
        with read_calls(str(folder / f"{name}.parquet"), centre=Centre.load()) as log:
            tables.append(requirement(Centre.load(), log.demand(900)))
    pd.testing.assert_frame_equal(*tables)


@pytest.mark.parametrize(
    "kind", [Queue, network.CallQueue, network.AgentGroup, network.Agent, network.Network]
)
def test_neither_the_centre_nor_the_router_has_a_field_for_history(kind):
    """What is not there cannot be used: no setting and no input of the engine names who calls."""
    fields = kind.model_fields if kind is Queue else kind.__dataclass_fields__
    assert [name for name in fields if any(word in name for word in HISTORY)] == []


@pytest.mark.parametrize("table", [DEMAND, CALLS])
def test_no_table_that_reaches_the_plan_knows_the_caller(table):
    assert [name for name in table.columns if any(word in name for word in HISTORY)] == []


def test_nobody_but_a_vip_has_a_person_of_their_own():
    """The router's queues name own agents for the VIPs and for nobody else."""
    centre = Centre.load()
    calls = [name for name, queue in centre.queues.items() if not queue.waits]
    rows = [demand_of(4.0, queue=name, hours=(9, 21)) for name in calls]
    people = [
        roster_of((f"{team}_1", "2026-11-23 09:00", "2026-11-23 18:00"), team=team, site=one.site)
        for team, one in centre.teams.items()
        if one.queues
    ]
    plan = rostered(pd.concat(people, ignore_index=True))
    wired = wire(centre, pd.concat(rows), plan.roster.roster, plan.breaks)
    assert {queue.name for queue in wired.network.queues if queue.personal} == {"vip"}
