"""The contact centre as data, read from a TOML file: sites, queues, teams, overflow, pay and labour rules."""

from planning.centre.labour import Labour, Norm
from planning.centre.model import Centre
from planning.centre.organisation import Distribution, Organisation, Overflow, Queue, Site, Team
from planning.centre.prices import Alternatives, Pay, ThirdSite
from planning.centre.records import CallRecords
from planning.centre.settings import clock_text
from planning.centre.shift_rules import ShiftRules
from planning.queueing.target import Target

__all__ = [
    "Alternatives",
    "CallRecords",
    "Centre",
    "Distribution",
    "Labour",
    "Norm",
    "Organisation",
    "Overflow",
    "Pay",
    "Queue",
    "ShiftRules",
    "Site",
    "Target",
    "Team",
    "ThirdSite",
    "clock_text",
]
