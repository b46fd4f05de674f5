"""A site that closes: who answers when, what happens at the hand-over, its cost and the alternatives."""

from planning.overflow.alternatives import alternatives as alternatives
from planning.overflow.alternatives import break_even_price as break_even_price
from planning.overflow.alternatives import break_even_volume as break_even_volume
from planning.overflow.alternatives import break_even_wage as break_even_wage
from planning.overflow.alternatives import compare_nights as compare_nights
from planning.overflow.alternatives import run_nights as run_nights
from planning.overflow.apart import apart_service as apart_service
from planning.overflow.apart import closing_overruns as closing_overruns
from planning.overflow.closing import closing_at as closing_at
from planning.overflow.closing import open_hours as open_hours
from planning.overflow.failure import failed_night as failed_night
from planning.overflow.failure import standby_worth as standby_worth
from planning.overflow.flow import OverflowPlan as OverflowPlan
from planning.overflow.flow import night_overflow as night_overflow
from planning.overflow.night import Alternative as Alternative
from planning.overflow.night import Night as Night
from planning.overflow.night import run_night as run_night
from planning.overflow.steps import STEP_DOWNS as STEP_DOWNS
from planning.overflow.steps import StepDown as StepDown
from planning.overflow.steps import step_down as step_down
from planning.overflow.steps import step_downs as step_downs
