"""The wallet: cards by name, each personalised from `profiles/NAME.toml`.

title = "Visa credit"
source = "where the number comes from"
[card]          uid, ats (hexadecimal)
[account]       what the sandbox issuer keeps: status, balance_minor
[[application]] see `simulator.cards.personalisation.Application`
[awkward]       garbage = SEED, torn_after_apdus, torn_after_bytes, times, slow_ms, sw + step
extends = NAME  begin with another profile, whose tables these change; cards = [NAME, ...] several
                at once

`NAME.VARIANT` is a card of a profile with one thing changed: a name of VARIANTS
("visa_debit.aac"), or of `simulator.cards.faults` ("visa_debit.icc_expired").
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from simulator.cards import faults
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


VARIANTS: dict[str, Mapping[str, Any]] = {
    "tc": {"answer": "tc"},
    "arqc": {"answer": "arqc"},
    "aac": {"answer": "aac"},
    "switch": {"switch_interface": True},
    "update": {"issuer_update": True},
    "locked": {"locked": True},
    "unsigned": {"oda": "none"},
    "static": {"oda": "static"},
    "no_remainder": {"icc_bits": 1024},
}
"""What a card's name may have after a dot, with the fields it stands for."""


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
    tables: tuple[Mapping[str, Any], ...]
    awkward: Mapping[str, int]
    cards: tuple[str, ...]


def names() -> list[str]:
    """Every profile there is, plain cards before awkward ones."""
    found = [path.stem for path in sorted(FOLDER.glob("*.toml"))]
    return sorted(
        found, key=lambda name: (bool(profile(name).awkward or profile(name).cards), name)
    )


def known(name: str) -> bool:
    """Whether `load` has a card of that name, variants included."""
    try:
        profile(name)
    except KeyError:
        return False
    except ProfileError:
        # A wrong file is reported when it is loaded; a card cannot have each variant.
        return "." not in name
    return True


def load(name: str) -> Card:
    """A new card from profile `name`, its counter where it was personalised; KeyError if there is
    none, ProfileError for a variant that its kind of card cannot be."""
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
    plain, dot, variant = name.partition(".")
    if dot:
        return _varied(profile(plain), variant)
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
    tables: list[Mapping[str, Any]] = source.get("application", [])
    if base is not None:
        rest = base.tables[len(tables) :]
        tables = [{**old, **new} for old, new in zip(base.tables, tables, strict=False)]
        tables += rest
    apps = _applications(path.name, tables)
    if base is None and "cards" not in source and not ("card" in source and apps):
        raise ProfileError(f"{path.name}: card and application are needed, or extends, or cards")
    return Profile(
        name=name,
        title=source.get("title", base.title if base else name),
        source=source.get("source", base.source if base else ""),
        card={**(base.card if base else {}), **source.get("card", {})},
        account={**(base.account if base else {}), **source.get("account", {})},
        applications=apps,
        tables=tuple(tables),
        awkward=source.get("awkward", {}),
        cards=tuple(source.get("cards", ())),
    )


def _varied(plain: Profile, variant: str) -> Profile:
    """`plain` with the change of that name; KeyError if there is none."""
    known = {name for kind in faults.KINDS.values() for name in kind}
    if not plain.tables or (variant not in VARIANTS and variant not in known):
        raise KeyError(f"{plain.name}.{variant}")
    change = VARIANTS.get(variant, {"fault": variant})
    tables = tuple({**table, **change} for table in plain.tables)
    name = f"{plain.name}.{variant}"
    apps = _applications(name, tables)
    title = f"{plain.title}, {variant.replace('_', ' ')}"
    return replace(plain, name=name, title=title, applications=apps, tables=tables)


def _applications(where: str, tables: Sequence[Mapping[str, Any]]) -> tuple[Application, ...]:
    return tuple(
        application(f"{where}: application {i + 1}", table) for i, table in enumerate(tables)
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
