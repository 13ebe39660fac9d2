"""The PN532's frames: the user manual's examples, round trips, damage and garbage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kassa.drivers.pn532_errors import ChecksumError, FrameError, NoFrame
from kassa.drivers.pn532_frames import (
    ACK,
    ACKNOWLEDGE,
    INFORMATION,
    LONGEST_DATA,
    LONGEST_FRAME,
    NACK,
    NOTHING,
    REFUSE,
    SYNTAX_ERROR,
    FrameReader,
    FrameWriter,
)
from kassa.system.ensure import InvariantError

from simulator.chips.pn532_link import SYNTAX_ERROR as SYNTAX_ERROR_FRAME
from simulator.chips.pn532_link import HostFrames, information_frame


def read(stream: bytes, frames: FrameReader | None = None) -> FrameReader:
    """Feed `stream` as a link does: never more than asked for, until it is used up."""
    frames = frames or FrameReader()
    frames.clear()
    at = 0
    while (missing := frames.missing()) and at < len(stream):
        piece = stream[at : at + missing]
        frames.space()[: len(piece)] = piece
        frames.added(len(piece))
        at += len(piece)
    return frames


def test_commands_of_the_manual_are_built_byte_for_byte() -> None:
    writer = FrameWriter()
    built = [
        bytes(writer.build(0x02)),
        bytes(writer.build(0x14, (0x01,))),
        bytes(writer.build(0x4A, (0x01, 0x00))),
        bytes(writer.build(0x32, (0x05, 0xFF, 0x01, 0xFF))),
    ]
    assert [frame.hex(" ") for frame in built] == [
        "00 00 ff 02 fe d4 02 2a 00",
        "00 00 ff 03 fd d4 14 01 17 00",
        "00 00 ff 04 fc d4 4a 01 00 e1 00",
        "00 00 ff 06 fa d4 32 05 ff 01 ff f6 00",
    ]


@pytest.mark.parametrize(
    ("stream", "kind", "data"),
    [
        ("0000ff06fad50332010607e800", INFORMATION, "0332010607"),
        ("0000ff00ff00", ACKNOWLEDGE, None),
        ("0000ffff0000", REFUSE, None),
        ("0000ff01ff7f8100", SYNTAX_ERROR, None),
        ("0000ff0cf4d54b010100040804fb0ee20bd800", INFORMATION, "4b010100040804fb0ee20b"),
    ],
)
def test_frames_of_the_manual_are_understood(stream: str, kind: int, data: str | None) -> None:
    frames = read(bytes.fromhex(stream))
    assert frames.kind == kind
    if data is not None:
        assert bytes(frames.data).hex() == data


def test_255_bytes_are_a_normal_frame_and_256_an_extended_one() -> None:
    writer = FrameWriter()
    normal = bytes(writer.build(0x40, (1,), bytes(252)))
    extended = bytes(writer.build(0x40, (1,), bytes(253)))
    assert normal[:5].hex() == "0000ffff01"
    assert extended[:8].hex() == "0000ffffff0100ff"


def test_the_longest_frame_fills_the_buffer_exactly() -> None:
    frame = FrameWriter().build(0x40, (1,), bytes(LONGEST_DATA - 2))
    assert len(frame) == LONGEST_FRAME


def test_more_data_than_a_frame_holds_is_a_programming_error() -> None:
    with pytest.raises(InvariantError):
        FrameWriter().build(0x40, (1,), bytes(LONGEST_DATA - 1))


@given(
    code=st.integers(0, 255),
    parameters=st.lists(st.integers(0, 255), max_size=4),
    data=st.binary(max_size=LONGEST_DATA - 5),
)
def test_what_the_driver_builds_is_what_the_chip_understands(
    code: int, parameters: list[int], data: bytes
) -> None:
    frame = bytes(FrameWriter().build(code, parameters, data))
    assert list(HostFrames().feed(frame)) == [
        ("command", bytes([code, *parameters]) + data),
    ]


@given(payload=st.binary(min_size=1, max_size=LONGEST_DATA))
def test_what_the_chip_sends_is_what_the_driver_reads(payload: bytes) -> None:
    frames = read(information_frame(payload))
    assert frames.kind == INFORMATION
    assert bytes(frames.data) == payload


@given(payload=st.binary(min_size=1, max_size=LONGEST_DATA), rest=st.binary(max_size=20))
def test_a_bus_master_never_reads_past_the_end_of_a_frame(payload: bytes, rest: bytes) -> None:
    frame = information_frame(payload)
    assert read(frame + rest).length == len(frame)


@given(
    junk=st.binary(max_size=40).filter(lambda junk: b"\x00\xff" not in junk + b"\x00"),
    payload=st.binary(min_size=1, max_size=LONGEST_DATA),
)
def test_a_frame_is_found_behind_garbage(junk: bytes, payload: bytes) -> None:
    frames = read(junk + information_frame(payload))
    assert frames.kind == INFORMATION
    assert bytes(frames.data) == payload


@pytest.mark.parametrize(
    "junk", ["00ff", "00ff05", "0000ff0102", "00ffffff0000", "00ffffffffff00"]
)
def test_a_false_start_code_does_not_hide_the_frame_behind_it(junk: str) -> None:
    frames = read(bytes.fromhex(junk) + ACK)
    assert frames.kind == ACKNOWLEDGE


@given(stream=st.binary(max_size=600))
def test_garbage_ends_in_a_frame_or_a_named_error_and_never_wants_the_impossible(
    stream: bytes,
) -> None:
    frames = FrameReader()
    try:
        read(stream, frames)
    except FrameError:
        frames.clear()
        assert frames.kind == NOTHING
        return
    assert frames.kind != NOTHING or frames.length == len(stream)
    assert 0 <= frames.missing() <= LONGEST_FRAME


@given(payload=st.binary(min_size=2, max_size=LONGEST_DATA), data=st.data())
def test_one_flipped_bit_never_passes_for_another_answer(
    payload: bytes, data: st.DataObject
) -> None:
    frame = bytearray(information_frame(payload))
    frame[data.draw(st.integers(0, len(frame) - 2))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        frames = read(bytes(frame))
    except FrameError:
        return
    if frames.kind == INFORMATION:
        assert bytes(frames.data) == payload  # the bit was in the preamble


def test_a_wrong_check_sum_is_told_apart_from_no_frame() -> None:
    damaged = bytearray(information_frame(b"\x03\x32\x01\x06\x07"))
    damaged[-2] ^= 0x01
    with pytest.raises(ChecksumError):
        read(bytes(damaged))
    with pytest.raises(NoFrame):
        read(b"\x5a" * 100)


def test_the_echo_of_an_own_command_is_not_an_answer() -> None:
    with pytest.raises(NoFrame):
        read(bytes(FrameWriter().build(0x02)))


def test_a_reader_can_be_used_again_after_an_error() -> None:
    frames = FrameReader()
    with pytest.raises(NoFrame):
        read(b"\x5a" * 100, frames)
    assert read(NACK, frames).kind == REFUSE


def test_the_header_of_a_long_answer_is_recognised_before_its_end() -> None:
    frame = information_frame(bytes(200))
    frames = FrameReader()
    frames.space(64)[:] = frame[:64]
    frames.added(64)
    assert frames.missing() == len(frame) - 64
    assert frames.recognised


def test_the_simulated_chip_knows_the_same_syntax_error_frame() -> None:
    assert read(SYNTAX_ERROR_FRAME).kind == SYNTAX_ERROR
