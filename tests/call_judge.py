"""A second simulation of one queue, in plain Python: it shares no code with the package and judges its plans.

Callers arrive by a Poisson process, are served in the order of arrival by whoever is free, hang up when their
patience ends, and agents finish the call that they are in before they take a break or go home.
"""

import heapq
import random
from collections import deque
from math import exp


def poisson(mean, draw):
    """A Poisson number, by the product of uniforms (Knuth)."""
    limit, count, product = exp(-mean), 0, draw.random()
    while product > limit:
        count, product = count + 1, product * draw.random()
    return count


def day_of_calls(calls, interval_s, draw):
    """Arrival times of one day."""
    return sorted(
        interval_s * (at + draw.random()) for at, mean in enumerate(calls) for _ in range(poisson(mean, draw))
    )


def answered_in_time(arrivals, spans, *, aht_s, patience_s, threshold_s, draw):
    """Calls of one day that are answered within the threshold; `spans` has (start, end) pairs an agent."""
    events = [(start, 0, who, 0.0) for who, own in enumerate(spans) for start, _ in own]
    events += [(time, 1, -1, time + draw.expovariate(1 / patience_s)) for time in arrivals]
    heapq.heapify(events)
    waiting, free, good = deque(), deque(), 0

    def here(who, now):
        return any(start <= now < end for start, end in spans[who])

    busy = [False] * len(spans)
    while events:
        now, kind, who, gives_up = heapq.heappop(events)
        if kind == 1:
            waiting.append((now, gives_up))
        else:
            if kind == 2:
                busy[who] = False
            if not busy[who] and who not in free and here(who, now):
                free.append(who)
        while waiting and free:
            agent = free.popleft()
            if not here(agent, now):
                continue
            came, until = waiting.popleft()
            while until <= now and waiting:
                came, until = waiting.popleft()
            if until <= now:  # all of them have hung up
                free.appendleft(agent)
                break
            good += now - came <= threshold_s
            busy[agent] = True
            heapq.heappush(events, (now + draw.expovariate(1 / aht_s), 2, agent, 0.0))
    return good


def kept_level(calls, spans, *, days, seed, absent=0.0, interval_s=900.0, **how):
    """Share of all calls that are answered in time over many days, and its standard error."""
    draw = random.Random(seed)
    counts = []
    for _ in range(days):
        arrivals = day_of_calls(calls, interval_s, draw)
        present = [own for own in spans if draw.random() >= absent]
        counts.append((answered_in_time(arrivals, present, draw=draw, **how), len(arrivals)))
    good, whole = (sum(column) for column in zip(*counts, strict=True))
    level = good / whole
    squares = sum((some - level * count) ** 2 for some, count in counts)
    return level, (squares / (days * (days - 1))) ** 0.5 * days / whole
