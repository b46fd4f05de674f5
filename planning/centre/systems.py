"""Settings of the centre's other systems, read with the centre's file.

Second line, specialists, quality, VIP, wellbeing and careers; `planning.systems` and `planning.studies` work
with them. A centre need not have any of them.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from planning.centre.settings import Hourly, NotNegative, Positive, Settings, Share
from planning.errors import PlanningError


class SecondLine(Settings):
    """The work of the second line, and the value of a customer who stays.

    How many calls the first line hands on or asks about is set in its queue, by `transfers` and `consults`.
    """

    queue: str = "second_line"
    """Its queue."""
    first_line: str = "first_line"
    """The queue that it supports."""
    transfers_aht_s: Positive
    """Mean handle time of the calls that the first line cannot answer, seconds."""
    consults_aht_s: Positive
    """Mean time of an operator's question while the caller waits, seconds."""
    leavers_share: Share
    """Customers who want to leave and are put through at once, as a share of the first line's calls."""
    leavers_aht_s: Positive
    """Mean handle time of a customer who wants to leave, seconds."""
    save_rate: Share
    """Share of leavers kept if they are answered at once."""
    half_s: Positive
    """Wait after which a leaver is kept half as often, seconds."""
    kept_months: Positive
    """Months that a kept customer stays."""
    margin_month: NotNegative
    """Margin on a customer, per month."""
    offer_month: NotNegative
    """Cost of the better offer, per month."""
    paid_per_hour: Positive
    """Paid hours per hour on position: rests, and shifts that do not fit the load to the minute."""

    @property
    def worth(self) -> float:
        """Value of a kept customer."""
        return self.kept_months * (self.margin_month - self.offer_month)


class Specialists(Settings):
    """What a second skill costs."""

    skill_premium: NotNegative
    """Addition to the hourly rate of people who have learnt another team's work, as a share of the rate."""
    training_h: NotNegative
    """Paid hours to learn another team's work."""
    keeps_months: Positive
    """Months for which the training pays: until the person leaves or is promoted."""


class Quality(Settings):
    """What the quality group does for each operator, and its standard of a good operator."""

    queue: str = "quality"
    """The queue of its work."""
    operators: Annotated[int, Field(ge=0)] = 0
    """People whose calls are listened to, if no list of people is given; 0 keeps the work in the demand."""
    calls_month: Annotated[int, Field(gt=0)]
    """Calls of each operator to listen to in a month."""
    mystery_month: NotNegative
    """Mystery calls to each operator in a month, on average."""
    replay: Positive
    """Time to listen to a call, as a multiple of its length."""
    scoring_min: NotNegative
    """Time to score one call, minutes."""
    mystery_min: NotNegative
    """Time for a mystery call with preparation and scoring, minutes."""
    feedback_min: NotNegative
    """Talk with each operator once a month, minutes."""
    calibration: Share
    """Time in which reviewers score the same calls to agree on the scale, as a share of all other work."""
    good: Share
    """Share of passed calls of an operator who must not be blamed."""
    bad: Share
    """Share of passed calls of an operator who needs help."""
    risk: Share
    """Largest probability of a wrong verdict, of either kind, that counts as fair."""
    pass_mean: Share
    """Share of passed calls over all operators, for the synthetic scores."""
    pass_strength: Positive
    """How alike operators are: their shares are Beta(mean x strength, (1 - mean) x strength)."""


class Vip(Settings):
    """The VIPs, and the weights of an assignment of managers."""

    vips: Annotated[int, Field(gt=0)]
    """Number of VIPs, when they are generated."""
    calls_by_hour: Hourly
    """Calls by hour of the VIP's clock, 24 numbers in any unit."""
    calls_cv: Positive
    """Coefficient of variation of the number of calls between VIPs."""
    languages: dict[str, Share]
    """Share of the VIPs, and of the managers, who speak each language other than the common one."""
    spread: NotNegative
    """How far above the even share of calls, by hours on duty, a manager may be."""
    keep: NotNegative
    """Weight of a change of manager, as the share of the VIP's calls answered by somebody else."""


class Wellbeing(Settings):
    """How hard the work is."""

    hard_share: Share
    """Share of the first line's calls after which an operator needs a moment."""
    calls_shift: Positive
    """Calls of an operator in a shift."""


class Grade(Settings):
    """A step of the career."""

    promoted_from: str | None = None
    """Grade below, whose people are promoted to this one; None for the grade of new hires."""
    leaves_month: Share
    """Share of the grade's people who leave the company in a month, once they are no longer beginners."""
    training: list[Share]
    """Work done in each of the first months in the grade, as a share of a full colleague's."""
    span: Positive | None = None
    """People of all other grades per person of this grade; None if the need comes from the requirement."""
    wage_month: Positive | None = None
    """Gross monthly wage; None for that of the centre's teams of this grade."""


class Careers(Settings):
    """How people are hired, promoted and leave."""

    grades: Annotated[dict[str, Grade], Field(min_length=1)]
    """Grades by name, from the first to the last."""
    beginners_leave: Annotated[list[Share], Field(min_length=1)]
    """Share who leave in each of the first months after hiring; promotion is possible after these."""
    months: Annotated[int, Field(gt=0)]
    """Months of the plan."""
    run_out_months: Annotated[int, Field(ge=0)]
    """Further months in the model, so that the plan does not run down its staff at the end."""
    class_seats: Annotated[int, Field(ge=0)]
    """Most people hired in a month: places in the training class."""
    hire_cost: NotNegative
    """Advertising, selecting and training one new hire, without wages."""
    promote_cost: NotNegative
    """Training one promoted colleague, without wages."""
    redundancy_months: NotNegative = 3.0
    """Months of pay that it costs to dismiss somebody whose work is gone, an assumption: set your own."""
    short_cost_month: Positive
    """Price of a colleague missing for a month, high enough that a team is short only if it must be."""
    growth_month: Annotated[float, Field(gt=-1, allow_inf_nan=False)]
    """Growth of the work per month, as a share."""
    paid_per_hour: Positive
    """Paid hours per hour on position: rests, and shifts that do not fit the load to the minute."""
    leave_days: Annotated[float, Field(ge=0, lt=365)]
    """Annual leave, calendar days."""
    leave_cv: NotNegative
    """Coefficient of variation of a year's rate of leaving around the expected one."""
    path_factor: Positive
    """How many times as often operators leave if nobody is promoted."""

    @model_validator(mode="after")
    def _one_ladder(self) -> Self:
        entries = [name for name, grade in self.grades.items() if grade.promoted_from is None]
        if len(entries) != 1:
            raise ValueError(f"{len(entries)} grades have no promoted_from, must be one: the one hired into")
        seen: set[str] = set()
        for name, grade in self.grades.items():
            if grade.promoted_from is not None and grade.promoted_from not in seen:
                raise ValueError(
                    f"grades.{name}.promoted_from is {grade.promoted_from!r}, must be a grade before "
                    "it in the file: order them from the first to the last"
                )
            seen.add(name)
        if len(self.grades[entries[0]].training) > len(self.beginners_leave):
            raise ValueError(f"grades.{entries[0]}.training is longer than beginners_leave: add months there")
        return self

    @property
    def entry(self) -> str:
        """The grade that is hired into."""
        return next(name for name, grade in self.grades.items() if grade.promoted_from is None)

    @property
    def staying(self) -> NDArray[np.float64]:
        """Share of a class still there k months after hiring, k = 0 to the end of the beginners' months."""
        return np.concatenate([[1.0], np.cumprod(1 - np.array(self.beginners_leave))])

    def leaving(self, factor: float) -> Self:
        """Return the careers with every rate of leaving multiplied, at most 1."""
        raw = self.model_dump()
        raw["beginners_leave"] = [min(1.0, rate * factor) for rate in self.beginners_leave]
        for grade in raw["grades"].values():
            grade["leaves_month"] = min(1.0, grade["leaves_month"] * factor)
        return self.of(raw)

    def without_path(self) -> Self:
        """Return the careers with operators leaving as if nobody were ever promoted."""
        raw = self.model_dump()
        raw["beginners_leave"] = [min(1.0, rate * self.path_factor) for rate in self.beginners_leave]
        entry = raw["grades"][self.entry]
        entry["leaves_month"] = min(1.0, entry["leaves_month"] * self.path_factor)
        return self.of(raw)


class Systems(Settings):
    """The other systems of the centre."""

    def part(self, name: str) -> Any:
        """Return one system's settings, or say that they are missing.

        Raises
        ------
        PlanningError
            The centre's file has no such table.
        """
        found = getattr(self, name)
        if found is None:
            raise PlanningError(f"systems.{name} is missing: add the table to the centre's file")
        return found

    second_line: SecondLine | None = None
    """Calls that the first line hands on, and customers who want to leave."""
    specialists: Specialists | None = None
    """Home internet and claims."""
    quality: Quality | None = None
    """Listening to calls and mystery calls."""
    vip: Vip | None = None
    """The VIPs, and the weights of an assignment of managers."""
    wellbeing: Wellbeing | None = None
    """How hard the work is."""
    careers: Careers | None = None
    """How people are hired, promoted and leave."""
