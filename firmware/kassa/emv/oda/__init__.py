"""Offline data authentication: is this card what it says, without asking anybody (EMV 4.3 Book 2,
5 and 6; Book C-2, 8.4; Book C-3, Annex C).

    oda = Oda(CaKeys(configuration.ca_keys, configuration.revoked), log)
    if oda.fdda(tap):
        ...

It is plain arithmetic on what `tap` holds of the card: certificates (8F, 90, 92, 9F32, 9F46, 9F47,
9F48), signatures (93, 9F4B), `static_data` and `pan`.  Whatever a card sends, the answer is True
or False; why goes to `tap.decide`, with the rule that was not kept.  A full chain is three powers:
some tens of milliseconds on the device with exponent 3, some hundreds with 65537; nothing waits,
so a kernel tells "card read OK" first.
"""

from typing import TYPE_CHECKING

from kassa.emv.oda import certificates, signatures
from kassa.emv.oda.recovery import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from kassa.emv.ca_keys import CaKeys
    from kassa.emv.oda.recovery import PublicKey
    from kassa.emv.tap import Tap
    from kassa.system.log import Log


class Oda:
    """One for the life of the terminal; keeps nothing between taps.

    `keys` are the schemes' keys.  Those that cannot be used are told to `log` once, now.
    """

    def __init__(self, keys: "CaKeys", log: "Log") -> None:
        self._keys = keys
        for rid, index, why in keys.unusable:
            log.event("emv", "ca_key_refused", rid=rid.hex(), index=index.hex(), why=why)

    def has_key(self, rid: bytes, index: bytes, date: "str | None" = "") -> bool:
        """ODA-1: whether there is a sound CA key for `rid` (5 bytes) and `index` (tag 8F), good on
        `date`.

        `date` is the tap's, "YYMMDD"; None, from a clock that was never set, finds none.  Left
        out, the key's own date is not looked at.
        """
        if date == "":
            return self._keys.holds(rid, index)
        return self._keys.find(rid, index, date) is not None

    def sda(self, tap: "Tap") -> bool:
        """Static data authentication: the issuer signed the card's data.

        Sets the data authentication code, 9F45, in `tap.data`.
        """
        # ODA-5
        return self._prove(
            tap, "ODA-5", "SDA", lambda: signatures.static_signature(self._issuer(tap), tap)
        )

    def dda(self, tap: "Tap", signed: bytes, terminal_values: bytes) -> bool:
        """Dynamic data authentication on the answer to INTERNAL AUTHENTICATE.

        `signed` is 9F4B of that answer, `terminal_values` what was sent for the DDOL.  Sets the
        ICC dynamic number, 9F4C, in `tap.data`.
        """
        # ODA-6
        return self._prove(
            tap,
            "ODA-6",
            "DDA",
            lambda: signatures.dynamic_signature(self._icc(tap), signed, terminal_values, tap),
        )

    def cda(self, tap: "Tap", values: bytes) -> bool:
        """Combined DDA on the answer that holds the cryptogram.

        `values` is what was sent for the CDOL (b"" where the cryptogram came with GET PROCESSING
        OPTIONS); 9F4B and 9F27 are in `tap.data`, the rest of what the card signed in
        `tap.pdol_values` and `tap.ac_objects`.  Sets cryptogram 9F26, which a CDA answer holds
        only inside its signature, and ICC dynamic number 9F4C in `tap.data`.
        """
        # ODA-6
        return self._prove(
            tap,
            "ODA-6",
            "CDA",
            lambda: signatures.combined_signature(self._icc(tap), values, tap),
        )

    def fdda(self, tap: "Tap") -> bool:
        """Fast DDA, version 01, on 9F4B, 9F69 and 9F6C.  Sets 9F4C in `tap.data`."""
        # ODA-7
        return self._prove(
            tap, "ODA-7", "fDDA", lambda: signatures.fast_signature(self._icc(tap), tap)
        )

    def _prove(self, tap: "Tap", rule: str, name: str, proof: "Callable[[], None]") -> bool:
        tap.authenticated = ""
        try:
            proof()
        except Refused as refused:
            tap.decide(refused.rule, "{} failed: {}".format(name, refused.why))
            return False
        tap.decide(rule, name + " verified")
        tap.authenticated = name.lower()
        return True

    def _issuer(self, tap: "Tap") -> "PublicKey":
        return certificates.issuer_key(self._keys, tap)

    def _icc(self, tap: "Tap") -> "PublicKey":
        return certificates.icc_key(self._issuer(tap), tap)
