"""Cardholder verification: the card's list (8E) and its results (9F34, 9F71).

EMV 4.4 Book 3, Annex C3; Book 4, Annex A4; Book C-4, mobile CVM results.
"""

from __future__ import annotations

from host_tools.lens.currencies import money

METHODS = {
    0x00: "fail",
    0x01: "plaintext PIN by card",
    0x02: "online PIN",
    0x03: "plaintext PIN by card and signature",
    0x04: "enciphered PIN by card",
    0x05: "enciphered PIN by card and signature",
    0x06: "face by card",
    0x07: "face online",
    0x08: "finger by card",
    0x09: "finger online",
    0x0A: "palm by card",
    0x0B: "palm online",
    0x0C: "iris by card",
    0x0D: "iris online",
    0x0E: "voice by card",
    0x0F: "voice online",
    0x1E: "signature",
    0x1F: "no CVM",
    0x3F: "no CVM performed",
}
CONDITIONS = {
    0x00: "always",
    0x01: "if unattended cash",
    0x02: "if not cash or cashback",
    0x03: "if the terminal has it",
    0x04: "if manual cash",
    0x05: "if cashback",
    0x06: "if under X",
    0x07: "if over X",
    0x08: "if under Y",
    0x09: "if over Y",
}
# Kernel 2 says it so when a phone has verified its owner (Book C-2, 6.7).
_ON_THE_DEVICE = b"\x01\x00\x02"
_RESULTS = {0: "unknown", 1: "failed", 2: "successful"}
_MOBILE_RESULTS = {**_RESULTS, 3: "blocked"}


def rules(value: bytes, currency: str = "") -> list[str]:
    """A CVM list (8E): the amounts X and Y, then a line a rule in the order they are tried."""
    if len(value) < 8:
        return ["too short for a CVM list"] if value else []
    x, y = (int.from_bytes(value[at : at + 4], "big") for at in (0, 4))
    lines = []
    if x or y:
        shown = (money(x, currency), money(y, currency)) if currency else (x, y)
        lines.append(f"X = {shown[0]}, Y = {shown[1]}")
    lines += [_rule(value[at], value[at + 1]) for at in range(8, len(value) - 1, 2)]
    return lines + (["not whole: 2 bytes a rule"] if len(value) % 2 else [])


def _rule(rule: int, condition: int) -> str:
    method = METHODS.get(rule & 0x3F, "unknown method") if rule != 0x3F else METHODS[0x3F]
    more = ", else the next" if rule & 0x40 and rule != 0x3F else ""
    return f"{method} {CONDITIONS.get(condition, 'if unknown')}{more}"


def results(value: bytes) -> list[str]:
    """CVM results (9F34): the method and what came of it."""
    if len(value) != 3:
        return []
    method = METHODS.get(value[0] & 0x3F, "unknown method")
    if value == _ON_THE_DEVICE:
        method = "PIN by card, or on the customer's own device"
    return [f"{method}: {_RESULTS.get(value[2], '?')}"]


def mobile_results(value: bytes) -> list[str]:
    """American Express's mobile CVM results (9F71)."""
    if len(value) != 3:
        return []
    method = {0x01: "mobile CVM", 0x3F: "no CVM performed"}.get(value[0], "unknown method")
    return [f"{method}: {_MOBILE_RESULTS.get(value[2], '?')}"]
