"""A site that closes: who answers when, what happens at the hand-over, what it costs, what else there is."""

from planning.overflow.flow import OverflowPlan, night_overflow

__all__ = ["OverflowPlan", "night_overflow"]
