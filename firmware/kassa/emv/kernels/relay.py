"""Relay resistance: is the card as near as it answers quickly (Book C-2, 6.6, "S_R1").

C2-14: off unless the configuration's byte says otherwise (DF811B bit 10).  A PN532 on a bus shared
with an interpreter is not timed well enough to trust the measurement: what it finds goes into the
TVR for the issuer, and a card that is too quick to be true is refused.
Without CDA the book also writes what was measured into track 2 (S910.39); here track 2 stays the
card's.
All times are in units of 100 microseconds, as the book has them; `ticks` counts milliseconds.
"""

from typing import TYPE_CHECKING

from kassa.emv import apdu, tags, tlv, tvr
from kassa.emv.errors import CardDataError, TlvError

if TYPE_CHECKING:
    from kassa.emv.tap import Tap

CONFIGURATION_RELAY = 0x10
AIP2_RELAY = 0x01

_TICKS_MASK = (1 << 30) - 1
_ATTEMPTS = 3
# The book's defaults (Annex A): DF8132, DF8133, DF8134, DF8135, DF8136, DF8137
_MIN_GRACE = 20
_MAX_GRACE = 50
_COMMAND_TIME = 18
_RESPONSE_TIME = 24
_ACCURACY = 300
_MISMATCH_PERCENT = 50
# What was measured with, as CDA signs it (Annex A): DF8301 our entropy, DF8302 the device's,
# DF8303 and DF8304 its least and most time, DF8305 its estimate of the transmission.
_TERMINAL_ENTROPY = 0xDF8301
_DEVICE_SAYS = ((0xDF8302, 0, 4), (0xDF8303, 4, 6), (0xDF8304, 6, 8), (0xDF8305, 8, 10))


async def check(tap: "Tap") -> None:
    """Exchange relay resistance data, if both sides are to; sets TVR byte 5.

    The unpredictable number is the entropy sent, so a repetition draws a new one.  CardDataError
    for an answer that is none, or that came quicker than the card itself says it can.
    """
    configured = tap.combination.kernel2.configuration[0] & CONFIGURATION_RELAY
    if not configured:
        return
    if not tap.data[tags.AIP][1] & AIP2_RELAY:
        tap.set_tvr(tvr.RELAY_NOT_PERFORMED)
        tap.decide("C2-14", "the card has no relay resistance")
        return
    measured = least = response_time = 0
    for attempt in range(_ATTEMPTS):
        if attempt:
            tap.terminal_data[tags.UNPREDICTABLE] = tap.transaction.random(4)
        least, most, response_time, elapsed = await _exchange(tap)
        air = _COMMAND_TIME + min(response_time, _RESPONSE_TIME)
        measured = max(0, elapsed - air)
        if measured < max(0, least - _MIN_GRACE):
            raise CardDataError("card data error")
        if measured <= most + _MAX_GRACE:
            break
    else:
        tap.set_tvr(tvr.RELAY_TIME_LIMITS_EXCEEDED)
    if _mismatch(response_time) or max(0, measured - least) > _ACCURACY:
        tap.set_tvr(tvr.RELAY_THRESHOLD_EXCEEDED)
    tap.set_tvr(tvr.RELAY_PERFORMED)
    tap.decide(
        "C2-14", "relay resistance: {} us, TVR byte 5 {:02X}".format(measured * 100, tap.tvr[4])
    )


async def _exchange(tap: "Tap") -> "tuple[int, int, int, int]":
    """One round: least and most processing time, response time, all as the card says; elapsed.

    Entropy and times stay in `tap.terminal_data`: the card's signature must repeat them.
    """
    command = apdu.exchange_relay_resistance(tap.terminal_data[tags.UNPREDICTABLE])
    since = tap.ticks()
    sw, body = await apdu.exchange(tap.card, command)
    elapsed = ((tap.ticks() - since) & _TICKS_MASK) * 10
    if sw != apdu.OK:
        raise CardDataError("status bytes", sw)
    value = tlv.open_template(body, 0x80)
    if len(value) != 10:
        raise TlvError("wrong length")
    tap.terminal_data[_TERMINAL_ENTROPY] = tap.terminal_data[tags.UNPREDICTABLE]
    for tag, start, end in _DEVICE_SAYS:
        tap.terminal_data[tag] = value[start:end]
    least, most, response_time = (int.from_bytes(value[i : i + 2], "big") for i in (4, 6, 8))
    return least, most, response_time, elapsed


def _mismatch(response_time: int) -> bool:
    """The card's idea of the air time and ours are too far apart, where the card has one."""
    if not response_time:
        return False
    shorter, longer = min(response_time, _RESPONSE_TIME), max(response_time, _RESPONSE_TIME)
    return shorter * 100 < _MISMATCH_PERCENT * longer
