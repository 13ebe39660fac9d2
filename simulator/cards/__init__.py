"""Contactless cards that sign for real, phones, awkward ones, and recorded ones.

    card = cards.load("visa_credit")
    card.transceive(bytes.fromhex("00A404000E325041592E5359532E444446303100"))

`names()` lists the wallet; "visa_debit.icc_expired" is one of them with one thing changed;
`trace.load(path)` replays a recording; `awkward` and `fuzz` spoil any of them; `issuers` is what
the bank's side knows; `verification` checks an offline approval from the APDUs alone.
"""

from simulator.cards.card import Card, CardLost
from simulator.cards.personalisation import ProfileError
from simulator.cards.profiles import Account, accounts, known, load, names, profile

__all__ = [
    "Account",
    "Card",
    "CardLost",
    "ProfileError",
    "accounts",
    "known",
    "load",
    "names",
    "profile",
]
