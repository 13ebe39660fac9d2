"""A terminal that may approve offline, with the sandbox schemes' keys and a risk management that
says what it is told to."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from kassa.emv.ca_keys import CaKeys
from kassa.emv.oda import Oda

from simulator.cards import certificates
from tests.emv.reader import Recorder, Terminal

Change = Callable[[dict[str, Any]], object]

NO_DICE = {
    "random_threshold": 0,
    "random_percent": 0,
    "random_max_percent": 0,
    "velocity_per_day": 10,
    "unsigned_cap": 0,
}


def offline(source: dict[str, Any]) -> None:
    """Up to 20 euro offline, for kernels 2 and 3; Mastercards by CDA."""
    source["terminal"]["offline_approval"] = True
    source["risk"] = dict(NO_DICE)
    for combination in source["combinations"]:
        combination["floor_limit"] = 2_000
        if combination["kernel"] == 2:
            combination["kernel2"]["security_capability"] = "08"


def both(*changes: Change) -> Change:
    """All of `changes`, in order."""

    def change(source: dict[str, Any]) -> None:
        for one in changes:
            one(source)

    return change


def schemes_oda(*schemes: str, expires: str = "491231") -> Oda:
    """Offline data authentication with the sandbox's keys and revocation lists of these schemes,
    or of all."""
    keys, revoked = [], []
    for scheme in schemes or certificates.RIDS:
        key = certificates.ca_key(scheme)
        named = {"rid": key.rid, "index": bytes([key.index])}
        public = {"modulus": key.modulus, "exponent": key.exponent, "sha1": key.checksum}
        keys.append(SimpleNamespace(**named, **public, expires=expires))
        serials = certificates.revoked_serials(scheme)
        revoked += [SimpleNamespace(**named, serial=serial) for serial in serials]
    return Oda(CaKeys(keys, revoked), Recorder())  # type: ignore[arg-type]


class Risk:
    """A terminal's risk management: `on_list` and `reason` are what it answers, `asked` what it
    was asked."""

    def __init__(self, on_list: bool | None = False, reason: str = "") -> None:
        self.on_list, self.reason = on_list, reason
        self.asked: list[tuple[Any, ...]] = []

    def listed(self, pan: str, psn: int | None) -> bool | None:
        self.asked.append(("listed", pan, psn))
        return self.on_list

    def select_online(
        self,
        tap_pan: str,
        amount_minor: int,
        floor_minor: int | None,
        random: Callable[[int], bytes],
    ) -> str:
        assert len(random(4)) == 4
        self.asked.append(("select", tap_pan, amount_minor, floor_minor))
        return self.reason


ODA = schemes_oda()


def terminal(risk: Any = None, change: Change = offline, oda: Any = ODA) -> Terminal:
    """A terminal that may approve offline, prepared for 10 euro."""
    made = Terminal(change, oda, risk)
    assert made.prepare(1_000) is None
    return made


def rules(found: Any) -> list[str]:
    """The identifiers in an outcome's trail, in order."""
    return [rule for rule, _ in found.trail]
