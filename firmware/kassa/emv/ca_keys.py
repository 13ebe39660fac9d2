"""The schemes' public keys that a terminal holds, and the issuer certificates they have revoked
(EMV 4.3 Book 2, 5.2 and 5.3; Book 2, 11.2 for the check sum)."""

from typing import TYPE_CHECKING

from kassa.emv.oda.recovery import PublicKey, Refused, sha1
from kassa.emv.transaction_data import comparable_date

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kassa.emv.config_reader import Record


class CaKey:
    """One key of a scheme: `rid` (5 bytes), `index` (1 byte, tag 8F), `modulus` and `exponent` as
    bytes, `expires` "YYMMDD": the last day on which it proves anything."""

    def __init__(self, source: "Record") -> None:
        self.rid: bytes = source.rid
        self.index: bytes = source.index
        self.modulus: bytes = source.modulus
        self.exponent: bytes = source.exponent
        self.expires: str = source.expires

    def public_key(self) -> PublicKey:
        """The key to compute with; Refused (ODA-8) if it is none."""
        return PublicKey(self.modulus, self.exponent, "CA")

    def checksum(self) -> bytes:
        """SHA-1 over RID, index, modulus and exponent: what a scheme publishes beside the key."""
        return sha1(self.rid, self.index, self.modulus, self.exponent)


class CaKeys:
    """All keys of a terminal.

    `keys` are records with rid, index, modulus, exponent, sha1 (20 bytes) and expires; `revoked`
    with rid, index and serial (3 bytes).  `unusable` lists (rid, index, why) of the keys that are
    not used whatever the date: their check sum is wrong, or they are no RSA keys.
    """

    def __init__(self, keys: "Iterable[Record]", revoked: "Iterable[Record]" = ()) -> None:
        self.unusable: "list[tuple[bytes, bytes, str]]" = []
        self._keys: "dict[tuple[bytes, bytes], CaKey]" = {}
        self._refused: "dict[tuple[bytes, bytes], str]" = {}
        for record in keys:
            key = CaKey(record)
            why = _fault(key, record.sha1)
            if why:
                self.unusable.append((key.rid, key.index, why))
                self._refused[(key.rid, key.index)] = why
            else:
                self._keys[(key.rid, key.index)] = key
        self._revoked = frozenset([(r.rid, r.index, r.serial) for r in revoked])

    def find(self, rid: bytes, index: bytes, date: "str | None") -> "CaKey | None":
        """The key for `rid` and `index` if it may be used on `date` ("YYMMDD"), else None.

        `date` is None when the clock was never set: then no key is found.
        """
        return None if self.why_not(rid, index, date) else self._keys[(rid, index)]

    def holds(self, rid: bytes, index: bytes) -> bool:
        """Whether there is a sound key for `rid` and `index`, expired or not."""
        return (rid, index) in self._keys

    def why_not(self, rid: bytes, index: bytes, date: "str | None") -> str:
        """What `find` finds nothing for, in a technician's words; "" where it finds a key."""
        # ODA-1: CA key by RID and index; absent, wrong check sum or expired -> failed.
        name = "CA key {} {}".format(rid.hex().upper(), index.hex().upper())
        key = self._keys.get((rid, index))
        if key is None:
            return "{}: {}".format(name, self._refused.get((rid, index), "not here"))
        # D-4: a clock that was never set is not a date.
        if date is None:
            return name + ": no date to judge it by"
        if comparable_date(key.expires) < comparable_date(date):
            return name + ": expired"
        return ""

    def is_revoked(self, rid: bytes, index: bytes, serial: bytes) -> bool:
        """ODA-2: whether the issuer certificate with this serial number (3 bytes), made with the
        key of `rid` and `index`, is on the revocation list."""
        return (rid, index, serial) in self._revoked


def _fault(key: CaKey, checksum: bytes) -> str:
    # ODA-1: SHA-1 check sum over RID, index, modulus, exponent.
    if key.checksum() != checksum:
        return "wrong check sum"
    try:
        # ODA-8
        key.public_key()
    except Refused as refused:
        return refused.why
    return ""
