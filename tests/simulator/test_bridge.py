"""The bridge's frames: every value crosses unchanged, in whatever pieces; garbage is refused."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.bridge import Bridge, BridgeError, decode, encode
from simulator.chips.buses import DataSheetViolation

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.binary(max_size=300)
    | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=5).map(tuple),
    max_leaves=20,
)


class Chip:
    """Operations that show what arrives."""

    def __init__(self) -> None:
        self.on_irq = None
        self.seen: list[tuple[Any, ...]] = []
        self.operations = {"see": self._see, "give": lambda: self.gift, "fail": self._fail}
        self.gift: Any = None
        self.error: BaseException = OSError(19)

    def _see(self, *arguments: Any) -> int:
        self.seen.append(arguments)
        return len(self.seen)

    def _fail(self) -> None:
        raise self.error


class Wire:
    """What a transport does, as far as the bridge needs it."""

    def __init__(self) -> None:
        self.sent = b""
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.sent += data

    def abort(self) -> None:
        self.aborted = True


class Connection:
    def __init__(self) -> None:
        self.chip, self.wire = Chip(), Wire()
        self.failures: list[BaseException] = []
        self.told: list[tuple[str, tuple[Any, ...]]] = []
        self.bridge = Bridge(
            self.chip.operations, self.failures.append, lambda *said: self.told.append(said)
        )
        self.bridge.connection_made(self.wire)  # type: ignore[arg-type]


def request(name: str, *arguments: Any) -> bytes:
    body = bytes((len(name),)) + name.encode() + b"".join(map(encode, arguments))
    return struct.pack("<I", len(body)) + body


@given(VALUES)
def test_every_value_comes_back_as_it_was(value: Any) -> None:
    encoded = encode(value)
    decoded, end = decode(encoded, 0)
    assert decoded == value and type(decoded) is type(value)
    assert end == len(encoded)


@given(st.binary(max_size=60))
def test_garbage_is_a_value_or_an_error_of_the_bridge(garbage: bytes) -> None:
    try:
        _, end = decode(garbage, 0)
    except BridgeError:
        return
    assert end <= len(garbage)


@pytest.mark.parametrize("value", [1 << 63, 1.5, [None] * 256, object()])
def test_what_cannot_cross_is_refused(value: Any) -> None:
    with pytest.raises(BridgeError):
        encode(value)


@given(st.lists(st.integers(1, 30), max_size=30))
def test_calls_arrive_whole_however_the_socket_cuts_them(cuts: list[int]) -> None:
    connection = Connection()
    stream = request("see", 1, b"abc") + request("see") + request("see", "x" * 40, (True, None))
    for cut in cuts:
        connection.bridge.data_received(stream[:cut])
        stream = stream[cut:]
    connection.bridge.data_received(stream)
    assert connection.chip.seen == [(1, b"abc"), (), ("x" * 40, (True, None))]
    assert connection.wire.sent == b"".join(struct.pack("<II", 1, n) for n in (1, 2, 3))
    assert connection.bridge.calls == 3


@pytest.mark.parametrize(
    ("gift", "sent"),
    [
        (None, struct.pack("<II", 0, 0)),
        (-1, struct.pack("<Ii", 1, -1)),
        (b"abc", struct.pack("<II", 2, 3) + b"abc"),
        (True, struct.pack("<II", 3, 0)),
        (False, struct.pack("<II", 4, 0)),
        (1 << 40, struct.pack("<II", 5, 9) + b"q" + struct.pack("<q", 1 << 40)),
        ((1, "a"), struct.pack("<II", 5, 13) + b"t\x02i\x01\0\0\0s\x01\0\0\0a"),
    ],
)
def test_answers_are_as_short_as_can_be(gift: Any, sent: bytes) -> None:
    connection = Connection()
    connection.chip.gift = gift
    connection.bridge.data_received(request("give"))
    assert connection.wire.sent == sent


def test_the_chips_errors_cross_as_numbers_and_words() -> None:
    connection = Connection()
    connection.bridge.data_received(request("fail"))
    connection.chip.error = ValueError("no such thing")
    connection.bridge.data_received(request("fail"))
    assert connection.wire.sent == (
        struct.pack("<II", 6, 7)
        + b"t\x01i\x13\0\0\0"
        + struct.pack("<II", 7, 18)
        + b"s\x0d\0\0\0no such thing"
    )
    assert connection.failures == []


@pytest.mark.parametrize("error", [DataSheetViolation("rule"), TypeError("arguments")])
def test_a_violation_is_the_runs_and_gets_no_answer(error: BaseException) -> None:
    connection = Connection()
    connection.chip.error = error
    connection.bridge.data_received(request("fail"))
    assert connection.failures == [error]
    assert connection.wire.sent == b""


def test_an_operation_that_does_not_exist_is_the_runs() -> None:
    connection = Connection()
    connection.bridge.data_received(request("nonsense"))
    assert isinstance(connection.failures[0], KeyError)


def test_what_is_said_to_the_bridge_does_not_reach_the_chip() -> None:
    connection = Connection()
    connection.bridge.data_received(request("@heap", 5, 6))
    assert connection.told == [("heap", (5, 6))]
    assert connection.wire.sent == b"" and connection.bridge.calls == 0


def test_interrupts_carry_source_and_level() -> None:
    connection = Connection()
    connection.bridge.interrupt(0x203, 4096)
    connection.bridge.measure()
    assert connection.wire.sent == b"\x08\x03\x02\0\0\x10\0\0" + b"\x09" + bytes(7)


def test_after_the_end_nothing_is_served() -> None:
    connection = Connection()
    connection.bridge.close()
    connection.bridge.data_received(request("see"))
    connection.bridge.interrupt(1, 1)
    assert connection.wire.aborted
    assert connection.chip.seen == [] and connection.wire.sent == b""
