"""Compare scenarios: evaluate them on any executor, cache the results, and set them against the base."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, as_completed
from functools import cache as once
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from planning.calendars import local_day
from planning.centre.money import money
from planning.checks import one_of, whole
from planning.errors import PlanningError
from planning.pay import DAYS_A_YEAR, caller_costs, seats_cost
from planning.shifts import CoverSettings, horizon, least_cost
from planning.simulation.contacts import paired_difference
from planning.staffing import requirement
from planning.systems.quality import operators_of
from planning.whatif.changes import Scenario, apply_changes
from planning.whatif.evaluation import Evaluation, Result, Staff, evaluate

if TYPE_CHECKING:
    from planning.centre import Centre

BASE = "base"
"""Name of the row without changes."""
LOOSE = CoverSettings(gap=0.02, effort=0.2)
"""Search settings for scenarios: a wider gap and less work than for the plan itself."""
PACKAGE = Path(__file__).parents[1]
"""Folder whose code decides the results of a scenario."""


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
    """Plan, simulate and price each scenario, and compare it with the base.

    Every scenario meets the same callers as the base, call by call, so a difference has a narrow band. Shifts
    are filled by heads without names, whom no contract limits (in `planning.plan` they do). Contract hours
    that no shift fills are paid: those of the people given, or of as many as the shifts need.

    Parameters
    ----------
    scenarios : mapping
        Changes by the scenario's name: a path of the centre (``"sites.moscow.closes"``) or one of
        `planning.whatif.NAMED` ("volume", "aht", "patience", "shrinkage", "sickness", "wages", "wages.SITE",
        "closing_hour", "closing_hour.SITE", "lost_site", "probability", "save_rate", "unplanned") and the new
        value.
    centre : Centre
    demand : DataFrame
        DEMAND of whole days; FORECAST for "probability".
    people : DataFrame, optional
        PEOPLE on staff. They are paid whether they work or not, so fewer shifts alone save little, and the
        quality group listens to those who answer calls. By default each scenario employs as many as its
        shifts need, and ``systems.quality.operators`` says to how many people quality listens.
    staff : {"shifts", "positions"}
        Whole shifts, or only the heads required, which is several times faster: use it for many scenarios, or
        to search for a value.
    replications, seed : int
        Of the simulation.
    settings : CoverSettings
        Settings of the search for shifts. The row's `gap` says what they may cost.
    executor : concurrent.futures.Executor, optional
        One after the other by default; a process pool, or ``distributed.Client(...).get_executor()``. The
        numbers are the same on every executor.
    cache : path, optional
        Folder that keeps each result by its content, on a disk that all workers can reach. Finished work is
        not repeated, even if a run was killed. You may delete the folder at any time.

    Returns
    -------
    DataFrame
        Index scenario, the base first: cost and its parts (pay_cost, idle_cost for contract hours that no
        shift fills, rides_cost, seats_cost, careers_cost, abandoned_cost for callers who give up, closed_cost
        for those who find a queue closed that was open, leavers_cost for customers whom the second line does
        not keep), paid_h, night_h, idle_h, on_staff (people employed; 0 for positions), on_shift (the most in
        a day), peak_agents (required on position at once), unmet_h, gap, kept (customers whom the second line
        keeps), closed_calls,
        ``service_level_<queue>``; for cost, paid_h, peak_agents, kept and each service level its difference
        from the base (``..._difference``), with the half-width of the difference's 95 % band
        (``..._half_width``) if it is random; cost_difference_low and cost_difference_high, between which the
        difference lies if the shifts of both were the cheapest; proven ("cheaper", "dearer" or "no difference
        proven", as both are on one side of 0 or not; "" for the same); hired and dismissed (full colleagues
        whom the scenario has more and fewer, team by team), and change_cost, which they cost once; verdict
        ("holds", "too close to call", "does not hold": the
        worst of all queues and days), and reason: why a scenario has no figures, otherwise empty.

    Raises
    ------
    PlanningError
        The base cannot be planned, a scenario is called "base", or an argument is not one of its choices. A
        scenario that cannot be planned raises nothing: its row has the reason.

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
        raise PlanningError(f"scenario {BASE!r} has changes, must have none: give it another name")
    one_of("staff", staff, ("shifts", "positions"))
    how = Evaluation(staff, whole("replications", replications, 2), seed, settings)
    today = Scenario(_counted(centre, people), demand, people=people)
    base, present = evaluate_cached(today, how, None, cache)
    todo = [(name, changes) for name, changes in scenarios.items() if name != BASE]
    work = partial(_one, today, how, present, cache)
    found = dict(_all(todo, work, executor))
    rows = {BASE: row_of(base, base)} | {name: row_of(found[name], base) for name, _ in todo}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("scenario")
    return table.assign(**{name: table[name].fillna("") for name in ("proven", "verdict", "reason")})


def _counted(centre: Centre, people: pd.DataFrame | None) -> Centre:
    """Replace the number of people in the settings by a count of the people given."""
    if people is None or centre.systems.quality is None:
        return centre
    return centre.replace({"systems.quality.operators": operators_of(centre, people)})


def least_costs(
    scenarios: Mapping[str, Mapping[str, Any]], centre: Centre, demand: pd.DataFrame
) -> pd.DataFrame:
    """Bound the cost of each scenario from below, to choose the few that `compare` plans in whole shifts.

    Only what teams that answer callers cost is counted: their pay with the price of heads that no shift can
    cover (``pay.unmet_cost_h``), desks beyond those there are, and the calls of closed hours. People may be
    fractions, so it takes seconds where whole shifts take a minute, and no plan of the scenario can cost
    less.

    Parameters
    ----------
    scenarios, centre, demand
        As for `compare`.

    Returns
    -------
    DataFrame
        Index scenario, the base first: cost, its parts pay_cost, seats_cost and closed_cost, and
        ``desks_<site>``, the heads at the busiest moment.

    Examples
    --------
    >>> from planning import Centre
    >>> from planning.calendars import axis, day_start
    >>> times = axis(day_start("2026-11-23", "Europe/Moscow"), 1, 900)
    >>> flat = pd.DataFrame({"queue": "vip", "interval_start": times, "calls": 6.0, "aht_s": 200.0})
    >>> found = least_costs({"busier": {"volume": 1.5}}, Centre.load(), flat)
    >>> bool(found["cost"].is_monotonic_increasing), found["desks_moscow"].tolist()
    (True, [5.0, 6.0])
    """
    today = Scenario(centre, demand)
    wanted = {BASE: today} | {
        name: apply_changes(today, changes) for name, changes in scenarios.items() if name != BASE
    }
    rows = {name: _least_cost(centre, one) for name, one in tqdm(wanted.items(), "bounds", leave=False)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scenario")


def _least_cost(centre: Centre, scenario: Scenario) -> dict[str, float]:
    """Bound one scenario; the desks are those beyond the centre's before the changes."""
    changed = scenario.centre
    called = [name for name, queue in changed.queues.items() if not queue.waits]
    # Afterwards, since contacts bring work that waits.
    needed = requirement(changed, scenario.demand)
    needed = needed[needed["queue"].isin(called)].reset_index(drop=True)
    days = len(local_day(horizon(changed, needed)).unique())
    heads = needed.groupby(["site", "interval_start"])["rostered"].sum().groupby(level="site").max()
    price = caller_costs(changed)["unanswered"]
    parts = {
        "pay_cost": least_cost(changed, needed),
        "seats_cost": float(seats_cost(centre, heads, days).sum()),
        "closed_cost": float(sum(calls * price[queue] for queue, calls in scenario.lost.items())),
    }
    return {"cost": sum(parts.values()), **parts, **heads.astype(float).add_prefix("desks_").to_dict()}


def cheapest(table: pd.DataFrame) -> str:
    """Name the cheapest scenario of `compare` that breaks no promise.

    That is the base, which costs nothing to change to, unless another one is proven cheaper.

    Raises
    ------
    PlanningError
        Every scenario breaks a promise or failed.
    """
    good = table[(table["reason"] == "") & (table["verdict"] != "does not hold")]
    if good.empty:
        raise PlanningError("no scenario keeps its promises: allow more staff or a lower target")
    proven = good[(good["proven"] == "cheaper") | (good.index == BASE)]
    return str((proven if BASE in good.index else good)["cost"].idxmin())


def _all(
    todo: list[tuple[str, Mapping[str, Any]]],
    work: Callable[[Mapping[str, Any]], Result | str],
    executor: Executor | None,
) -> Iterator[tuple[str, Result | str]]:
    """Evaluate all scenarios; an interruption leaves the rest undone, a failure only its own scenario."""
    bar = tqdm(total=len(todo), desc="scenarios", unit="scenario", leave=False)
    left = [name for name, _ in todo]
    futures: dict[Future[Result | str], str] = {}
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
            (name, "interrupted: compare again, finished scenarios come from the cache") for name in left
        )
    finally:
        bar.close()


def _or_reason(result: Callable[[], Result | str]) -> Result | str:
    """Return a result, or why there is none: a worker may die while the others go on."""
    try:
        return result()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _one(
    today: Scenario, how: Evaluation, present: Staff, cache: str | Path | None, changes: Mapping[str, Any]
) -> Result | str:
    """Evaluate one scenario on a worker of the executor, or say why it cannot be planned."""
    try:
        other = apply_changes(today, changes)
        return evaluate_cached(other, how, present if other.unplanned else None, cache)[0]
    except PlanningError as error:
        return str(error)


# --- kept by content ----------------------------------------------------------------------------------------


def evaluate_cached(
    scenario: Scenario, how: Evaluation, staff: Staff | None, cache: str | Path | None
) -> tuple[Result, Staff]:
    """Evaluate a scenario, or take it from the cache if the same scenario was evaluated before."""
    if cache is None:
        return evaluate(scenario, how, staff)
    memory = joblib.Memory(str(cache), verbose=0)
    found: tuple[Result, Staff] = memory.cache(_by_content, ignore=["scenario", "staff"])(
        _content(scenario), None if staff is None else _rows(staff.roster.roster), how, scenario, staff
    )
    return found


def _by_content(
    content: str, heads: str | None, how: Evaluation, scenario: Scenario, staff: Staff | None
) -> Any:
    """Evaluate; joblib caches the result by the first three arguments."""
    del content, heads
    return evaluate(scenario, how, staff)


def _content(scenario: Scenario) -> str:
    """Everything that decides a result, including the code, so that results of other code are not reused."""
    settings = (scenario.centre, scenario.probability, scenario.lost, scenario.rented)
    people = None if scenario.people is None else _rows(scenario.people)
    return joblib.hash((code_of(PACKAGE), repr(settings), _rows(scenario.demand), people))  # type: ignore[no-any-return]


def _rows(frame: pd.DataFrame) -> str:
    """Content of a frame, regardless of its layout in memory."""
    values = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    return joblib.hash((list(frame.columns), values))  # type: ignore[no-any-return]


@once
def code_of(package: Path) -> str:
    """Content of a package's modules."""
    return joblib.hash([module.read_bytes() for module in sorted(package.rglob("*.py"))])  # type: ignore[no-any-return]


# --- side by side -------------------------------------------------------------------------------------------


def row_of(result: Result | str, base: Result) -> dict[str, Any]:
    """Put a scenario's figures beside their differences from the base."""
    if isinstance(result, str):
        return {"reason": result}
    row: dict[str, Any] = {}
    for name, value in result.figures.items():
        row[name] = value
        if name in ("cost", "paid_h", "peak_agents", "kept"):
            row[f"{name}_difference"] = value - base.figures.get(name, float("nan"))
    row |= _doubt(result, base) | _moves(result, base)
    for queue, levels in result.levels.items():
        name = f"service_level_{queue}"
        row[name] = levels.mean()
        if queue in base.levels:
            band = paired_difference(levels, base.levels[queue])
            row |= {f"{name}_difference": band.mean, f"{name}_half_width": band.half_width}
    return row | {"verdict": result.verdict, "reason": ""}


def in_words(centre: Centre, row: Mapping[str, Any], days: int = 1, week: int = 7) -> str:
    """Say how a scenario's cost differs from the base's: a day, a week and a year, and to change once.

    Parameters
    ----------
    centre : Centre
        Its currency is that of the costs.
    row : mapping
        A row of `compare`.
    days : int
        Days of its demand on which the centre is open.
    week : int
        Days of a week on which the centre is open (`planning.demand.open_days_a_week`).

    Examples
    --------
    >>> row = {"cost_difference": -20e3, "cost_difference_low": -50e3, "cost_difference_high": 4e3}
    >>> row |= {"proven": "no difference proven", "hired": 3.2, "dismissed": 0.0, "change_cost": 6e5}
    >>> from planning import Centre
    >>> for part in in_words(Centre.load().replace({"country": "US", "currency": "USD"}), row).split("; "):
    ...     print(part)
    $20,000 less a day (-$50,000 to $4,000: no difference proven), $140,000 a week, $7,300,000 a year
    to change, once: $600,000 for 3 people hired and 0 dismissed
    """
    amount = partial(money, centre)
    if row["cost_difference_low"] == row["cost_difference_high"] == 0:
        return "the same cost"
    gain, low, high = (row[f"cost_difference{end}"] / days for end in ("", "_low", "_high"))
    size = abs(gain)
    band = "" if low == high else f"{amount(low)} to {amount(high)}: "
    text = (
        f"{amount(size)} {'less' if gain < 0 else 'more'} a day ({band}{row['proven']}), "
        f"{amount(week * size)} a week, {amount(DAYS_A_YEAR / 7 * week * size)} a year"
    )
    if not row["change_cost"]:
        return text
    return (
        f"{text}; to change, once: {amount(row['change_cost'])} for {row['hired']:.0f} people hired and "
        f"{row['dismissed']:.0f} dismissed"
    )


def _doubt(result: Result, base: Result) -> dict[str, Any]:
    """Between what bounds the difference of the costs lies, and what that proves.

    Of the costs, only that of callers who give up is random. The shifts of either side may be dearer than
    they need be, up to their bounds; teams whose shifts are the same on both sides leave no doubt.
    """
    random = paired_difference(result.abandoned_cost, base.abandoned_cost).half_width
    now, then = result.shifts.align(base.shifts, fill_value=0.0)
    other = ~np.isclose(now, then).all(axis=1)
    spare, base_spare = ((one["objective"] - one["bound"])[other].sum() for one in (now, then))
    gain = result.figures["cost"] - base.figures["cost"]
    low, high = gain - spare - random, gain + base_spare + random
    proven = "dearer" if low > 0 else "cheaper" if high < 0 else "no difference proven" if low < high else ""
    return {
        "cost_half_width": random, "cost_difference_low": low, "cost_difference_high": high, "proven": proven,
    }  # fmt: skip


def _moves(result: Result, base: Result) -> dict[str, Any]:
    """How many people must be taken on and dismissed to get from the base to a scenario, and the price."""
    now, then = result.heads.align(base.heads)
    more = now["heads"].fillna(0.0) - then["heads"].fillna(0.0)
    hired, gone = more.clip(lower=0.0), (-more).clip(lower=0.0)
    cost = hired @ now["hire_cost"].fillna(0.0) + gone @ then["dismiss_cost"].fillna(0.0)
    return {"hired": float(hired.sum()), "dismissed": float(gone.sum()), "change_cost": float(cost)}
