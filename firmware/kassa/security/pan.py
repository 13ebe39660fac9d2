"""The card number, as people and logs may see it.  Pure."""


def mask(pan: str) -> str:
    """First six and last four digits, the rest as `*` (PCI DSS 3.4.1); short numbers show less."""
    if len(pan) < 13:
        return "*" * (len(pan) - 4) + pan[-4:] if len(pan) > 4 else "*" * len(pan)
    return pan[:6] + "*" * (len(pan) - 10) + pan[-4:]
