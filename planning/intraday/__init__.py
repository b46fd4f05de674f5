"""The day as it comes: the service to expect, what to do about it, and who kept to the roster."""

from planning.intraday.adherence import adherence as adherence
from planning.intraday.adherence import shrinkage_changes as shrinkage_changes
from planning.intraday.adherence import summed as summed
from planning.intraday.proposals import applied as applied
from planning.intraday.proposals import proposals as proposals
from planning.intraday.proposals import with_changes as with_changes
from planning.intraday.state import SoFar as SoFar
from planning.intraday.state import Today as Today
from planning.intraday.state import calls_so_far as calls_so_far
from planning.intraday.state import expected_service as expected_service
from planning.intraday.state import late_calls as late_calls
from planning.intraday.state import shortfalls as shortfalls
from planning.intraday.state import today_of as today_of
from planning.intraday.state import with_meetings as with_meetings
