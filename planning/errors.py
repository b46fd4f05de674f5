"""The one error that this package raises for its users."""


class PlanningError(ValueError):
    """The input cannot be planned.

    The message is one line: the field or row, its value, the bound it breaks, and what to do about it.
    """
