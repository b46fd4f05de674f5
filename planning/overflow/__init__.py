"""A site that closes: who answers when, what happens at the hand-over, its cost and the alternatives."""

from planning.overflow.alternatives import (
    CLOSING_HOURS,
    alternatives,
    break_even_price,
    break_even_volume,
    break_even_wage,
    closing_hours,
    compare_nights,
    run_nights,
)
from planning.overflow.apart import apart_service, closing_overruns
from planning.overflow.closing import closing_at, open_hours
from planning.overflow.failure import failed_night, standby_worth
from planning.overflow.flow import OverflowPlan, night_overflow
from planning.overflow.night import Alternative, Night, run_night
from planning.overflow.steps import STEP_DOWNS, StepDown, step_down, step_downs

__all__ = [
    "CLOSING_HOURS",
    "STEP_DOWNS",
    "Alternative",
    "Night",
    "OverflowPlan",
    "StepDown",
    "alternatives",
    "apart_service",
    "break_even_price",
    "break_even_volume",
    "break_even_wage",
    "closing_at",
    "closing_hours",
    "closing_overruns",
    "compare_nights",
    "failed_night",
    "night_overflow",
    "open_hours",
    "run_night",
    "run_nights",
    "standby_worth",
    "step_down",
    "step_downs",
]
