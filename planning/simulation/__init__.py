"""Discrete-event simulation of the whole contact centre: it uses no formula and tests every plan."""

from planning.simulation.certificate import certificate
from planning.simulation.contacts import CONTACTS, Band, band, contact_measures, paired_difference
from planning.simulation.engine import Day, Days, fifo, simulate_day, simulate_days
from planning.simulation.network import Agent, AgentGroup, CallQueue, Law, Network
from planning.simulation.replications import (
    Simulation,
    contacts_of,
    difference,
    simulate,
    simulate_positions,
)

__all__ = [
    "CONTACTS",
    "Agent",
    "AgentGroup",
    "Band",
    "CallQueue",
    "Day",
    "Days",
    "Law",
    "Network",
    "Simulation",
    "band",
    "certificate",
    "contact_measures",
    "contacts_of",
    "difference",
    "fifo",
    "paired_difference",
    "simulate",
    "simulate_day",
    "simulate_days",
    "simulate_positions",
]
