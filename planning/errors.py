"""The one error that a user of this package is meant to read."""


class PlanningError(ValueError):
    """What was given cannot be planned.

    The message is one line: the field or row, its value, the bound it breaks, and what to do about it.
    """
