"""ISO 4217: alphabetic code -> (numeric code, minor unit digits), for the currencies a terminal
may be set to.
"""

from kassa.system.errors import KassaError

CURRENCIES = {
    "AED": (784, 2),
    "AUD": (36, 2),
    "BHD": (48, 3),
    "BRL": (986, 2),
    "CAD": (124, 2),
    "CHF": (756, 2),
    "CNY": (156, 2),
    "CZK": (203, 2),
    "DKK": (208, 2),
    "EUR": (978, 2),
    "GBP": (826, 2),
    "HKD": (344, 2),
    "HUF": (348, 2),
    "INR": (356, 2),
    "JPY": (392, 0),
    "KRW": (410, 0),
    "KWD": (414, 3),
    "MXN": (484, 2),
    "NOK": (578, 2),
    "NZD": (554, 2),
    "PLN": (985, 2),
    "SEK": (752, 2),
    "SGD": (702, 2),
    "THB": (764, 2),
    "TRY": (949, 2),
    "TWD": (901, 2),
    "USD": (840, 2),
    "ZAR": (710, 2),
}


class UnknownCurrency(KassaError):
    """A currency code that is not in the table."""


def numeric(code: str) -> int:
    """ISO 4217 numeric code, e.g. 978 for EUR."""
    return _entry(code)[0]


def minor_digits(code: str) -> int:
    """How many of an amount's digits are minor units: 2 for EUR, 0 for JPY."""
    return _entry(code)[1]


def _entry(code: str) -> "tuple[int, int]":
    entry = CURRENCIES.get(code)
    if entry is None:
        raise UnknownCurrency("currency " + code + " is not known; add it to system/currency.py")
    return entry
