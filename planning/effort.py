"""How long a search may run: the deadline that the searches for shifts and rosters share."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class TimeUpError(Exception):
    """The time limit of the settings has passed; the best result so far is kept."""


class SolverError(Exception):
    """A solver failed or found nothing; the best result so far is kept."""


@contextmanager
def solver_errors() -> Iterator[None]:
    """Turn whatever a solver raises into a SolverError, so that its caller can keep the best result so far.

    Examples
    --------
    >>> with solver_errors():
    ...     {}["a key that the solver lost"]
    Traceback (most recent call last):
    planning.effort.SolverError: KeyError: 'a key that the solver lost'
    """
    try:
        yield
    except Exception as error:
        raise SolverError(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class Deadline:
    """The time limit of a search, if there is one.

    Examples
    --------
    >>> Deadline(None).left_s, Deadline(60.0).left_s <= 60.0
    (inf, True)
    """

    limit_s: float | None
    """Seconds of wall time from the beginning."""
    began: float = field(default_factory=time.monotonic)

    @property
    def passed_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    @property
    def left_s(self) -> float:
        """Seconds until the end, at least 0."""
        return math.inf if self.limit_s is None else max(self.limit_s - self.passed_s, 0.0)

    def check(self) -> None:
        """Raise TimeUpError if the time is over."""
        if not self.left_s:
            raise TimeUpError
