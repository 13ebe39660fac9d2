"""The account a card stands for: PAN and track 2 (EMV 4.3 Book 3, Annex A)."""

from kassa.emv.errors import CardDataError


def pan_digits(value: bytes) -> str:
    """The digits of tag 5A (compressed numeric, F-padded); CardDataError unless there are 8 to
    19."""
    return _digits(value.hex().rstrip("f"))


def track2_parts(value: bytes) -> "tuple[str, str]":
    """PAN and expiry ("YYMM") of tag 57; CardDataError if it is not track 2 equivalent data."""
    digits = value.hex().rstrip("f")
    separator = digits.find("d")
    # Expiry, service code, what the issuer likes: digits to the end.
    rest = digits[separator + 1 :]
    if separator < 0 or len(rest) < 4 or not rest.isdigit():
        raise CardDataError("card data error")
    return _digits(digits[:separator]), rest[:4]


def _digits(text: str) -> str:
    if not 8 <= len(text) <= 19 or not text.isdigit():
        raise CardDataError("card data error")
    return text
