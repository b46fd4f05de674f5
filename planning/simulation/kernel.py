"""The compiled core of the simulation: one file, since numba's cache does not notice changes in others.

A caller in the system occupies one *slot*. The caller's next events are on a *calendar* (Brown, 1988,
"Calendar queues", CACM 31:1220) of sorted buckets, with two nodes per slot: the even node holds the end of
the service, of the patience or of the pause before a redial, the odd node the next moment at which more
agents become eligible. Only callers who wait have timers. Waiting callers stand in one linked list per queue,
idle agents in one linked list per team, so every step costs O(1) at any size of centre.

Random numbers are counter-based: every variate is a hash of (seed, replication, queue, stream, call, step),
turned into its law by inversion. So one more agent, or another rate, changes no other variate.
"""

from __future__ import annotations

from math import exp, inf, log, nan, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numba.core.options import DefaultOptions
from numpy.typing import NDArray

if TYPE_CHECKING:
    from planning.simulation.records import State, Tables

# The kernel allocates nothing, so it needs no reference counts; with them, most of the time went into atomic
# increments whenever the small functions below were called. A numba without this option is only slower.
_UNCOUNTED = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}
_compiled = njit(cache=True, nogil=True, **_UNCOUNTED)

# Laws of a duration.
NEVER, DETERMINISTIC, EXPONENTIAL, LOGNORMAL, EMPIRICAL, TRACE = range(6)
# Streams of random numbers; the law tables use the first three as rows.
SERVICE, PATIENCE, LOOKUP, ARRIVAL, TRANSFER, REDIAL, REDIAL_PAUSE, DAY, BALK, PERSON, PRESENCE = range(11)
STREAMS = 11
# Events; at one instant they happen in this order: an agent who becomes free at the last moment of a caller's
# patience still answers, and earlier callers are served before a caller who arrives as a call ends.
_COMPLETION, _ELIGIBLE, _ABANDONMENT, _JOINING = range(4)
# States of an agent.
_OFF, _IDLE, _BUSY = range(3)
# Columns of the counts.
OFFERED, ANSWERED, WITHIN, ABANDONED, WAIT_S, SERVICE_S, LONGEST_S, OWN = range(8)
COUNTS = 8
# Times after this never come: 30,000 years keep bucket numbers well within 64 bits.
_FOREVER_S = 1e12
# Why a wait ended without an answer, which decides the probability of a redial.
REDIAL_IF_OPEN, REDIAL_IF_BLOCKED, _NO_REDIAL = range(3)
# An attempt is 2**20 steps, so a step numbers (attempt, transfers so far).
_STEPS_PER_ATTEMPT = 1 << 20


# Counters of a day: first free slot, slots ever used, contacts so far.
_FREE, _USED, _ROWS = range(3)


# --- random numbers -------------------------------------------------------------------------------------

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S11, _S27, _S30, _S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)
_ONE = np.uint64(1)


@_compiled
def _mix(z: Any) -> Any:
    """Scramble 64 bits: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014; Stafford's variant 13)."""
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@_compiled
def fill_keys(seed: Any, replication: Any, keys: Any) -> Any:
    """Fill the keys (queues, STREAMS) of one replication; `seed` and `replication` are uint64."""
    day = _mix(_mix(seed + _GOLDEN) + _GOLDEN * (replication + _ONE))
    for queue in range(keys.shape[0]):
        base = _mix(day + _GOLDEN * np.uint64(queue + 1))
        for stream in range(keys.shape[1]):
            keys[queue, stream] = _mix(base + _GOLDEN * np.uint64(stream + 1))


@_compiled
def uniform(key: Any, call: int, step: int) -> Any:
    """Uniform variate number (`call`, `step`) of the stream `key`, in (0, 1), never 0 or 1."""
    z = _mix(key + _GOLDEN * np.uint64(call + 1))
    if step > 0:
        z = _mix(z + _GOLDEN * np.uint64(step))
    return (np.float64(np.int64(z >> _S11)) + 0.5) * 1.1102230246251565e-16


@_compiled
def fill_uniforms(key: Any, calls: Any, values: Any) -> Any:
    """Fill `values` with the uniform variates of many calls."""
    for i in range(len(calls)):
        values[i] = uniform(key, calls[i], 0)


@_compiled
def normal_quantile(p: float) -> Any:
    """Quantile of the standard normal law, relative error 1e-16 (Wichura, 1988, AS 241, PPND16)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = (2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r + 6.7265770927008700853e4
        top = (
            (top * r + 4.5921953931549871457e4) * r + 1.3731693765509461125e4
        ) * r + 1.9715909503065514427e3
        top = (top * r + 1.3314166789178437745e2) * r + 3.3871328727963666080e0
        low = (5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r + 3.9307895800092710610e4
        low = (
            (low * r + 2.1213794301586595867e4) * r + 5.3941960214247511077e3
        ) * r + 6.8718700749205790830e2
        low = (low * r + 4.2313330701600911252e1) * r + 1.0
        return q * top / low
    r = sqrt(-log(p if q < 0.0 else 1.0 - p))
    if r <= 5.0:
        r -= 1.6
        top = (7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1
        top = (
            (top * r + 1.27045825245236838258e0) * r + 3.64784832476320460504e0
        ) * r + 5.76949722146069140550e0
        top = (top * r + 4.63033784615654529590e0) * r + 1.42343711074968357734e0
        low = (1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2
        low = (
            (low * r + 1.48103976427480074590e-1) * r + 6.89767334985100004550e-1
        ) * r + 1.67638483018380384940e0
        low = (low * r + 2.05319162663775882187e0) * r + 1.0
    else:
        r -= 5.0
        top = (2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3
        top = (
            (top * r + 2.65321895265761230930e-2) * r + 2.96560571828504891230e-1
        ) * r + 1.78482653991729133580e0
        top = (top * r + 5.46378491116411436990e0) * r + 6.65790464350110377720e0
        low = (2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5
        low = (
            (low * r + 7.86869131145613259100e-4) * r + 1.48753612908506148525e-2
        ) * r + 1.36929880922735805310e-1
        low = (low * r + 5.99832206555887937690e-1) * r + 1.0
    return -top / low if q < 0.0 else top / low


@_compiled
def draw(law: Any, values: Any, key: Any, call: int, step: int) -> Any:
    """Duration number (`call`, `step`) of the stream `key` under `law`, by inversion."""
    kind = law.kind
    if kind == NEVER:
        return inf
    if kind == DETERMINISTIC:
        return law.a
    if kind == TRACE:
        return values[law.start + call]
    u = uniform(key, call, step)
    if kind == EXPONENTIAL:
        return -law.a * log(u)
    if kind == LOGNORMAL:
        return exp(law.a + law.b * normal_quantile(u))
    place = u * (law.count - 1)
    i = int(place)
    low = values[law.start + i]
    return low + (place - i) * (values[law.start + i + 1] - low)


# --- the calendar ---------------------------------------------------------------------------------------
# `calendar` is an array of bucket heads, bucket tails, then (current bucket number, events on the calendar).

_BUCKETS = 4096
_MASK = _BUCKETS - 1
_NOW, _EVENTS = 2 * _BUCKETS, 2 * _BUCKETS + 1
_LAST = 1 << 62  # the largest bucket number


def new_calendar() -> NDArray[np.int64]:
    """Calendar without an event."""
    calendar = np.full(2 * _BUCKETS + 2, -1)
    calendar[_NOW:] = 0
    return calendar


@_compiled
def _schedule(calendar: Any, nodes: Any, per_s: float, node: int, time_s: float, kind: int) -> Any:
    """Put `node` on the calendar: by time, then by kind, then first come."""
    number = int(time_s * per_s)
    bucket = number & _MASK
    before = calendar[_BUCKETS + bucket]
    while before >= 0 and (
        nodes[before].time_s > time_s or (nodes[before].time_s == time_s and nodes[before].kind > kind)
    ):
        before = nodes[before].previous
    after = calendar[bucket] if before < 0 else nodes[before].next
    nodes[node].time_s = time_s
    nodes[node].kind = kind
    nodes[node].number = number
    nodes[node].previous = before
    nodes[node].next = after
    if before < 0:
        calendar[bucket] = node
    else:
        nodes[before].next = node
    if after < 0:
        calendar[_BUCKETS + bucket] = node
    else:
        nodes[after].previous = node
    calendar[_EVENTS] += 1


@_compiled
def _unschedule(calendar: Any, nodes: Any, node: int) -> Any:
    """Take `node` off the calendar, if it is there."""
    number = nodes[node].number
    if number < 0:
        return
    before, after = nodes[node].previous, nodes[node].next
    bucket = number & _MASK
    if before < 0:
        calendar[bucket] = after
    else:
        nodes[before].next = after
    if after < 0:
        calendar[_BUCKETS + bucket] = before
    else:
        nodes[after].previous = before
    nodes[node].number = -1
    calendar[_EVENTS] -= 1


@_compiled
def _earliest(calendar: Any, nodes: Any, limit: int) -> Any:
    """First node in the buckets up to number `limit`, or -1; the current bucket moves there."""
    if calendar[_EVENTS] == 0:
        return -1
    now = calendar[_NOW]
    turned = 0
    while True:
        node = calendar[now & _MASK]
        if node >= 0 and nodes[node].number == now:
            break
        node = -1
        if now >= limit:
            break
        now += 1
        turned += 1
        if turned > _BUCKETS:
            # A whole turn without an event: jump to the first one instead of stepping through the years.
            first = limit
            for bucket in range(_BUCKETS):
                head = calendar[bucket]
                if head >= 0:
                    first = min(first, nodes[head].number)
            now = max(now, first)
            turned = 0
    calendar[_NOW] = now
    return node


# --- lines of callers, lists of idle agents -------------------------------------------------------------


@_compiled
def join_queue(queues: Any, slots: Any, slot: int) -> Any:
    """Join the queue behind everybody who came earlier (a fast lookup does not overtake)."""
    queue = slots[slot].queue
    before = queues[queue].tail
    while before >= 0 and slots[before].arrival_s > slots[slot].arrival_s:
        before = slots[before].previous
    after = queues[queue].head if before < 0 else slots[before].next
    slots[slot].previous = before
    slots[slot].next = after
    slots[slot].in_line = 1
    queues[queue].waiting += 1
    if before < 0:
        queues[queue].head = slot
    else:
        slots[before].next = slot
    if after < 0:
        queues[queue].tail = slot
    else:
        slots[after].previous = slot


@_compiled
def _leave_line(queues: Any, slots: Any, slot: int) -> Any:
    """Leave the queue, answered or not."""
    if slots[slot].in_line == 0:
        return
    queue, before, after = slots[slot].queue, slots[slot].previous, slots[slot].next
    if before < 0:
        queues[queue].head = after
    else:
        slots[before].next = after
    if after < 0:
        queues[queue].tail = before
    else:
        slots[after].previous = before
    slots[slot].in_line = 0
    queues[queue].waiting -= 1


@_compiled
def _become_idle(teams: Any, agents: Any, agent: int, now_s: float) -> Any:
    """Go to the end of the team's list: the longest idle is first."""
    team = agents[agent].team
    last = teams[team].tail
    agents[agent].state = _IDLE
    agents[agent].since_s = now_s
    agents[agent].previous = last
    agents[agent].next = -1
    if last < 0:
        teams[team].head = agent
    else:
        agents[last].next = agent
    teams[team].tail = agent
    teams[team].idle += 1


@_compiled
def _leave_idle(teams: Any, agents: Any, agent: int, state: int) -> Any:
    """Leave the team's list for `state`; an agent who is not on it only changes state."""
    if agents[agent].state == _IDLE:
        team, before, after = agents[agent].team, agents[agent].previous, agents[agent].next
        if before < 0:
            teams[team].head = after
        else:
            agents[before].next = after
        if after < 0:
            teams[team].tail = before
        else:
            agents[after].previous = before
        teams[team].idle -= 1
    agents[agent].state = state


@_compiled
def find_agent(tables: Any, state: Any, queue: int, person: int, arrival_s: float, now_s: float) -> Any:
    """Idle agent for a caller, or -1: the longest idle of the first rank of teams that may take the call.

    A caller with a personal agent (`person`, otherwise -1) gets that agent first.
    """
    routes, teams, agents = tables.routes, state.teams, state.agents
    if person >= 0:
        own = state.shift_of[person]
        if own >= 0 and agents[own].state == _IDLE:
            return own
    best, best_rank, best_since = -1, 0, inf
    for k in range(tables.route_start[queue], tables.route_start[queue + 1]):
        if best >= 0 and routes[k].rank > best_rank:
            break
        team = routes[k].team
        if teams[team].idle > routes[k].reserve and arrival_s + routes[k].delay_s <= now_s:
            agent = teams[team].head
            if agents[agent].since_s < best_since:
                best, best_rank, best_since = agent, routes[k].rank, agents[agent].since_s
    return best


@_compiled
def find_caller(tables: Any, state: Any, team: int, now_s: float) -> Any:
    """Caller for a freed agent, or -1: the longest waiting of the first rank of queues with one."""
    picks, queues, slots = tables.picks, state.queues, state.slots
    idle = state.teams[team].idle  # without the freed agent, so idle + 1 > reserve
    best, best_rank, best_arrival = -1, 0, inf
    for k in range(tables.pick_start[team], tables.pick_start[team + 1]):
        if best >= 0 and picks[k].rank > best_rank:
            break
        slot = queues[picks[k].queue].head
        if slot >= 0 and idle >= picks[k].reserve:
            arrival_s = slots[slot].arrival_s
            if arrival_s + picks[k].delay_s <= now_s and arrival_s < best_arrival:
                best, best_rank, best_arrival = slot, picks[k].rank, arrival_s
    return best


@_compiled
def _next_eligible(tables: Any, queue: int, arrival_s: float, now_s: float) -> Any:
    """Next moment after now at which a further team may take the caller, or infinity."""
    soonest = inf
    if arrival_s + tables.queues[queue].last_delay_s > now_s:
        for k in range(tables.route_start[queue], tables.route_start[queue + 1]):
            moment = arrival_s + tables.routes[k].delay_s
            if now_s < moment < soonest:
                soonest = moment
    return soonest


# --- what a call does -----------------------------------------------------------------------------------


@_compiled
def _step(slot: Any) -> Any:
    """Return the number of the caller's variates: every attempt and transfer has its own."""
    return slot.attempt * _STEPS_PER_ATTEMPT + slot.hops


@_compiled
def _next_call(tables: Any, state: Any, queue: int) -> Any:
    """Set the queue's next fresh arrival: from its record, or the unit-rate process seen through the rate."""
    queues, cumulative = state.queues, state.cumulative
    call = queues[queue].calls
    if queues[queue].trace_count >= 0:
        known = call < queues[queue].trace_count
        queues[queue].next_s = tables.values[queues[queue].trace_start + call] if known else inf
        return
    units = queues[queue].units - log(uniform(state.keys[queue, ARRIVAL], call, 0))
    cell, cells = queues[queue].cell, cumulative.shape[1] - 1
    while cell < cells and cumulative[queue, cell + 1] <= units:
        cell += 1
    queues[queue].units = units
    queues[queue].cell = cell
    if cell == cells:
        queues[queue].next_s = inf
    else:
        low, high = cumulative[queue, cell], cumulative[queue, cell + 1]
        queues[queue].next_s = tables.interval_s * (cell + (units - low) / (high - low))


@_compiled
def _new_caller(tables: Any, state: Any, queue: int) -> Any:
    """Slot of the queue's next fresh caller, or -1 when no slot is free."""
    hands, slots, nodes = state.hands, state.slots, state.nodes
    slot = hands[_FREE]
    if slot >= 0:
        hands[_FREE] = slots[slot].next
    else:
        slot = hands[_USED]
        if slot == len(slots):
            return -1
        hands[_USED] += 1
    nodes[2 * slot].number = -1
    nodes[2 * slot + 1].number = -1
    slots[slot].queue = queue
    slots[slot].origin = queue
    slots[slot].call = state.queues[queue].calls
    slots[slot].attempt = 0
    slots[slot].hops = 0
    slots[slot].source = -1
    slots[slot].person = -1
    slots[slot].holder = -1
    if state.queues[queue].person_count > 0:
        u = uniform(state.keys[queue, PERSON], slots[slot].call, 0)
        cell = min(int(state.queues[queue].next_s / tables.interval_s), len(tables.person_edges) - 1)
        at = state.queues[queue].person_start
        while tables.person_edges[cell, at] <= u:
            at += 1
        slots[slot].person = tables.persons[at]
    state.queues[queue].calls += 1
    _next_call(tables, state, queue)
    return slot


@_compiled
def _leave_house(state: Any, slot: int) -> Any:
    """Give the slot back."""
    state.slots[slot].next = state.hands[_FREE]
    state.hands[_FREE] = slot


@_compiled
def _draw(tables: Any, state: Any, stream: int, slot: Any) -> Any:
    """Duration of the caller's service, patience or lookup in the present queue."""
    law = tables.laws[stream * len(state.queues) + slot.queue]
    return min(draw(law, tables.values, state.keys[slot.origin, stream], slot.call, _step(slot)), _FOREVER_S)


@_compiled
def _enter(tables: Any, state: Any, slot: int, now_s: float) -> Any:
    """Begin a contact: one more row, and the lookup starts."""
    slots = state.slots
    if state.queues[slots[slot].queue].forward >= 0:
        slots[slot].queue = state.queues[slots[slot].queue].forward
        slots[slot].person = -1
    slots[slot].row = state.hands[_ROWS]
    state.hands[_ROWS] += 1
    slots[slot].arrival_s = now_s
    slots[slot].in_line = 0
    slots[slot].reason = REDIAL_IF_OPEN
    slots[slot].ready_s = now_s + _draw(tables, state, LOOKUP, slots[slot])


@_compiled
def _balks(state: Any, slot: Any) -> Any:
    """Tell whether a caller who would have to wait hangs up at once."""
    balk = state.queues[slot.queue].balk
    return balk > 0.0 and uniform(state.keys[slot.origin, BALK], slot.call, _step(slot)) < balk


@_compiled
def _wait(tables: Any, state: Any, slot: int, now_s: float, arriving: bool) -> Any:
    """Let a caller wait, for the end of the lookup or in the queue, with a timer for the next event.

    A caller who finds no place in the queue, or balks, leaves at once.
    """
    slots, nodes, calendar, per_s = state.slots, state.nodes, state.calendar, 1.0 / tables.bucket_s
    if arriving:
        limit_s = now_s + _draw(tables, state, PATIENCE, slots[slot])
        if limit_s < _FOREVER_S:
            _schedule(calendar, nodes, per_s, 2 * slot, limit_s, _ABANDONMENT)
    next_s = slots[slot].ready_s
    if next_s <= now_s:
        if slots[slot].in_line == 0:
            blocked = state.queues[slots[slot].queue].waiting >= state.queues[slots[slot].queue].places
            if slots[slot].holder < 0 and (blocked or _balks(state, slots[slot])):
                slots[slot].reason = REDIAL_IF_BLOCKED if blocked else REDIAL_IF_OPEN
                _unschedule(calendar, nodes, 2 * slot)
                _schedule(calendar, nodes, per_s, 2 * slot, now_s, _ABANDONMENT)
                return
            join_queue(state.queues, slots, slot)
        next_s = _next_eligible(tables, slots[slot].queue, slots[slot].arrival_s, now_s)
    if next_s < inf:
        _schedule(calendar, nodes, per_s, 2 * slot + 1, next_s, _ELIGIBLE)


@_compiled
def _cell(tables: Any, state: Any, arrival_s: float) -> Any:
    """Interval in which a contact arrives; the last is for those after the horizon."""
    return min(int(arrival_s / tables.interval_s), state.counts.shape[1] - 1)


@_compiled
def _tally(tables: Any, state: Any, slot: Any, end_s: float, answered: bool, service_s: float) -> Any:
    """Add one finished wait to the counts of its queue and interval of arrival."""
    counts = state.counts
    queue, cell = slot.queue, _cell(tables, state, slot.arrival_s)
    wait_s = end_s - slot.arrival_s
    counts[queue, cell, OFFERED] += 1.0
    counts[queue, cell, LONGEST_S] = max(counts[queue, cell, LONGEST_S], wait_s)
    if answered:
        counts[queue, cell, ANSWERED] += 1.0
        counts[queue, cell, WAIT_S] += wait_s
        counts[queue, cell, SERVICE_S] += service_s
        if end_s <= slot.arrival_s + state.threshold_s[queue]:
            counts[queue, cell, WITHIN] += 1.0
            state.agents[slot.agent].within += 1.0
        state.agents[slot.agent].answered += 1.0
        state.agents[slot.agent].wait_s += wait_s
        state.agents[slot.agent].longest_s = max(state.agents[slot.agent].longest_s, wait_s)
        if slot.person >= 0 and state.agents[slot.agent].person == slot.person:
            counts[queue, cell, OWN] += 1.0
    else:
        counts[queue, cell, ABANDONED] += 1.0


@_compiled
def _write(contacts: Any, slot: Any, agent: int, answer_s: float, end_s: float) -> Any:
    """Write the contact's row, if rows are kept."""
    if slot.row < len(contacts):
        row = contacts[slot.row]
        row.arrival_s = slot.arrival_s
        row.answer_s = answer_s
        row.end_s = end_s
        row.queue = slot.queue
        row.agent = agent
        row.attempt = slot.attempt + 1
        row.source = slot.source


@_compiled
def _serve(tables: Any, state: Any, slot: int, agent: int, now_s: float) -> Any:
    """Caller and agent have met: take both off their lists and start the service."""
    slots, nodes, calendar = state.slots, state.nodes, state.calendar
    _unschedule(calendar, nodes, 2 * slot)
    _unschedule(calendar, nodes, 2 * slot + 1)
    _leave_line(state.queues, slots, slot)
    _leave_idle(state.teams, state.agents, agent, _BUSY)
    scale = tables.service_scale[slots[slot].queue, _cell(tables, state, slots[slot].arrival_s)]
    service_s = scale * _draw(tables, state, SERVICE, slots[slot])
    slots[slot].answer_s = now_s
    slots[slot].agent = agent
    _tally(tables, state, slots[slot], now_s, True, service_s)
    _schedule(calendar, nodes, 1.0 / tables.bucket_s, 2 * slot, now_s + service_s, _COMPLETION)


@_compiled
def _transfer(tables: Any, state: Any, slot: Any, now_s: float) -> Any:
    """Number of the move that the caller makes to another queue, or -1.

    Nobody moves to a closed queue, or moves on after a consult.
    """
    first, end = tables.move_start[slot.queue], tables.move_start[slot.queue + 1]
    if first < end and slot.holder < 0:
        u = uniform(state.keys[slot.origin, TRANSFER], slot.call, _step(slot))
        for k in range(first, end):
            if u < tables.moves[k].cumulative:
                return k if tables.open[tables.moves[k].queue, _cell(tables, state, now_s)] else -1
    return -1


@_compiled
def _spread(seconds: Any, team: int, interval_s: float, since_s: float, now_s: float) -> Any:
    """Add a stretch of time to a team's intervals."""
    last = seconds.shape[1] - 1
    cell = min(int(since_s / interval_s), last)
    while now_s > (cell + 1) * interval_s and cell < last:
        edge_s = (cell + 1) * interval_s
        seconds[team, cell] += edge_s - since_s
        since_s = edge_s
        cell += 1
    seconds[team, cell] += now_s - since_s


@_compiled
def _worked(state: Any, interval_s: float, agent: int, since_s: float, now_s: float) -> Any:
    """Add busy time to the agent and to the team's intervals."""
    agents = state.agents
    agents[agent].busy_s += now_s - since_s
    _spread(state.busy_s, agents[agent].team, interval_s, since_s, now_s)


@_compiled
def _overran(state: Any, interval_s: float, agent: int, now_s: float) -> Any:
    """Add the time worked since the segment's end to the agent and to the team's intervals."""
    agents = state.agents
    agents[agent].overrun_s += now_s - agents[agent].left_s
    _spread(state.overrun_s, agents[agent].team, interval_s, agents[agent].left_s, now_s)


@_compiled
def _release(state: Any, interval_s: float, agent: int, now_s: float) -> Any:
    """Release an agent whose call is over; return the agent, if still on position, or -1."""
    if state.agents[agent].on == 1:
        return agent
    _overran(state, interval_s, agent, now_s)
    state.agents[agent].state = _OFF
    return -1


@_compiled
def _release_holder(state: Any, interval_s: float, slot: int, now_s: float) -> Any:
    """Release the agent who consulted another one."""
    slots = state.slots
    holder = slots[slot].holder
    slots[slot].holder = -1
    _worked(state, interval_s, holder, slots[slot].held_s, now_s)
    return _release(state, interval_s, holder, now_s)


@_compiled
def _complete(tables: Any, state: Any, slot: int, now_s: float) -> Any:
    """End a service; return the agent and the one who consulted this agent, each if free now, or -1."""
    slots = state.slots
    agent, asked = slots[slot].agent, -1
    _write(state.contacts, slots[slot], agent, slots[slot].answer_s, now_s)
    _worked(state, tables.interval_s, agent, slots[slot].answer_s, now_s)
    move = _transfer(tables, state, slots[slot], now_s)
    if move < 0:
        if slots[slot].holder >= 0:
            asked = _release_holder(state, tables.interval_s, slot, now_s)
        _leave_house(state, slot)
        return _release(state, tables.interval_s, agent, now_s), asked
    slots[slot].source = slots[slot].queue
    slots[slot].queue = tables.moves[move].queue
    slots[slot].hops += 1
    slots[slot].person = -1
    _schedule(state.calendar, state.nodes, 1.0 / tables.bucket_s, 2 * slot, now_s, _JOINING)
    if tables.moves[move].consult == 1:
        slots[slot].holder = agent
        slots[slot].held_s = now_s
        return -1, -1
    return _release(state, tables.interval_s, agent, now_s), -1


@_compiled
def _give_up(tables: Any, state: Any, slot: int, now_s: float) -> Any:
    """End a wait without an answer; return the holder, if free now, or -1.

    The caller may dial the first queue again, if it is then open.
    """
    slots, queue = state.slots, state.slots[slot].queue
    _unschedule(state.calendar, state.nodes, 2 * slot + 1)
    _leave_line(state.queues, slots, slot)
    _tally(tables, state, slots[slot], now_s, False, 0.0)
    _write(state.contacts, slots[slot], -1, nan, now_s)
    freed = -1
    if slots[slot].holder >= 0:
        freed = _release_holder(state, tables.interval_s, slot, now_s)
    origin, call, step = slots[slot].origin, slots[slot].call, _step(slots[slot])
    chance = 0.0
    if slots[slot].reason == REDIAL_IF_OPEN:
        chance = tables.queues[queue].redial
    elif slots[slot].reason == REDIAL_IF_BLOCKED:
        chance = tables.queues[queue].redial_blocked
    if chance > 0.0 and uniform(state.keys[origin, REDIAL], call, step) < chance:
        pause_s = -tables.queues[queue].redial_pause_s * log(
            uniform(state.keys[origin, REDIAL_PAUSE], call, step)
        )
        if tables.open[origin, _cell(tables, state, now_s + pause_s)]:
            slots[slot].queue = origin
            slots[slot].source = -1
            slots[slot].hops = 0
            slots[slot].attempt += 1
            _schedule(state.calendar, state.nodes, 1.0 / tables.bucket_s, 2 * slot, now_s + pause_s, _JOINING)
            return freed
    _leave_house(state, slot)
    return freed


@_compiled
def _hand_over(state: Any, per_s: float, queue: int, target: int, now_s: float) -> Any:
    """Send a queue's callers to another one from now on; waiting callers are placed by time of arrival.

    A queue handed to itself keeps its callers again. Everybody who waits looks for an agent at once, the
    longest waiting first; a caller whose lookup still runs does so when it ends.
    """
    queues, slots, nodes = state.queues, state.slots, state.nodes
    queues[queue].forward = -1 if target == queue else target
    while queues[queue].head >= 0 and target != queue:
        slot = queues[queue].head
        _leave_line(queues, slots, slot)
        slots[slot].queue = target
        slots[slot].person = -1
        _unschedule(state.calendar, nodes, 2 * slot + 1)
        _schedule(state.calendar, nodes, per_s, 2 * slot + 1, now_s, _ELIGIBLE)
    for slot in range(state.hands[_USED]):
        if slots[slot].queue == queue and slots[slot].in_line == 0 and nodes[2 * slot + 1].number >= 0:
            slots[slot].queue = target
            slots[slot].person = -1


@_compiled
def _come_or_go(state: Any, interval_s: float, agent: int, on: int, now_s: float) -> Any:
    """Begin or end a segment; return the agent, if free to take a call, or -1. A leaver finishes the call."""
    agents = state.agents
    if not state.present[agent]:
        return -1
    agents[agent].on = on
    if on == 1 and agents[agent].person >= 0:
        state.shift_of[agents[agent].person] = agent
    if on == 0:
        if agents[agent].state == _BUSY:
            agents[agent].left_s = now_s
        else:
            _leave_idle(state.teams, agents, agent, _OFF)
        return -1
    if agents[agent].state == _BUSY:  # the call outlasted the break
        _overran(state, interval_s, agent, now_s)
        return -1
    return agent


# --- the day --------------------------------------------------------------------------------------------


@_compiled
def run_day(tables: Tables, state: State) -> Any:
    """Run one day until the last caller has gone; return the number of contacts, or -1 with too few slots."""
    queues, slots, nodes, calendar = state.queues, state.slots, state.nodes, state.calendar
    changes, n_queues, per_s = tables.changes, len(state.queues), 1.0 / tables.bucket_s
    for q in range(n_queues):
        _next_call(tables, state, q)
    change = 0
    now_s = 0.0
    asked = -1  # another agent who is free: the one who consulted
    while True:
        slot, agent = -1, -1  # a caller who looks for an agent, an agent who looks for a caller
        arriving = False
        if asked >= 0:
            agent, asked = asked, -1
        else:
            # Which comes first: a change of who is on position, an event on the calendar, a fresh call?
            fresh, call_s = -1, inf
            for q in range(n_queues):
                if queues[q].next_s < call_s:
                    fresh, call_s = q, queues[q].next_s
            change_s = changes[change].time_s if change < len(changes) else inf
            other_s = min(call_s, change_s)
            node = _earliest(calendar, nodes, int(other_s * per_s) if other_s < inf else _LAST)
            event_s = nodes[node].time_s if node >= 0 else inf
            if change_s <= event_s and change_s <= call_s:
                if change_s == inf:
                    break
                now_s = change_s
                if changes[change].on < 2:
                    agent = _come_or_go(
                        state, tables.interval_s, changes[change].agent, changes[change].on, now_s
                    )
                else:
                    _hand_over(state, per_s, changes[change].agent, changes[change].on - 2, now_s)
                change += 1
            elif event_s <= call_s:
                now_s = event_s
                kind = nodes[node].kind
                _unschedule(calendar, nodes, node)
                if kind == _COMPLETION:
                    agent, asked = _complete(tables, state, node >> 1, now_s)
                elif kind == _ABANDONMENT:
                    agent = _give_up(tables, state, node >> 1, now_s)
                else:
                    slot, arriving = node >> 1, kind == _JOINING
            else:
                now_s = call_s
                slot, arriving = _new_caller(tables, state, fresh), True
                if slot < 0:
                    return -1

        if slot >= 0:
            if arriving:
                if state.hands[_ROWS] == len(slots):
                    return -1
                _enter(tables, state, slot, now_s)
            if slots[slot].ready_s <= now_s:
                queue, person = slots[slot].queue, slots[slot].person
                agent = find_agent(tables, state, queue, person, slots[slot].arrival_s, now_s)
            if agent < 0:
                _wait(tables, state, slot, now_s, arriving)
        elif agent >= 0:
            slot = find_caller(tables, state, state.agents[agent].team, now_s)
            if slot < 0:
                _become_idle(state.teams, state.agents, agent, now_s)
        if slot >= 0 and agent >= 0:
            _serve(tables, state, slot, agent, now_s)

    # Nobody will come on position any more: callers who still wait are never answered.
    end_s = max(now_s, tables.horizon_s)
    for q in range(n_queues):
        while queues[q].head >= 0:
            slots[queues[q].head].reason = _NO_REDIAL
            _give_up(tables, state, queues[q].head, end_s)
    return state.hands[_ROWS]


# --- one pool, first come first served ------------------------------------------------------------------


@_compiled
def fifo_day(
    arrival_s: Any,
    service_s: Any,
    patience_s: Any,
    bucket_s: float,
    calendar: Any,
    nodes: Any,
    answer_s: Any,
    end_s: Any,
    agent: Any,
) -> Any:
    """Fill answers, ends and agents of one pool (Kiefer and Wolfowitz, 1955), free moments on a calendar.

    One node per agent. `patience_s` may be empty. A caller whose patience ends at the very moment at which an
    agent is free is answered.
    """
    per_s = 1.0 / bucket_s
    for i in range(len(nodes)):
        _schedule(calendar, nodes, per_s, i, 0.0, 0)
    for i in range(len(arrival_s)):
        node = _earliest(calendar, nodes, _LAST)
        start_s = max(arrival_s[i], nodes[node].time_s)
        limit_s = arrival_s[i] + patience_s[i] if len(patience_s) else inf
        if start_s > limit_s:
            answer_s[i], end_s[i], agent[i] = nan, limit_s, -1
            continue
        answer_s[i], end_s[i], agent[i] = start_s, start_s + service_s[i], node
        _unschedule(calendar, nodes, node)
        _schedule(calendar, nodes, per_s, node, end_s[i], 0)
