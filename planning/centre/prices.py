"""What hours, rides and workplaces cost, and what alternatives to a night at another site would cost."""

from __future__ import annotations

from datetime import timedelta

from planning.centre.settings import Clock, Hours, NotNegative, Positive, Settings, Share, Zone


class Pay(Settings):
    """What hours, rides and workplaces cost, in the centre's currency."""

    norm_h_month: Positive
    """Hours of the monthly wage: a year's normal hours over twelve; the country's by default."""
    contributions: NotNegative
    """Employer's contributions, as a share of pay; the country's by default."""
    unmet_cost_h: Positive
    """Price of an agent-hour missing on position, so that a plan is never silently short; by
    default fifty times the dearest team's hour."""
    over_cost_h: NotNegative = 0.0
    """Price of an agent-hour on position beyond the requirement."""
    off_length: NotNegative = 0.1
    """Price of each hour by which a shift differs from a usual day of its team's contracts, as a share of the
    hourly rate."""
    spare_hour: NotNegative = 0.05
    """Worth of a contract hour that is left for training or time off, as a share of the hourly rate."""
    weekend_premium: NotNegative = 0.0
    """Addition to the hourly rate at the weekend, as a share of the rate."""
    taxi_cost: NotNegative = 0.0
    """Cost of a ride home when there is no public transport."""
    taxi_from: Clock = timedelta(hours=23)
    """From this time of day rides are paid ..."""
    taxi_until: Clock = timedelta(hours=5, minutes=30)
    """... to this one."""
    seat_cost_month: NotNegative = 0.0
    """Rent and equipment of a workplace beyond those of a site, per month."""


class ThirdSite(Hours):
    """A site that does not exist yet."""

    name: str
    """Its name on reports."""
    time_zone: Zone
    """Its time zone."""
    wage: Positive
    """Its wages, as a multiple of those of the site that closes."""


class Alternatives(Settings):
    """What a night without the other site would cost: prices of the alternatives that are not in use."""

    outsource_cost_call: NotNegative
    """A partner's price per call."""
    call_back_accepted: Share
    """Share of the callers of a closed site who leave their number; the others are lost."""
    call_back_calls: Positive
    """Calls needed to reach one of them the next day, each as long as the call itself."""
    standby_share: NotNegative
    """Pay of an hour of stand-by at home, as a share of the hourly rate."""
    failures_year: NotNegative
    """Nights per year on which the night site fails."""
    third_site: ThirdSite
    """A site in another time zone, where the night is day."""
