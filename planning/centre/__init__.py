"""The contact centre as data, read from a TOML file: sites, queues, teams, overflow, pay and labour rules."""

from planning.centre.model import (
    Alternatives,
    CallRecords,
    Centre,
    Labour,
    Norm,
    Overflow,
    Pay,
    Queue,
    Shape,
    ShiftRules,
    Site,
    Target,
    Team,
    ThirdSite,
    clock_text,
)

__all__ = [
    "Alternatives",
    "CallRecords",
    "Centre",
    "Labour",
    "Norm",
    "Overflow",
    "Pay",
    "Queue",
    "Shape",
    "ShiftRules",
    "Site",
    "Target",
    "Team",
    "ThirdSite",
    "clock_text",
]
