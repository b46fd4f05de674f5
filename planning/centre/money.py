"""Amounts of money, as people in the centre's country write them."""

from __future__ import annotations

import re
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, get_currency_symbol

from planning.centre.country import NO_CURRENCY
from planning.centre.model import Centre


def money(centre: Centre, value: float, *, digits: int = 0) -> str:
    r"""Write an amount with the currency's own sign and separators (CLDR).

    Parameters
    ----------
    centre : Centre
        Its `currency` is that of the amount; its `country` says how people there write it.
    value : float
        Amount in the centre's currency.
    digits : int
        Decimals.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml").replace({"country": "DE", "currency": "EUR"})
    >>> money(centre, 1234567.2).replace("\xa0", " ")
    '1.234.567 €'
    >>> money(centre.replace({"country": "US", "currency": "USD"}), -12.5, digits=2)
    '-$12.50'
    """
    amount = round(value, digits) + 0.0  # no "-0"
    text = format_currency(
        amount,
        centre.currency,
        _pattern(centre, digits),
        _locale(centre.country),
        currency_digits=False,
    )
    return str(text).strip()


def currency_sign(centre: Centre) -> str:
    """Return the sign of the centre's currency, for the title of an axis; "" if there is none.

    Examples
    --------
    >>> currency_sign(Centre.load("data/centre.toml").replace({"currency": "EUR"}))
    '€'
    """
    if centre.currency == NO_CURRENCY:
        return ""
    return str(get_currency_symbol(centre.currency, _locale(centre.country)))


def money_format(centre: Centre, *, digits: int = 0) -> str:
    """Return the number format of amounts in a workbook; Excel uses the reader's own separators.

    Examples
    --------
    >>> money_format(Centre.load("data/centre.toml").replace({"country": "DE", "currency": "EUR"}))
    '#,##0 "€"'
    """
    number, sign = f"#,##0.{'0' * digits}".rstrip("."), currency_sign(centre)
    if not sign:
        return number
    before = _pattern(centre, digits).startswith("¤")
    return f'"{sign}"{number}' if before else f'{number} "{sign}"'


def _pattern(centre: Centre, digits: int) -> str:
    standard = _locale(centre.country).currency_formats["standard"].pattern
    if centre.currency == NO_CURRENCY:
        standard = standard.replace("¤", "")
    return re.sub(r"0\.0+", f"0.{'0' * digits}".rstrip("."), standard)


@cache
def _locale(country: str) -> Locale:
    """Find how a country writes numbers; in an English text, scripts that run from right to left do not."""
    try:
        locale = Locale.parse(f"und_{country.partition('-')[0]}")
    except (UnknownLocaleError, ValueError):
        return Locale("en")
    return locale if locale.character_order == "left-to-right" else Locale("en")
