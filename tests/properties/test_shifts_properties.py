"""Covers of any need, recounted without the solver's matrix."""

import numpy as np
import pandas as pd
from factories import MONDAY, one_site, requirement_of
from hypothesis import given, settings
from hypothesis import strategies as st

from planning import cover
from planning.calendars import axis
from planning.shifts import shapes

DAY = axis(MONDAY, 1, 900)
CENTRE = one_site(
    {"shifts.lengths_h": {"short": 6.5, "day": 8.5}, "shifts.meal_min": {"short": 30, "day": 30}}
)
hourly = st.lists(st.integers(0, 12), min_size=24, max_size=24)


def present(plan):
    """Heads on position: every interval of every shift that no break touches, on a cyclic clock."""
    total = np.zeros(96, dtype=int)
    for row in plan.shifts.itertuples():
        for begin in pd.date_range(row.start, row.end, freq="15min", inclusive="left"):
            after = (begin - row.start).total_seconds()
            breaks = plan.patterns[row.pattern].breaks
            if not any(b.start_s < after + 900 and after < b.start_s + b.length_s for b in breaks):
                total[(begin.hour * 60 + begin.minute) // 15] += row.headcount
    return total


@settings(max_examples=12, deadline=None, derandomize=True)
@given(hourly)
def test_need_is_met_or_told(hours):
    """On position and missing together are never less than the need, and what is missing really is."""
    need = requirement_of({f"{hour:02d}:00": heads for hour, heads in enumerate(hours)})
    plan = cover(CENTRE, need)
    wanted = need["rostered"].to_numpy()
    missing = plan.unmet.set_index("interval_start")["missing"].reindex(DAY, fill_value=0).to_numpy()
    assert (np.maximum(wanted - present(plan), 0) == missing).all()
    assert plan.bound <= plan.objective * (1 + 1e-9)
    assert plan.gap < 0.15


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    st.integers(12, 50).map(lambda quarters: quarters / 4),
    st.sampled_from([30, 45, 60]),
    st.sampled_from([10, 15, 20]),
    st.floats(1.0, 3.0),
)
def test_patterns_keep_their_hours(length_h, meal, rest, stretch_h):
    """Under any rules: one meal, rests paid, on position no longer than paid."""
    changes = {
        "shifts.lengths_h": {"day": length_h},
        "shifts.meal_min": {"day": meal},
        "shifts.rest_min": rest,
        "shifts.work_between_rests_h": stretch_h,
    }
    for shape in shapes(one_site(changes | {"labour.max_shift_h.value": 14})):
        assert shape.paid_s == length_h * 3600 - meal * 60
        for first in (True, False):
            pattern = shape.pattern(slot.first if first else slot.last for slot in shape.slots)
            assert pattern.on_position(900).sum() * 900 <= pattern.paid_s
            assert all(b.start_s >= 900 for b in pattern.breaks)
