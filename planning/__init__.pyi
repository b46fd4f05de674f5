from .calendars import axis as axis
from .calendars import day_start as day_start
from .centre import Centre as Centre
from .demand import backtest as backtest
from .demand import demand_for as demand_for
from .demand import forecast as forecast
from .demand import read_calls as read_calls
from .demand import read_demand as read_demand
from .errors import PlanningError as PlanningError
from .overflow import night_overflow as night_overflow
from .plan import Plan as Plan
from .plan import plan as plan
from .queueing import Target as Target
from .roster.audit import audit as audit
from .roster.model import build_roster as build_roster
from .roster.people import read_people as read_people
from .shifts import cover as cover
from .simulation.replications import simulate as simulate
from .staffing import requirement as requirement
from .staffing import requirement_at as requirement_at
from .whatif import compare as compare

__version__: str
