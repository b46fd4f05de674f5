"""Discrete-event simulation of the whole contact centre: knows no formula, judges every plan."""

from planning.simulation.contacts import CONTACTS, Band, band, measures, paired_difference
from planning.simulation.engine import Day, Days, fifo, simulate_day, simulate_days
from planning.simulation.network import Agent, Law, Network, Queue, Team

__all__ = [
    "CONTACTS",
    "Agent",
    "Band",
    "Day",
    "Days",
    "Law",
    "Network",
    "Queue",
    "Team",
    "band",
    "fifo",
    "measures",
    "paired_difference",
    "simulate_day",
    "simulate_days",
]
