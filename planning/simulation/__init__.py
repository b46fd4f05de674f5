"""Discrete-event simulation of the whole contact centre: knows no formula, judges every plan."""

from planning.simulation.certificate import certificate
from planning.simulation.contacts import CONTACTS, Band, band, measures, paired_difference
from planning.simulation.engine import Day, Days, fifo, simulate_day, simulate_days
from planning.simulation.network import Agent, Law, Network, Queue, Team
from planning.simulation.replications import (
    Simulation,
    contacts_of,
    difference,
    simulate,
    simulate_seats,
)

__all__ = [
    "CONTACTS",
    "Agent",
    "Band",
    "Day",
    "Days",
    "Law",
    "Network",
    "Queue",
    "Simulation",
    "Team",
    "band",
    "certificate",
    "contacts_of",
    "difference",
    "fifo",
    "measures",
    "paired_difference",
    "simulate",
    "simulate_day",
    "simulate_days",
    "simulate_seats",
]
