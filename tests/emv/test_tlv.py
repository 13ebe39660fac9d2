"""BER-TLV: the rules D-1 and D-2, and that nothing but TlvError ever comes out."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kassa.emv import tlv
from kassa.emv.errors import TlvError

primitive_tags = st.one_of(
    st.integers(1, 0xFF).filter(lambda t: t & 0x1F != 0x1F and not t & 0x20),
    st.integers(0, 0x7F).map(lambda t: 0x9F00 | t),
    st.tuples(st.integers(0x80, 0xFF), st.integers(0, 0x7F)).map(
        lambda t: 0xDF0000 | t[0] << 8 | t[1]
    ),
)
template_tags = st.sampled_from((0x61, 0x6F, 0x70, 0x77, 0xA5, 0xBF0C, 0xFF8101))
objects = st.recursive(
    st.tuples(primitive_tags, st.binary(max_size=40)),
    lambda inner: st.tuples(template_tags, st.lists(inner, max_size=3)),
    max_leaves=8,
)


def depth(tree: list) -> int:
    return 1 + max((depth(value) for _, value in tree if isinstance(value, list)), default=0)


@given(st.lists(objects, max_size=4))
def test_what_is_encoded_is_parsed_again(tree: list) -> None:
    if depth(tree) <= tlv.MAX_DEPTH:
        assert tlv.parse(tlv.encode_all(tree)) == tree


@given(st.binary(max_size=300))
def test_garbage_is_a_parse_error_and_nothing_else(noise: bytes) -> None:
    for read in (
        tlv.parse,
        tlv.flatten,
        lambda b: tlv.find(b, 0x6F, 0xA5),
        lambda b: tlv.open_template(b, 0x77),
    ):
        with contextlib.suppress(TlvError):
            read(noise)


@given(st.lists(objects, min_size=1, max_size=3), st.data())
def test_bytes_cut_off_anywhere_are_a_parse_error_or_fewer_objects(
    tree: list, data: st.DataObject
) -> None:
    whole = tlv.encode_all(tree)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with contextlib.suppress(TlvError):
        assert tlv.parse(cut) != tlv.parse(whole) or depth(tree) > tlv.MAX_DEPTH


@pytest.mark.parametrize(
    ("raw", "tag"),
    [("9A0101", 0x9A), ("9F0201AA", 0x9F02), ("DF810601AA", 0xDF8106), ("DF4B01AA", 0xDF4B)],
)
def test_D_1_tags_have_one_to_three_bytes(raw: str, tag: int) -> None:
    assert list(tlv.flatten(bytes.fromhex(raw))) == [tag]
    assert tlv.tag_bytes(tag).hex().upper() == raw[: 2 * len(tlv.tag_bytes(tag))]


@pytest.mark.parametrize("length", [0, 1, 0x7F, 0x80, 0xFF, 0x100, 4000])
def test_D_1_lengths_have_one_to_three_bytes(length: int) -> None:
    value = bytes(i & 0xFF for i in range(length))
    raw = tlv.encode(0x9F46, value)
    assert len(raw) - length - 2 == (1 if length < 0x80 else 2 if length <= 0xFF else 3)
    assert tlv.flatten(raw) == {0x9F46: value}


@pytest.mark.parametrize(
    "raw",
    [
        "5A",  # no length
        "5A02AA",  # past the end
        "5A81",  # length cut off
        "5A8201",
        "5A82",
        "5A80AA0000",  # indefinite
        "5A8300000141",  # four bytes of length
        "9F",  # tag cut off
        "9F80",
        "9F80808001AA",  # a tag of four bytes
        "70035A02AA",  # past the end of its template
    ],
)
def test_D_1_what_is_cut_off_or_indefinite_is_a_parse_error(raw: str) -> None:
    with pytest.raises(TlvError):
        tlv.flatten(bytes.fromhex(raw))


def test_D_1_zeros_between_objects_mean_nothing() -> None:
    raw = bytes.fromhex("0000 7008 00 5A01AA 00 9A01BB 00 00")
    raw = bytes.fromhex("0000") + tlv.encode(0x70, bytes.fromhex("005A01AA00009A01BB00")) + b"\0"
    assert tlv.flatten(raw) == {0x5A: b"\xaa", 0x9A: b"\xbb"}
    assert tlv.open_template(raw, 0x70) == bytes.fromhex("005A01AA00009A01BB00")


def test_D_1_depth_is_capped() -> None:
    raw = b"\x5a\x01\xaa"
    for level in range(tlv.MAX_DEPTH):
        assert tlv.flatten(raw) == {0x5A: b"\xaa"}, level
        assert tlv.parse(raw), level
        raw = tlv.encode(0x70, raw)
    with pytest.raises(TlvError):
        tlv.flatten(raw)
    with pytest.raises(TlvError):
        tlv.parse(raw)


def test_D_1_size_and_number_are_capped() -> None:
    with pytest.raises(TlvError):
        tlv.flatten(tlv.encode(0x9F46, bytes(tlv.MAX_SIZE)))
    many = b"".join(tlv.encode(0x9F00 | i & 0x7F, b"") for i in range(tlv.MAX_OBJECTS + 1))
    with pytest.raises(TlvError):
        tlv.parse(many)
    different = b"".join(
        tlv.encode(0xDF8000 | i & 0x7F | (i & 0x80) << 1, b"") for i in range(tlv.MAX_OBJECTS + 1)
    )
    with pytest.raises(TlvError):
        tlv.flatten(different)
    with pytest.raises(TlvError):
        tlv.encode(0x70, bytes(0x10000))


def test_D_2_an_object_that_occurs_twice_is_an_error_and_the_first_value_is_kept() -> None:
    raw = bytes.fromhex("5A01AA 7003 5A01BB".replace(" ", ""))
    found: dict[int, bytes] = {}
    with pytest.raises(TlvError):
        tlv.flatten_into(found, raw)
    assert found == {0x5A: b"\xaa"}


def test_find_follows_a_path_and_takes_the_first() -> None:
    raw = bytes.fromhex("6F0A A503 5A01AA A503 5A01BB".replace(" ", ""))
    assert tlv.find(raw, 0x6F, 0xA5) == bytes.fromhex("5A01AA")
    assert tlv.find(raw, 0x6F, 0xA5, 0x5A) == b"\xaa"
    assert tlv.find(raw, 0x6F, 0x5A) is None


@pytest.mark.parametrize("raw", ["", "00", "7000 7000", "7700", "7003 5A01AA 00 9A01BB"])
def test_a_response_is_exactly_one_template(raw: str) -> None:
    with pytest.raises(TlvError):
        tlv.open_template(bytes.fromhex(raw.replace(" ", "")), 0x70)


def test_values_survive_the_buffer_they_came_in() -> None:
    buffer = bytearray.fromhex("5A01AA")
    found = tlv.flatten(memoryview(buffer))
    buffer[2] = 0
    assert found == {0x5A: b"\xaa"}


def test_D_1_a_value_may_be_empty_in_every_form_of_length() -> None:
    for raw in ("5A00", "5A8100", "5A820000"):
        assert tlv.flatten(bytes.fromhex(raw)) == {0x5A: b""}
