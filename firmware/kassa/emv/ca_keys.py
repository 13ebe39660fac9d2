"""The schemes' public keys that a terminal holds, and the issuer certificates they have revoked
(EMV 4.3 Book 2, 5.2 and 5.3; Book 2, 11.2 for the check sum)."""

from typing import TYPE_CHECKING

from kassa.emv.oda.recovery import PublicKey, Refused, sha1
from kassa.emv.transaction_data import comparable_date

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kassa.emv.config_reader import Record


class CaKey:
    """One key of a scheme: `rid` (5 bytes), `index` (1 byte, tag 8F), `public_key` to compute
    with, `expires` "YYMMDD": the last day on which it proves anything.

    Refused if `source` (see CaKeys) has a wrong check sum (ODA-1) or is no RSA key (ODA-8).
    """

    def __init__(self, source: "Record") -> None:
        self.rid: bytes = source.rid
        self.index: bytes = source.index
        self.expires: str = source.expires
        # ODA-1: SHA-1 check sum over RID, index, modulus, exponent.
        if sha1(source.rid, source.index, source.modulus, source.exponent) != source.sha1:
            raise Refused("ODA-1", "wrong check sum")
        self.public_key = PublicKey(source.modulus, source.exponent, "CA")


class CaKeys:
    """All keys of a terminal.

    `keys` are records with rid, index, modulus, exponent, sha1 (20 bytes) and expires; `revoked`
    with rid, index and serial (3 bytes).  `unusable` lists (rid, index, why) of the keys that are
    not used whatever the date: their check sum is wrong, or they are no RSA keys.
    """

    def __init__(self, keys: "Iterable[Record]", revoked: "Iterable[Record]" = ()) -> None:
        self.unusable: "list[tuple[bytes, bytes, str]]" = []
        self._keys: "dict[tuple[bytes, bytes], CaKey]" = {}
        for record in keys:
            try:
                self._keys[(record.rid, record.index)] = CaKey(record)
            except Refused as refused:
                self.unusable.append((record.rid, record.index, refused.why))
        self._revoked = frozenset([(r.rid, r.index, r.serial) for r in revoked])

    def find(self, rid: bytes, index: bytes, date: "str | None") -> "CaKey | None":
        """The key for `rid` and `index` if it may be used on `date` ("YYMMDD"), else None.

        `date` is None when the clock was never set: then no key is found.
        """
        # ODA-1: CA key by RID and index; absent, wrong check sum or expired -> failed.
        key = self._keys.get((rid, index))
        # D-4: a clock that was never set is not a date.
        if key is None or date is None or comparable_date(key.expires) < comparable_date(date):
            return None
        return key

    def holds(self, rid: bytes, index: bytes) -> bool:
        """Whether there is a sound key for `rid` and `index`, expired or not."""
        return (rid, index) in self._keys

    def why_not(self, rid: bytes, index: bytes, date: "str | None") -> str:
        """Why `find` finds nothing, in a technician's words; "" where it finds a key."""
        if self.find(rid, index, date) is not None:
            return ""
        why = "expired" if date is not None else "no date to judge it by"
        if not self.holds(rid, index):
            why = "not here"
            for refused_rid, refused_index, fault in self.unusable:
                if (refused_rid, refused_index) == (rid, index):
                    why = fault
        # An index is one byte; a hostile card's may be anything.
        return "CA key {} {}: {}".format(rid.hex().upper(), index[:1].hex().upper(), why)

    def is_revoked(self, rid: bytes, index: bytes, serial: bytes) -> bool:
        """ODA-2: whether the issuer certificate with this serial number (3 bytes), made with the
        key of `rid` and `index`, is on the revocation list."""
        return (rid, index, serial) in self._revoked
