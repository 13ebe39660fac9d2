"""Contactless cards that sign for real, phones, awkward ones, and recorded ones.

    card = cards.load("visa_credit")
    card.transceive(bytes.fromhex("00A404000E325041592E5359532E444446303100"))

`names()` lists the wallet; `trace.load(path)` replays a recording; `awkward` spoils any of them;
`issuers` is what the bank's side knows.
"""

from simulator.cards.card import Card, CardLost
from simulator.cards.personalisation import ProfileError
from simulator.cards.profiles import Account, accounts, load, names, profile

__all__ = ["Account", "Card", "CardLost", "ProfileError", "accounts", "load", "names", "profile"]
