"""What the kernel reads and writes: records of 8-byte fields, and the two tuples that hold them.

They are separate from the kernel because numba recompiles when a type changes, wherever it is defined.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Records = NDArray[Any]


def _layout(floats: str, integers: str) -> np.dtype[Any]:
    """Record of 8-byte fields."""
    return np.dtype([(n, np.float64) for n in floats.split()] + [(n, np.int64) for n in integers.split()])


LAW = _layout("a b", "kind start count")
QUEUE = _layout(
    "redial redial_blocked redial_pause_s balk last_delay_s units next_s",
    "places person_start person_count trace_start trace_count head tail waiting forward calls cell",
)
ROUTE = _layout("delay_s", "team queue rank reserve")
MOVE = _layout("cumulative", "queue consult")
CHANGE = _layout("time_s", "agent on")
TEAM = _layout("", "head tail idle")
AGENT = _layout(
    "since_s left_s busy_s overrun_s answered within wait_s longest_s", "team person state on previous next"
)
SLOT = _layout(
    "arrival_s ready_s answer_s held_s",
    "queue origin call attempt hops source row agent person holder reason in_line previous next",
)
NODE = _layout("time_s", "kind number previous next")
CONTACT = _layout("arrival_s answer_s end_s", "queue agent attempt source")


class Tables(NamedTuple):
    """The network as the kernel reads it; nothing in it changes during a run.

    ``laws[stream * queues + queue]``; ``routes[route_start[q]:route_start[q + 1]]`` are the teams of queue q
    in routing order, ``picks`` the queues of a team in priority order, ``moves`` the transfers out of a
    queue; ``persons[person_start:person_start + person_count]`` are the personal agents of a queue's callers,
    ``person_edges`` (intervals + 1, people) their cumulative shares of its calls; ``service_scale`` and
    ``open`` are (queues, intervals + 1), by interval. A change with ``on`` 0 or 1 is an agent who goes or
    comes; with 2 + b, the callers of queue ``agent`` go to queue b.
    """

    queues: Records
    laws: Records
    values: NDArray[np.float64]
    routes: Records
    route_start: NDArray[np.int64]
    picks: Records
    pick_start: NDArray[np.int64]
    moves: Records
    move_start: NDArray[np.int64]
    changes: Records
    agents: Records
    persons: NDArray[np.int64]
    person_edges: NDArray[np.float64]
    service_scale: NDArray[np.float64]
    open: NDArray[np.bool_]
    interval_s: float
    horizon_s: float
    bucket_s: float


class State(NamedTuple):
    """One day under way: the caller allocates it, the kernel fills `counts`, `agents` and `contacts`.

    ``keys`` (queues, STREAMS); ``cumulative`` (queues, intervals + 1), the integral of the day's rates;
    ``present`` one flag per agent; ``threshold_s`` one per queue; ``counts`` (queues, intervals + 1, COUNTS);
    ``busy_s`` and ``overrun_s`` (teams, intervals + 1); ``contacts`` as many rows as ``slots``, or none in
    light mode; ``nodes`` two per slot; ``shift_of`` the agent that each person is at present; ``hands`` the
    counters `_FREE`, `_USED`, `_ROWS`.
    """

    keys: NDArray[np.uint64]
    cumulative: NDArray[np.float64]
    present: NDArray[np.bool_]
    threshold_s: NDArray[np.float64]
    queues: Records
    teams: Records
    agents: Records
    shift_of: NDArray[np.int64]
    slots: Records
    nodes: Records
    calendar: NDArray[np.int64]
    hands: NDArray[np.int64]
    counts: NDArray[np.float64]
    busy_s: NDArray[np.float64]
    overrun_s: NDArray[np.float64]
    contacts: Records
