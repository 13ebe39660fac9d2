"""The wallet: cards by name, each personalised from `profiles/NAME.toml`.

title = "Visa credit"
source = "where the number comes from"
[card]          uid, ats (hexadecimal)
[account]       what the sandbox issuer keeps: status, balance_minor
[[application]] see `simulator.cards.personalisation.Application`
[awkward]       garbage = SEED, torn_after_apdus, torn_after_bytes, times, slow_ms, sw + step
extends = NAME  begin with another profile; cards = [NAME, ...] several at once
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from simulator.cards.amex import AmexApplet
from simulator.cards.applet import Applet
from simulator.cards.awkward import Garbage, Several, Slow, StatusWord, TornAfter
from simulator.cards.card import AppletCard, Card
from simulator.cards.discover import DiscoverApplet
from simulator.cards.jcb import JcbApplet
from simulator.cards.mastercard import MastercardApplet
from simulator.cards.personalisation import Application, ProfileError, application
from simulator.cards.unionpay import UnionPayApplet
from simulator.cards.visa import VisaApplet

FOLDER = Path(__file__).with_name("profiles")

_APPLETS: dict[str, type[Applet]] = {
    "visa": VisaApplet,
    "mastercard": MastercardApplet,
    "amex": AmexApplet,
    "jcb": JcbApplet,
    "discover": DiscoverApplet,
    "unionpay": UnionPayApplet,
}
_KNOWN = ("title", "source", "card", "account", "application", "awkward", "extends", "cards")


@dataclass(frozen=True)
class Account:
    """What the issuer knows of a card: `status` open, blocked or expired."""

    pan: str
    scheme: str
    expiry: str  # YYMM
    status: str
    balance_minor: int


@dataclass(frozen=True)
class Profile:
    """A profile as read: its tables, checked."""

    name: str
    title: str
    source: str
    card: Mapping[str, str]
    account: Mapping[str, Any]
    applications: tuple[Application, ...]
    awkward: Mapping[str, int]
    cards: tuple[str, ...]


def names() -> list[str]:
    """Every profile there is, plain cards before awkward ones."""
    found = [path.stem for path in sorted(FOLDER.glob("*.toml"))]
    return sorted(
        found, key=lambda name: (bool(profile(name).awkward or profile(name).cards), name)
    )


def load(name: str) -> Card:
    """A new card from profile `name`, its counter where it was personalised; KeyError if there is
    none."""
    read = profile(name)
    if read.cards:
        return Several(name, read.title, [load(other) for other in read.cards])
    applets = [_APPLETS[app.applet](app) for app in read.applications]
    uid, ats = bytes.fromhex(read.card["uid"]), bytes.fromhex(read.card["ats"])
    card: Card = AppletCard(name, read.title, uid, ats, applets)
    for kind, value in read.awkward.items():
        card = _spoil(card, kind, value, read.awkward)
    return card


def accounts() -> list[Account]:
    """The accounts behind all profiles, each PAN once, for the sandbox acquirer's ledger."""
    found: dict[str, Account] = {}
    for name in names():
        read = profile(name)
        for app in read.applications:
            status = read.account.get("status", "open")
            balance = read.account.get("balance_minor", 100_000)
            expiry = app.expiry.hex()[:4]
            found.setdefault(app.pan, Account(app.pan, app.applet, expiry, status, balance))
    return list(found.values())


@cache
def profile(name: str) -> Profile:
    """Profile `name`; KeyError if there is none, ProfileError if it is wrong."""
    path = FOLDER / f"{name}.toml"
    if not name.isidentifier() or not path.is_file():
        raise KeyError(name)
    try:
        source = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{path.name}: {error}") from None
    unknown = [key for key in source if key not in _KNOWN]
    if unknown:
        raise ProfileError(f"{path.name}: unknown field {unknown[0]!r}")
    base = profile(source["extends"]) if "extends" in source else None
    listed = source.get("application", [])
    apps = tuple(application(f"{path.name}: application {i + 1}", a) for i, a in enumerate(listed))
    if base is not None:
        apps = apps or base.applications
    elif "cards" not in source and not ("card" in source and apps):
        raise ProfileError(f"{path.name}: card and application are needed, or extends, or cards")
    return Profile(
        name=name,
        title=source.get("title", base.title if base else name),
        source=source.get("source", base.source if base else ""),
        card={**(base.card if base else {}), **source.get("card", {})},
        account={**(base.account if base else {}), **source.get("account", {})},
        applications=apps,
        awkward=source.get("awkward", {}),
        cards=tuple(source.get("cards", ())),
    )


def _spoil(card: Card, kind: str, value: int, all_of_it: Mapping[str, int]) -> Card:
    if kind == "slow_ms":
        return Slow(card, value)
    if kind == "torn_after_apdus":
        return TornAfter(card, apdus=value, times=all_of_it.get("times"))
    if kind == "torn_after_bytes":
        return TornAfter(card, bytes_=value, times=all_of_it.get("times"))
    if kind == "garbage":
        return Garbage(card, seed=value)
    if kind == "sw":
        return StatusWord(card, value, all_of_it["step"])
    if kind in ("times", "step"):
        return card
    raise ProfileError(f"{card.name}.toml: unknown kind of awkwardness {kind!r}")
