"""Where scenarios are evaluated: in this process, in others on this machine, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from planning.errors import PlanningError


@contextmanager
def executor_of(processes: int = 1, scheduler: str | None = None) -> Iterator[Executor | None]:
    """Open what `compare` takes as its executor.

    Parameters
    ----------
    processes : int
        Processes on this machine; 1 means this process only.
    scheduler : str, optional
        Address of a Dask scheduler to use instead, for example ``tcp://10.0.0.5:8786``.

    Raises
    ------
    PlanningError
        ``distributed`` is not installed, or nothing answers at the address.
    """
    if scheduler is not None:
        with _cluster(scheduler) as executor:
            yield executor
    elif processes == 1:
        yield None
    else:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            yield pool


@contextmanager
def _cluster(scheduler: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise PlanningError(
            "distributed is not installed, must be for a scheduler: install contact-centre-planning[cluster]"
        ) from None
    try:
        client = Client(scheduler, timeout=10)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise PlanningError(f"scheduler is {scheduler!r}, must answer: {error}") from None
    with client:
        yield client.get_executor()  # type: ignore[no-untyped-call]
