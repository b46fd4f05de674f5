"""What a centre gets from its country: labour law, currency and weekend.

The law of a country is a data file in ``countries/``, which overrides the house rules of ``none.toml``.
Another country is another file; a country without a file has the house rules, its holidays and its currency.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from babel.numbers import get_territory_currencies

from planning.calendars import NO_COUNTRY

FOLDER = Path(__file__).parent / "countries"
NO_CURRENCY = "none"
"""Amounts without a sign, where the country is "none" too."""


@cache
def countries() -> tuple[str, ...]:
    """Codes of the countries whose law is on file, and "none" for the house rules.

    Examples
    --------
    >>> countries()
    ('DE', 'FR', 'KZ', 'PL', 'RU', 'none')
    """
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@cache
def country_settings(country: str) -> Mapping[str, Mapping[str, Any]]:
    """Read the labour rules and the pay settings of a country, which override the house rules.

    Parameters
    ----------
    country : str
        ISO 3166 code, with a region or without it; "none" gives the house rules.

    Examples
    --------
    >>> country_settings("DE-BY")["labour"]["min_rest_h"]
    {'value': 11, 'article': 'ArbZG 5(1)'}
    """
    house, law = _read(NO_COUNTRY), _read(_code(country))
    return MappingProxyType({table: house[table] | law.get(table, {}) for table in house})


def currency_of(country: str) -> str:
    """Code of a country's currency (CLDR).

    Examples
    --------
    >>> currency_of("DE"), currency_of("none")
    ('EUR', 'none')
    """
    return next(iter(get_territory_currencies(_code(country))), NO_CURRENCY)


def _code(country: str) -> str:
    """Drop the region from a code: DE-BY becomes DE."""
    return country.partition("-")[0]


def _read(code: str) -> dict[str, dict[str, Any]]:
    if code not in countries():
        return {}
    return tomllib.loads((FOLDER / f"{code}.toml").read_text(encoding="utf-8"))
