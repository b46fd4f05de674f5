"""The contact centre as data, read from a TOML file: sites, queues, teams, overflow, pay and labour rules."""

from planning.centre.labour import Labour as Labour
from planning.centre.labour import Norm as Norm
from planning.centre.labour import Rotation as Rotation
from planning.centre.model import Centre as Centre
from planning.centre.organisation import Distribution as Distribution
from planning.centre.organisation import Organisation as Organisation
from planning.centre.organisation import Overflow as Overflow
from planning.centre.organisation import Queue as Queue
from planning.centre.organisation import Site as Site
from planning.centre.organisation import Team as Team
from planning.centre.prices import Alternatives as Alternatives
from planning.centre.prices import Pay as Pay
from planning.centre.prices import ThirdSite as ThirdSite
from planning.centre.records import CallRecords as CallRecords
from planning.centre.settings import clock_text as clock_text
from planning.centre.shift_rules import ShiftRules as ShiftRules
from planning.queueing.target import Target as Target
