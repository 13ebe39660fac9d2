"""The wallet as the page shows it: neutral cards in our own colours, numbers masked."""

from __future__ import annotations

from collections import Counter
from typing import Any

from simulator import cards
from simulator.cards.profiles import Profile
from simulator.web.hub import Message

load = cards.load

# Hue and saturation of each scheme's cards, in our own palette; others are grey.
_COLOURS = {
    "visa": (205, 48),
    "mastercard": (8, 52),
    "amex": (180, 40),
    "jcb": (140, 40),
    "discover": (28, 60),
    "unionpay": (340, 45),
}
_GREY = (220, 6)
_EVERYDAY = ("credit", "debit", "phone", "watch")
_SHADE = 17


def describe() -> list[Message]:
    """One entry a card; `kind` is card, phone or several, `hue` and `saturation` its colour."""
    entries = sorted((_entry(cards.profile(name)) for name in cards.names()), key=_order)
    shades: Counter[str] = Counter()
    for entry in entries:  # a shade of its own for each card of a scheme
        entry["hue"] += _SHADE * (shades[entry["scheme"]] % 4)
        shades[entry["scheme"]] += 1
    return entries


def _order(entry: Message) -> tuple[int, int, str]:
    """What people carry first, scheme by scheme; then cards with something about them; then
    trouble."""
    everyday = entry["name"].partition("_")[2] in _EVERYDAY
    rank = 2 if entry["troubled"] else 0 if everyday else 1
    schemes = list(_COLOURS)
    scheme = entry["scheme"].lower()
    return rank, schemes.index(scheme) if scheme in schemes else len(schemes), entry["title"]


def _entry(profile: Profile) -> Message:
    entry: Message = {
        "name": profile.name,
        "title": profile.title,
        "note": "",
        "scheme": "",
        "kind": "several" if profile.cards else "card",
        "number": "",
        "expiry": "",
        "troubled": bool(profile.awkward or profile.cards),
    }
    hue, saturation = _GREY
    if profile.cards:
        entry["note"] = " and ".join(cards.profile(name).title for name in profile.cards)
    elif profile.applications:
        app = profile.applications[0]
        hue, saturation = _COLOURS.get(app.applet, _GREY)
        expiry = app.expiry.hex()
        entry["scheme"] = app.applet.upper()
        entry["number"] = masked(app.pan)
        entry["expiry"] = f"{expiry[2:4]}/{expiry[:2]}"
        if app.cdcvm or app.locked:
            entry["kind"] = "phone"
        status = profile.account.get("status", "open")
        entry["troubled"] = entry["troubled"] or app.blocked or status != "open"
        entry["note"] = _note(profile, app.locked, app.cdcvm, app.blocked, status)
    return {**entry, "hue": hue, "saturation": 12 if entry["troubled"] else saturation}


def _note(profile: Profile, locked: bool, cdcvm: bool, blocked: bool, status: str) -> str:
    """What is special about a card, in a few words; "" for a plain one."""
    awkward: dict[str, Any] = dict(profile.awkward)
    if "slow_ms" in awkward:
        return f"{awkward['slow_ms']} ms late each time"
    if "torn_after_bytes" in awkward:
        return f"leaves after {awkward['torn_after_bytes']} bytes"
    if "torn_after_apdus" in awkward:
        return f"leaves after {awkward['torn_after_apdus']} answers"
    if "garbage" in awkward:
        return "any bytes of any length"
    if "sw" in awkward:
        return f"answers {awkward['sw']:04X} at step {awkward['step']}"
    if blocked:
        return "application blocked"
    if status != "open":
        return f"issuer: {status}"
    if locked:
        return "wants to be unlocked"
    return "unlocked by its owner" if cdcvm else ""


def masked(pan: str) -> str:
    """First six and last four digits."""
    return f"{pan[:6]} {'•' * (len(pan) - 10)} {pan[-4:]}"
