"""A scheme, an issuer and a card of the tests' own, that sign whatever a test wants signed.

Nothing of the firmware's and nothing of the simulator's cards is used to sign: primes and CRT
parameters come from `cryptography`, blocks are put together here from the tables of EMV 4.3
Book 2 (6, 7, 14, 17) and Book C-3, Annex C.

    made = fast_card(issuer={"expiry": b"\\x01\\x24"})   # one field wrong, all signed over
    tap = tap_of(made)
    assert not ODA.fdda(tap)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from kassa.emv import preprocessing, tags
from kassa.emv.ca_keys import CaKeys
from kassa.emv.oda import Oda
from kassa.emv.tap import Tap

from simulator.cards.emv_keys import rsa_key
from tests.emv.reader import Recorder, configuration, sale

RID = bytes.fromhex("A000000003")
AID = RID + b"\x10\x10"
INDEX = b"\xf1"
PAN = "4761739001010119"  # a published Visa test card
TODAY = "261122"
NUMBER = bytes.fromhex("A1B2C3D4")
STATIC = bytes.fromhex("5A0847617390010101195F2403311231")
AIP = b"\x20\x00"
CTQ = b"\x28\x00"
PDOL_VALUES = bytes.fromhex("0102030405060708")
CDOL_VALUES = bytes.fromhex("000000001250A1B2C3D4")
CRYPTOGRAM = bytes.fromhex("1122334455667788")
DYNAMIC_NUMBER = bytes.fromhex("0102030405060708")


@dataclass(frozen=True)
class Key:
    """An RSA key pair; `exponent` as a card gives it."""

    modulus: bytes
    exponent: bytes
    numbers: rsa.RSAPrivateNumbers

    def sign(self, block: bytes) -> bytes:
        """The signature of `block`, by the Chinese remainder theorem; with exponent 1, itself."""
        n = self.numbers
        number = int.from_bytes(block, "big")
        assert number < n.public_numbers.n, "a block is smaller than the modulus"
        if self.exponent == b"\x01":
            return block
        low, high = pow(number, n.dmq1, n.q), pow(number, n.dmp1, n.p)
        signed = low + (high - low) * n.iqmp % n.p * n.q
        return signed.to_bytes(len(self.modulus), "big")


@cache
def key(name: str, bits: int, exponent: int = 3) -> Key:
    """The key called `name`: the same primes on every machine, any of EMV's exponents."""
    made = rsa_key(f"oda test {name}", bits)
    p, q = rsa.rsa_recover_prime_factors(made.modulus, made.exponent, made.private_exponent)
    d = pow(exponent, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p,
        q,
        d,
        rsa.rsa_crt_dmp1(d, p),
        rsa.rsa_crt_dmq1(d, q),
        rsa.rsa_crt_iqmp(p, q),
        rsa.RSAPublicNumbers(exponent, made.modulus),
    )
    size = 3 if exponent > 255 else 1
    return Key(made.modulus_bytes, exponent.to_bytes(size, "big"), numbers)


def sha1(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA1())
    digest.update(data)
    return digest.finalize()


def signed_block(signer: Key, fields: bytes, more: bytes, spoil: Mapping[str, bytes]) -> bytes:
    """`6A`, `fields` filled with BB, SHA-1 over them and `more`, `BC`, signed.

    `spoil` may name `header`, `trailer` or `digest`.
    """
    fields = fields.ljust(len(signer.modulus) - 22, b"\xbb")
    digest = spoil.get("digest", sha1(fields + more))
    whole = spoil.get("header", b"\x6a") + fields + digest + spoil.get("trailer", b"\xbc")
    return signer.sign(whole)


def certificate(
    signer: Key, own: Key, head: bytes, more: bytes, spoil: Mapping[str, Any]
) -> tuple[bytes, bytes]:
    """A certificate for `own` and its remainder.

    `head` is what comes before the algorithms. `spoil` may name `algorithms` (2 bytes), `length`,
    `exponent_length`, `modulus`, `exponent`, `remainder` and those of `signed_block`.
    """
    modulus, exponent = spoil.get("modulus", own.modulus), spoil.get("exponent", own.exponent)
    sizes = bytes([spoil.get("length", len(modulus)), spoil.get("exponent_length", len(exponent))])
    fields = head + spoil.get("algorithms", b"\x01\x01") + sizes
    room = len(signer.modulus) - 22 - len(fields)
    fields += modulus[:room].ljust(room, b"\xbb")
    remainder = spoil.get("remainder", modulus[room:])
    return signed_block(signer, fields, remainder + exponent + more, spoil), remainder


@dataclass
class Made:
    """What a card says: its objects, its static data, and what the terminal said."""

    data: dict[int, bytes]
    static: bytes = STATIC
    pan: str = PAN
    values: bytes = CDOL_VALUES
    objects: list[tuple[int, bytes]] = field(default_factory=list)
    signed: bytes = b""  # DDA: 9F4B of INTERNAL AUTHENTICATE


def certified(
    issuer: Mapping[str, Any] | None = None,
    icc: Mapping[str, Any] | None = None,
    static: bytes = STATIC,
    tag_list: bytes | None = b"\x82",
    keys: tuple[Key, Key, Key] | None = None,
) -> tuple[Made, Key]:
    """A card with its certificates; `issuer` and `icc` change fields of theirs, by name.

    Of both: format, expiry (MMYY), serial and what `certificate` may spoil; of the issuer's
    identifier, of the ICC's pan.
    """
    ca, issuer_key, icc_key = keys or (key("ca", 1408), key("issuer", 1408), key("icc", 1152))
    first, second = dict(issuer or {}), dict(icc or {})
    head = first.get("format", b"\x02") + first.get("identifier", bytes.fromhex("476173FF"))
    head += first.get("expiry", b"\x12\x49") + first.get("serial", b"\x00\x12\x34")
    issuer_signed, issuer_rest = certificate(ca, issuer_key, head, b"", first)
    covered = static + (AIP if tag_list == b"\x82" else b"")
    head = second.get("format", b"\x04") + bytes.fromhex(second.get("pan", PAN).ljust(20, "F"))
    head += second.get("expiry", b"\x12\x49") + second.get("serial", b"\x00\x00\x02")
    icc_signed, icc_rest = certificate(issuer_key, icc_key, head, covered, second)
    data = {
        tags.AIP: AIP,
        tags.CA_KEY_INDEX: INDEX,
        tags.ISSUER_CERTIFICATE: issuer_signed,
        tags.ISSUER_EXPONENT: first.get("exponent", issuer_key.exponent),
        tags.ICC_CERTIFICATE: icc_signed,
        tags.ICC_EXPONENT: second.get("exponent", icc_key.exponent),
    }
    optional = ((0x92, issuer_rest), (0x9F48, icc_rest), (tags.SDA_TAGS, tag_list or b""))
    data.update({tag: value for tag, value in optional if value})
    return Made(data, static), icc_key


def dynamic_fields(spoil: Mapping[str, Any], dynamic: bytes, usual_format: bytes) -> bytes:
    size = spoil.get("dynamic_length", bytes([len(dynamic)]))
    return spoil.get("format", usual_format) + spoil.get("algorithm", b"\x01") + size + dynamic


def fast_card(related: bytes = b"\x01" + NUMBER + CTQ, **spoil: Any) -> Made:
    """A card that signed its GPO answer with fDDA; `spoil` as for `certified` and the
    signature."""
    made, own = _split(spoil)
    said = NUMBER + bytes.fromhex("000000001250") + bytes.fromhex("0978") + related
    dynamic = spoil.get("dynamic", b"\x02\x00\x42")
    fields = dynamic_fields(spoil, dynamic, b"\x95")
    signature = signed_block(own, fields, spoil.get("said", said), spoil)
    made.data.update({tags.SIGNED_DYNAMIC: signature, tags.FDDA: related, tags.CTQ: CTQ})
    return made


def combined_card(
    kind: int = 0x40, cid: bytes | None = None, more: bytes = b"", **spoil: Any
) -> Made:
    """A card that signed its GENERATE AC answer; the signature says cryptogram type `kind`."""
    made, own = _split(spoil)
    objects: list[tuple[int, bytes]] = [
        (tags.CID, b"\x9f\x27\x01" + (cid or bytes([kind]))),
        (tags.ATC, bytes.fromhex("9F36020042")),
        (tags.IAD, bytes.fromhex("9F100706011203900000")),
    ]
    said = PDOL_VALUES + CDOL_VALUES + b"".join(whole for _, whole in objects)
    number = spoil.get("number", DYNAMIC_NUMBER)
    dynamic = bytes([spoil.get("number_length", len(number))]) + number + bytes([kind])
    dynamic += CRYPTOGRAM + spoil.get("hash", sha1(spoil.get("transaction", said))) + more
    dynamic = spoil.get("dynamic", dynamic)
    fields = dynamic_fields(spoil, dynamic, b"\x05")
    signature = signed_block(own, fields, spoil.get("said", NUMBER), spoil)
    made.data.update({tags.SIGNED_DYNAMIC: signature, tags.CID: cid or bytes([kind])})
    whole = bytes.fromhex("9F4B8190") + signature
    made.objects = [*objects[:2], (tags.SIGNED_DYNAMIC, whole), *objects[2:]]
    return made


def internally_authenticated(**spoil: Any) -> Made:
    """A card that signed with DDA what the terminal sent for a DDOL of 9F37 alone."""
    made, own = _split(spoil)
    dynamic = spoil.get("dynamic", b"\x08" + DYNAMIC_NUMBER)
    fields = dynamic_fields(spoil, dynamic, b"\x05")
    made.signed = signed_block(own, fields, spoil.get("said", NUMBER), spoil)
    return made


def static_card(**spoil: Any) -> Made:
    """A card with the issuer's signature over its data, 93."""
    made, _ = _split(spoil)
    fields = spoil.get("format", b"\x03") + spoil.get("algorithm", b"\x01") + b"\xda\xc0"
    made.data[0x93] = signed_block(key("issuer", 1408), fields, made.static + AIP, spoil)
    return made


def _split(spoil: dict[str, Any]) -> tuple[Made, Key]:
    named = ("issuer", "icc", "static", "tag_list", "keys")
    return certified(**{name: spoil.pop(name) for name in named if name in spoil})


def ca_record(ca: Key | None = None, **changes: Any) -> SimpleNamespace:
    """A CA key as the configuration has it."""
    ca = ca or key("ca", 1408)
    record = {
        "rid": RID,
        "index": INDEX,
        "modulus": ca.modulus,
        "exponent": ca.exponent,
        "expires": "491231",
        **changes,
    }
    body = record["rid"] + record["index"] + record["modulus"] + record["exponent"]
    return SimpleNamespace(**{"sha1": sha1(body), **record})


def authentication(*keys: Any, revoked: Any = ()) -> Oda:
    """Offline data authentication with `keys` (the tests' CA key by default)."""
    return Oda(CaKeys(keys or (ca_record(),), revoked), Recorder())  # type: ignore[arg-type]


_settings = cache(configuration)


def tap_of(made: Made, date: str | None = TODAY, aid: bytes = AID) -> Tap:
    """A tap in which `made` was read, for 12.50 euro."""
    settings = _settings()
    data = sale(1250, date=date)
    tap = Tap(None, data, settings.terminal, NUMBER, lambda: 0, None, Recorder())  # type: ignore[arg-type]
    combination = next(c for c in settings.combinations if c.scheme == "visa")
    indicators = preprocessing.preprocess(combination.ttq, combination, None, 1250, 100, False)
    tap.select(combination, indicators, aid, {})
    tap.data = dict(made.data)
    tap.static_data = bytearray(made.static)
    tap.pan = made.pan
    tap.pdol_values = PDOL_VALUES
    tap.ac_objects = list(made.objects)
    return tap


def why(tap: Tap) -> tuple[str, str]:
    """The last decision: its rule and what came of it."""
    return tap.trail[-1]
