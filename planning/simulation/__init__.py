"""Discrete-event simulation of the whole contact centre: it uses no formula and tests every plan."""

from planning.simulation.certificate import certificate as certificate
from planning.simulation.certificate import kept_promises as kept_promises
from planning.simulation.contacts import CONTACTS as CONTACTS
from planning.simulation.contacts import Band as Band
from planning.simulation.contacts import band as band
from planning.simulation.contacts import contact_measures as contact_measures
from planning.simulation.contacts import paired_difference as paired_difference
from planning.simulation.engine import Day as Day
from planning.simulation.engine import Days as Days
from planning.simulation.engine import fifo as fifo
from planning.simulation.engine import simulate_day as simulate_day
from planning.simulation.engine import simulate_days as simulate_days
from planning.simulation.network import Agent as Agent
from planning.simulation.network import AgentGroup as AgentGroup
from planning.simulation.network import CallQueue as CallQueue
from planning.simulation.network import Law as Law
from planning.simulation.network import Network as Network
from planning.simulation.replications import Simulation as Simulation
from planning.simulation.replications import contacts_of as contacts_of
from planning.simulation.replications import difference as difference
from planning.simulation.replications import simulate as simulate
from planning.simulation.replications import simulate_positions as simulate_positions
