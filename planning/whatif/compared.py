"""Scenarios side by side: worked out one by one or on any executor, kept on disk, set against the base."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, as_completed
from functools import cache as once
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import pandas as pd
from tqdm import tqdm

from planning.checks import one_of
from planning.errors import PlanningError
from planning.shifts import CoverSettings
from planning.simulation.contacts import paired_difference
from planning.simulation.network import whole
from planning.systems.quality import operators_of
from planning.whatif.changes import World, changed
from planning.whatif.outcome import Outcome, Staff, Terms, worked_out

if TYPE_CHECKING:
    from planning.centre import Centre

__all__ = ["BASE", "LOOSE", "cheapest", "compare", "outcome_of", "row_of"]

BASE = "base"
"""Name of the row without changes."""
LOOSE = CoverSettings(gap=0.02, effort=0.2)
"""How shifts are sought for scenarios: looser than for the plan itself, and sooner."""
Scenario = tuple[str, Mapping[str, Any]]


def compare(
    scenarios: Mapping[str, Mapping[str, Any]],
    centre: Centre,
    demand: pd.DataFrame,
    *,
    people: pd.DataFrame | None = None,
    staff: str = "shifts",
    replications: int = 20,
    seed: int = 1,
    settings: CoverSettings = LOOSE,
    executor: Executor | None = None,
    cache: str | Path | None = None,
) -> pd.DataFrame:
    """Plan, simulate and price each scenario, and set it beside the base.

    Every scenario meets the same callers as the base, call by call, so a difference has a narrow band of its
    own. Names stand for nobody: staff are heads, so leave and contracts are not asked (`planning.plan` does).

    Parameters
    ----------
    scenarios : mapping
        Changes by the scenario's name: a path of the centre (``"sites.moscow.closes"``) or one of
        `planning.whatif.NAMED` ("volume", "aht", "patience", "shrinkage", "sickness", "wages", "wages.SITE",
        "closing_hour", "lost_site", "probability", "save_rate", "unplanned") and the new value.
    centre : Centre
    demand : DataFrame
        DEMAND of whole days; FORECAST for "probability".
    people : DataFrame, optional
        PEOPLE; only counted: whoever answers calls is listened to by the quality group. Without them it is
        so many as ``systems.quality.operators`` says.
    staff : {"shifts", "positions"}
        Whole shifts, or just the heads required: several times faster, for many scenarios or a goal.
    replications, seed : int
        Of the simulation.
    settings : CoverSettings
        How shifts are sought. The row's `gap` says what that may cost.
    executor : concurrent.futures.Executor, optional
        One after the other by default; a process pool, or ``distributed.Client(...).get_executor()``. The
        numbers are the same on every one.
    cache : path, optional
        Folder that keeps each result by its content, on a disk that all workers see: what was done is not
        done again, after a kill neither. Delete it when you like.

    Returns
    -------
    DataFrame
        Index scenario, the base first: cost (pay_cost, careers_cost, rides_cost, seats_cost, abandoned_cost),
        paid_h, night_h, heads, peak_agents (required at once), unmet_h, gap, kept and kept_worth (by the
        second line), ``service_level_<queue>``; for cost, paid_h, peak_agents, kept and each service level
        its difference to the base (``..._difference``), with the half-width of the difference's 95 % band
        (``..._half_width``) where chance is in it; verdict ("holds", "too close to call", "does not hold":
        the worst of all queues and days), and reason: why a scenario has no figures, else empty.

    Raises
    ------
    PlanningError
        The base cannot be planned, a scenario is called "base", or an argument is no choice. What is wrong
        with a scenario is its row's reason.

    Examples
    --------
    >>> from planning import Centre
    >>> from planning.calendars import axis, day_start
    >>> times = axis(day_start("2026-11-23", "Europe/Moscow"), 1, 900)
    >>> flat = pd.DataFrame({"queue": "vip", "interval_start": times, "calls": 6.0, "aht_s": 200.0})
    >>> table = compare(
    ...     {"busier": {"volume": 1.5}, "typo": {"volum": 1.5}}, Centre.load(), flat, staff="positions"
    ... )
    >>> table[["peak_agents", "peak_agents_difference"]].T.to_dict("list")
    {'base': [4.0, 0.0], 'busier': [5.0, 1.0], 'typo': [nan, nan]}
    >>> table["verdict"].tolist()
    ['holds', 'holds', '']
    >>> table.loc["typo", "reason"].split(":")[0]
    "volum is no setting of the centre, the top level has no 'volum'"
    """
    if scenarios.get(BASE):
        raise PlanningError(f"scenario {BASE!r} has changes, must have none: name it otherwise")
    one_of("staff", staff, ("shifts", "positions"))
    terms = Terms(staff, whole("replications", replications, 2), seed, settings)
    world = World(_counted(centre, people), demand)
    base, crew = outcome_of(world, terms, None, cache)
    todo = [(name, changes) for name, changes in scenarios.items() if name != BASE]
    work = partial(_one, world, terms, crew, cache)
    found = dict(_all(todo, work, executor))
    rows = {BASE: row_of(base, base)} | {name: row_of(found[name], base) for name, _ in todo}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("scenario")
    return table.assign(**{name: table[name].fillna("") for name in ("verdict", "reason")})


def _counted(centre: Centre, people: pd.DataFrame | None) -> Centre:
    """Put the number of the people at hand in the place of the one in the settings."""
    if people is None or centre.systems.quality is None:
        return centre
    return centre.replace({"systems.quality.operators": operators_of(centre, people)})


def cheapest(table: pd.DataFrame) -> str:
    """Name the scenario of `compare` that costs least of those that do not break a promise.

    Raises
    ------
    PlanningError
        Every one breaks a promise or failed.
    """
    good = table[(table["reason"] == "") & (table["verdict"] != "does not hold")]
    if good.empty:
        raise PlanningError("no scenario keeps its promises: allow more staff or a lower target")
    return str(good["cost"].idxmin())


def _all(
    todo: list[Scenario], work: Callable[[Mapping[str, Any]], Outcome | str], executor: Executor | None
) -> Iterator[tuple[str, Outcome | str]]:
    """Work all scenarios out; an interruption leaves the rest undone, a failure only its own."""
    bar = tqdm(total=len(todo), desc="scenarios", unit="scenario", leave=False)
    left = [name for name, _ in todo]
    futures: dict[Future[Outcome | str], str] = {}
    try:
        if executor is not None:
            futures = {executor.submit(work, changes): name for name, changes in todo}
        results = (
            ((futures[done], done.result) for done in as_completed(futures))
            if executor is not None
            else ((name, partial(work, changes)) for name, changes in todo)
        )
        for name, result in results:
            yield name, _or_reason(result)
            left.remove(name)
            bar.update()
    except KeyboardInterrupt:
        for future in futures:
            future.cancel()
        yield from (
            (name, "interrupted: compare again, what is kept in a cache is not done twice") for name in left
        )
    finally:
        bar.close()


def _or_reason(result: Callable[[], Outcome | str]) -> Outcome | str:
    """Return a result, or why there is none: a worker may die, and the others go on."""
    try:
        return result()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _one(
    world: World, terms: Terms, crew: Staff, cache: str | Path | None, changes: Mapping[str, Any]
) -> Outcome | str:
    """Work one scenario out where the executor wants it, or say why it cannot be."""
    try:
        other = changed(world, changes)
        return outcome_of(other, terms, crew if other.unplanned else None, cache)[0]
    except PlanningError as error:
        return str(error)


# --- kept by content ----------------------------------------------------------------------------------------


def outcome_of(
    world: World, terms: Terms, crew: Staff | None, cache: str | Path | None
) -> tuple[Outcome, Staff]:
    """Work a world out, or take it from the cache's folder if the very same one was worked out before."""
    if cache is None:
        return worked_out(world, terms, crew)
    memory = joblib.Memory(str(cache), verbose=0)
    found: tuple[Outcome, Staff] = memory.cache(_by_content, ignore=["world", "crew"])(
        _content(world), None if crew is None else _rows(crew.roster.roster), terms, world, crew
    )
    return found


def _by_content(content: str, staff: str | None, terms: Terms, world: World, crew: Staff | None) -> Any:
    """Work out; joblib keeps it by the first three arguments."""
    del content, staff
    return worked_out(world, terms, crew)


def _content(world: World) -> str:
    """All that decides a result, the code included: a result of other code is not taken for this one's."""
    settings = (world.centre, world.probability)
    return joblib.hash((_code(), repr(settings), _rows(world.demand)))  # type: ignore[no-any-return]


def _rows(frame: pd.DataFrame) -> str:
    """Content of a frame, however it lies in memory."""
    values = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    return joblib.hash((list(frame.columns), values))  # type: ignore[no-any-return]


@once
def _code() -> str:
    """Content of the package's modules."""
    modules = sorted(Path(__file__).parents[1].rglob("*.py"))
    return joblib.hash([module.read_bytes() for module in modules])  # type: ignore[no-any-return]


# --- side by side -------------------------------------------------------------------------------------------


def row_of(outcome: Outcome | str, base: Outcome) -> dict[str, Any]:
    """Set a scenario's figures beside their differences to the base."""
    if isinstance(outcome, str):
        return {"reason": outcome}
    row: dict[str, Any] = {}
    for name, value in outcome.figures.items():
        row[name] = value
        if name in ("cost", "paid_h", "peak_agents", "kept"):
            row[f"{name}_difference"] = value - base.figures.get(name, float("nan"))
        if name == "cost":
            # Only what callers who give up cost is left to chance.
            row[f"{name}_half_width"] = paired_difference(outcome.lost_cost, base.lost_cost).half_width
    for queue, levels in outcome.levels.items():
        name = f"service_level_{queue}"
        row[name] = levels.mean()
        if queue in base.levels:
            band = paired_difference(levels, base.levels[queue])
            row |= {f"{name}_difference": band.mean, f"{name}_half_width": band.half_width}
    return row | {"verdict": outcome.verdict, "reason": ""}
