"""A second opinion on offline approvals, from the APDUs of a tap and the scheme's CA key alone.

    approval = verify(exchange, certificates.ca_key("visa"), date="2611")
    approval.amount_minor, approval.method          # 1250, "fast"
    confirm(exchange, date="2611")                  # likewise, by the sandbox's own keys

Nothing of the firmware is used: TLV, RSA and every rule are written down here a second time, with
`cryptography`'s SHA-1 and Python's integers, from EMV 4.3 Book 2, 5 and 6, Book 3, 10.3, and Book
C-3, Annex C.  What does not hold raises NotVerified, which says what.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes

from simulator.cards import ber, certificates
from simulator.cards.certificates import CaKey

_DIRECTORY = b"2PAY.SYS.DDF01"
_TC = 0x40
_SHA_1, _RSA = 0x01, 0x01


class NotVerified(Exception):
    """The exchange holds no offline approval that a terminal might believe; says why."""


@dataclass(frozen=True)
class Approval:
    """What the card signed: `method` is "fast" (fDDA), "combined" (CDA) or "static" (SDA).

    Amount and currency are those the card was told; a static signature does not cover them.
    """

    method: str
    pan: str
    amount_minor: int
    currency: str
    unpredictable_number: bytes
    cryptogram: bytes


@dataclass
class _Session:
    """An exchange taken apart; `name` is the application that was asked for."""

    name: bytes = b""
    fci: dict[int, bytes] = field(default_factory=dict)
    pdol_values: bytes = b""
    options: bytes = b""
    records: dict[tuple[int, int], bytes] = field(default_factory=dict)
    cdol_values: bytes = b""
    answer: bytes = b""
    objects: dict[int, bytes] = field(default_factory=dict)
    told: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class _Key:
    modulus: int
    exponent: int
    length: int


def verify(
    exchange: Sequence[tuple[bytes, bytes | None]],
    ca: CaKey,
    date: str,
    revoked: Collection[bytes] = (),
) -> Approval:
    """The approval in `exchange`, a list of (command, answer) of one tap.

    `date` is the terminal's, "YYMM"; `revoked` serial numbers of issuer certificates under `ca`.
    NotVerified unless the card's cryptogram is a TC and its signature holds.
    """
    session = _take_apart(exchange)
    found = session.objects
    if _kind(session) != _TC:
        raise NotVerified("the card did not approve")
    if _need(found, 0x8F) != bytes([ca.index]):
        raise NotVerified("the card's CA key is another")
    if session.name[:5] != ca.rid:
        raise NotVerified("the application is another scheme's")
    pan = _pan(found)
    issuer = _issuer_key(found, ca, pan, date, revoked)
    static = _static_data(session)
    if 0x9F46 not in found:
        _static_signature(found, issuer, static)
        method, cryptogram = "static", _need(found, 0x9F26)
    else:
        icc = _icc_key(found, issuer, pan, date, static)
        if 0x9F69 in found:
            method, cryptogram = "fast", _fast(session, icc)
        else:
            method, cryptogram = "combined", _combined(session, icc)
    told = session.told
    return Approval(
        method=method,
        pan=pan,
        amount_minor=int(_need(told, 0x9F02).hex()),
        currency=_need(told, 0x5F2A).hex()[-3:],
        unpredictable_number=_need(told, 0x9F37),
        cryptogram=cryptogram,
    )


def confirm(exchange: Sequence[tuple[bytes, bytes | None]], date: str) -> Approval:
    """`verify` with the sandbox CA key, and the revocations, of whichever scheme was selected."""
    name = _take_apart(exchange).name
    for scheme, rid in certificates.RIDS.items():
        if name.startswith(rid):
            revoked = certificates.revoked_serials(scheme)
            return verify(exchange, certificates.ca_key(scheme), date, revoked)
    raise NotVerified("no application of a scheme we know was selected")


# -- the exchange


def _take_apart(exchange: Sequence[tuple[bytes, bytes | None]]) -> _Session:
    session, torn = _Session(), _Session()
    for command, answer in exchange:
        instruction = command[:2]
        data = command[5 : 5 + command[4]] if len(command) > 5 else b""
        if instruction == b"\x80\xae":
            session.cdol_values = data
            session.told |= _listed(session.objects.get(0x8C, b""), data)
            torn = session
        if answer is None or answer[-2:] != b"\x90\x00":
            continue
        body = answer[:-2]
        if instruction == b"\x00\xa4":
            # A new selection: whatever came before it was another application's.
            session = _Session(data, {} if data == _DIRECTORY else _flat(body))
        elif instruction == b"\x80\xa8":
            session.options = body
            session.pdol_values = _only(data, 0x83).value
            session.objects |= _template(body, (0x82, 0x94))
            session.told |= _listed(session.fci.get(0x9F38, b""), session.pdol_values)
        elif instruction == b"\x00\xb2":
            session.records[command[3] >> 3, command[2]] = body
            for tag, value in _flat(body).items():
                session.objects.setdefault(tag, value)
        elif instruction in (b"\x80\xae", b"\x80\xd0"):
            if instruction == b"\x80\xd0":
                # RECOVER AC: the answer to what was sent before the card was lost.
                session.pdol_values, session.cdol_values = torn.pdol_values, torn.cdol_values
                session.told = torn.told
            session.answer = body
            session.objects |= _template(body, (0x9F27, 0x9F36, 0x9F26, 0x9F10))
    return session


def _template(body: bytes, in_format_1: tuple[int, ...]) -> dict[int, bytes]:
    """The objects of an answer, template 77, or 80 with fields of known places."""
    if body.lstrip(b"\0")[:1] != b"\x80":
        return _flat(body)
    value = _only(body, 0x80).value
    lengths = {0x82: 2, 0x94: None, 0x9F27: 1, 0x9F36: 2, 0x9F26: 8, 0x9F10: None}
    found, at = {}, 0
    for tag in in_format_1:
        length = lengths[tag]
        end = len(value) if length is None else at + length
        found[tag], at = value[at:end], end
    return found


def _listed(dol: bytes, values: bytes) -> dict[int, bytes]:
    """What was sent for a DOL, by tag."""
    found, at, place = {}, 0, 0
    while at < len(dol):
        end = at + 1
        if dol[at] & 0x1F == 0x1F:
            while dol[end] & 0x80:
                end += 1
            end += 1
        tag, length = int.from_bytes(dol[at:end], "big"), dol[end]
        found[tag] = values[place : place + length]
        at, place = end + 1, place + length
    if place != len(values):
        raise NotVerified("the values sent do not fit what the card asked for")
    return found


def _static_data(session: _Session) -> bytes:
    """Book 3, 10.3: the records the AFL marks, in its order, then the AIP where 9F4A says so."""
    afl, static = session.objects.get(0x94, b""), b""
    for at in range(0, len(afl), 4):
        sfi, first, _, marked = afl[at] >> 3, *afl[at + 1 : at + 4]
        for number in range(first, first + marked):
            record = session.records.get((sfi, number))
            if record is None:
                raise NotVerified("a signed record was not read")
            static += _only(record, 0x70).inner if sfi <= 10 else record
    tag_list = session.objects.get(0x9F4A)
    if tag_list is None:
        return static
    if tag_list != b"\x82":
        raise NotVerified("9F4A names another tag than the AIP")
    return static + _need(session.objects, 0x82)


def _kind(session: _Session) -> int:
    """The kind of cryptogram, from 9F27, or where a card leaves that out from the CVR in 9F10."""
    cid, iad = session.objects.get(0x9F27), session.objects.get(0x9F10, b"")
    if cid:
        return cid[0] & 0xC0
    if session.answer or len(iad) < 5:
        raise NotVerified("the card did not say what it decided")
    return (iad[4] & 0x30) << 2


def _pan(found: dict[int, bytes]) -> str:
    digits = found.get(0x5A, b"").hex().rstrip("f")
    on_track = found[0x57].hex().partition("d")[0] if 0x57 in found else digits
    if not digits or digits != on_track:
        raise NotVerified("PAN and track 2 disagree, or there is no PAN")
    return digits


# -- keys and certificates


def _issuer_key(
    found: dict[int, bytes], ca: CaKey, pan: str, date: str, revoked: Collection[bytes]
) -> _Key:
    modulus = int.from_bytes(ca.modulus, "big")
    key = _Key(modulus, int.from_bytes(ca.exponent, "big"), len(ca.modulus))
    remainder, exponent = found.get(0x92, b""), _need(found, 0x9F32)
    block = _recover(_need(found, 0x90), key, 0x02, "issuer certificate")
    _hash_fits(block, remainder + exponent, "issuer certificate")
    identifier = block[2:6].hex().rstrip("f")
    if not 3 <= len(identifier) <= 8 or not pan.startswith(identifier):
        raise NotVerified("the issuer certificate is for other cards")
    _not_expired(block[6:8], date, "issuer certificate")
    if block[8:11] in revoked:
        raise NotVerified("the issuer certificate was revoked")
    return _certified(block, 11, 15, remainder, exponent)


def _icc_key(found: dict[int, bytes], issuer: _Key, pan: str, date: str, static: bytes) -> _Key:
    remainder, exponent = found.get(0x9F48, b""), _need(found, 0x9F47)
    block = _recover(_need(found, 0x9F46), issuer, 0x04, "card certificate")
    _hash_fits(block, remainder + exponent + static, "card certificate")
    if block[2:12].hex().rstrip("f") != pan:
        raise NotVerified("the card certificate is for another card")
    _not_expired(block[12:14], date, "card certificate")
    return _certified(block, 17, 21, remainder, exponent)


def _certified(block: bytes, algorithms: int, field_: int, remainder: bytes, e: bytes) -> _Key:
    hash_, algorithm, length, exponent_length = block[algorithms:field_]
    if (hash_, algorithm) != (_SHA_1, _RSA) or exponent_length != len(e):
        raise NotVerified("a certificate of an unknown kind")
    modulus_bytes = (block[field_:-21] + remainder)[:length]
    modulus, exponent = int.from_bytes(modulus_bytes, "big"), int.from_bytes(e, "big")
    room = len(block) - 21 - field_
    if len(modulus_bytes) != length or len(remainder) != max(0, length - room):
        raise NotVerified("a certified key of the wrong length")
    if exponent not in (3, 65537) or not modulus & 1 or not modulus_bytes[0]:
        raise NotVerified("a certified key that is none")
    return _Key(modulus, exponent, length)


def _recover(signed: bytes, key: _Key, format_: int, what: str) -> bytes:
    number = int.from_bytes(signed, "big")
    if len(signed) != key.length or number >= key.modulus:
        raise NotVerified(f"{what}: another length than the key that signed it")
    block = pow(number, key.exponent, key.modulus).to_bytes(key.length, "big")
    if block[0] != 0x6A or block[-1] != 0xBC or block[1] != format_:
        raise NotVerified(f"{what}: not signed by that key")
    return block


def _hash_fits(block: bytes, more: bytes, what: str) -> None:
    if _sha1(block[1:-21] + more) != block[-21:-1]:
        raise NotVerified(f"{what}: the hash is wrong")


def _hash_known(block: bytes) -> None:
    if block[2] != _SHA_1:
        raise NotVerified("a signature with an unknown hash")


def _not_expired(mmyy: bytes, date: str, what: str) -> None:
    text = mmyy.hex()
    if text[2:] + text[:2] < date[:4]:
        raise NotVerified(f"{what}: expired")


# -- signatures


def _static_signature(found: dict[int, bytes], issuer: _Key, static: bytes) -> None:
    block = _recover(_need(found, 0x93), issuer, 0x03, "static signature")
    _hash_known(block)
    _hash_fits(block, static, "static signature")


def _fast(session: _Session, key: _Key) -> bytes:
    found, told = session.objects, session.told
    related = found[0x9F69]
    if len(related) not in (5, 7) or related[0] != 0x01:
        raise NotVerified("fDDA of another version than 01")
    if len(related) == 7 and related[5:] != found.get(0x9F6C, b"\0\0"):
        raise NotVerified("the qualifiers are not those that were signed")
    signed = _need(found, 0x9F4B)
    try:
        block = _recover(signed, key, 0x95, "fast signature")
    except NotVerified:
        block = _recover(signed, key, 0x05, "fast signature")
    _hash_known(block)
    terminal = b"".join(_need(told, tag) for tag in (0x9F37, 0x9F02, 0x5F2A))
    _hash_fits(block, terminal + related, "fast signature")
    return _need(found, 0x9F26)


def _combined(session: _Session, key: _Key) -> bytes:
    found = session.objects
    block = _recover(_need(found, 0x9F4B), key, 0x05, "combined signature")
    _hash_known(block)
    _hash_fits(block, _need(session.told, 0x9F37), "combined signature")
    dynamic = block[4 : 4 + block[3]]
    at = 1 + dynamic[0]
    if dynamic[at] != _need(found, 0x9F27)[0]:
        raise NotVerified("combined signature: made for another kind of cryptogram")
    cryptogram, hashed = dynamic[at + 1 : at + 9], dynamic[at + 9 : at + 29]
    answer = session.answer or session.options
    others = [node.raw for node in _only(answer, 0x77).children if node.tag != b"\x9f\x4b"]
    if _sha1(session.pdol_values + session.cdol_values + b"".join(others)) != hashed:
        raise NotVerified("combined signature: made for other transaction data")
    return cryptogram


# -- small things


def _sha1(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA1())
    digest.update(data)
    return digest.finalize()


def _need(found: dict[int, bytes], tag: int) -> bytes:
    if not found.get(tag):
        raise NotVerified(f"{tag:X} is missing")
    return found[tag]


def _flat(body: bytes) -> dict[int, bytes]:
    try:
        return ber.flat(ber.parse(body))
    except ber.NotBer as error:
        raise NotVerified(str(error)) from None


def _only(body: bytes, tag: int) -> ber.Node:
    try:
        (node,) = ber.parse(body)
    except ValueError:
        raise NotVerified(f"{tag:X} was expected") from None
    if node.number != tag:
        raise NotVerified(f"{tag:X} was expected")
    return node
