"""Shifts: the catalogue of possible shifts, and the cheapest ones that cover a requirement."""

from planning.shifts.catalogue import Break as Break
from planning.shifts.catalogue import Pattern as Pattern
from planning.shifts.catalogue import Shape as Shape
from planning.shifts.catalogue import catalogue as catalogue
from planning.shifts.catalogue import shapes as shapes
from planning.shifts.cover import CoverPlan as CoverPlan
from planning.shifts.cover import at_desks as at_desks
from planning.shifts.cover import cover as cover
from planning.shifts.cover import gap_of as gap_of
from planning.shifts.cover import horizon as horizon
from planning.shifts.cover import least_cost as least_cost
from planning.shifts.cover import on_position as on_position
from planning.shifts.cover import requirement_by_team as requirement_by_team
from planning.shifts.day import DayCover as DayCover
from planning.shifts.day import cover_day as cover_day
from planning.shifts.day import heads_of as heads_of
from planning.shifts.duties_and_waiting import cover_again as cover_again
from planning.shifts.duties_and_waiting import cover_all as cover_all
from planning.shifts.duties_and_waiting import waiting_work as waiting_work
from planning.shifts.notation import format_shift as format_shift
from planning.shifts.notation import parse_shift as parse_shift
from planning.shifts.search import CoverSettings as CoverSettings
from planning.shifts.search import Progress as Progress
