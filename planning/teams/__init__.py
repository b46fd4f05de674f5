"""The other systems of the centre: small modules that end in heads and roubles."""

from planning.teams.summary import summary
from planning.teams.systems import Systems

__all__ = ["Systems", "summary"]
