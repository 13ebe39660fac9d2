"""What a technician's computer makes of a terminal's files and its journal."""

from __future__ import annotations

import datetime
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from host_tools import anchor, doctor, doctor_flash
from host_tools.doctor_finding import FAIL, OK, WARN, Finding
from simulator.standins.world import World
from tests.journal.bench import KEY, Terminal

NOW = datetime.datetime(2026, 11, 27, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


def made(begins: datetime.datetime, ends: datetime.datetime) -> tuple[bytes, bytes]:
    """A certificate and its private key, DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "KASSA001")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 7)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.DER), private


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    own, private = made(NOW - DAY, NOW + 900 * DAY)
    ca, _ = made(NOW - DAY, NOW + 900 * DAY)
    return {"/tls/client.der": own, "/tls/key.der": private, "/tls/ca.der": ca}


def judged(files: dict[str, bytes]) -> dict[str, Finding]:
    return {one.name: one for one in doctor_flash.certificates(files.get, NOW)}


def test_certificates_in_their_time_are_well(files: dict[str, bytes]) -> None:
    found = judged(files)
    assert {name: one.verdict for name, one in found.items()} == {
        "certificate": OK,
        "host CA": OK,
        "private key": OK,
    }
    assert "2029-05-15" in found["certificate"].detail


@pytest.mark.parametrize(
    ("begins", "ends", "verdict", "words"),
    [
        (NOW - 9 * DAY, NOW - DAY, FAIL, "expired on 2026-11-26"),
        (NOW - 9 * DAY, NOW, FAIL, "expired"),
        (NOW + DAY, NOW + 9 * DAY, FAIL, "valid from 2026-11-28"),
        (NOW - 9 * DAY, NOW + 29 * DAY, WARN, "29 days"),
        (NOW - 9 * DAY, NOW + 30 * DAY, OK, "valid until"),
    ],
)
@pytest.mark.parametrize("name", ["certificate", "host CA"])
def test_dates_are_told(
    files: dict[str, bytes],
    name: str,
    begins: datetime.datetime,
    ends: datetime.datetime,
    verdict: str,
    words: str,
) -> None:
    certificate, private = made(begins, ends)
    path = {"certificate": "/tls/client.der", "host CA": "/tls/ca.der"}[name]
    changed = files | {path: certificate}
    if name == "certificate":
        changed["/tls/key.der"] = private
    found = judged(changed)
    assert found[name].verdict == verdict and words in found[name].detail
    assert bool(found[name].remedy) is (verdict != OK)
    assert found["private key"].verdict == OK


@pytest.mark.parametrize("path", ["/tls/client.der", "/tls/ca.der", "/tls/key.der"])
@pytest.mark.parametrize("content", [None, b"", b"garbage", b"\x30\x82\x01\x00"])
def test_what_is_missing_or_garbage_is_named(
    files: dict[str, bytes], path: str, content: bytes | None
) -> None:
    changed = {name: each for name, each in files.items() if name != path}
    if content is not None:
        changed[path] = content
    (ill,) = [one for one in judged(changed).values() if one.verdict == FAIL]
    assert path in ill.detail and ill.remedy


def test_another_certificates_key_is_noticed(files: dict[str, bytes]) -> None:
    _, other = made(NOW - DAY, NOW + DAY)
    found = judged(files | {"/tls/key.der": other})
    assert found["private key"].verdict == FAIL


def test_without_its_own_certificate_the_key_is_not_blamed(files: dict[str, bytes]) -> None:
    found = judged({name: each for name, each in files.items() if "client" not in name})
    assert [one.name for one in found.values() if one.verdict == FAIL] == ["certificate"]


@pytest.mark.parametrize("content", [None, b"", b"KDK1", b"x" * 540])
def test_keys_that_are_missing_or_damaged(content: bytes | None) -> None:
    assert doctor_flash.keys(lambda path: content).verdict == FAIL


# -- the journal


def judged_money(
    terminal: Terminal, *, image: bytes | None = None, key: bool = True
) -> dict[str, Finding]:
    image = terminal.flash.image() if image is None else image
    anchored = terminal.anchor.read()
    told = anchor.to_bytes(anchored) if anchored is not None else None
    found = doctor_flash.money(image, KEY if key else None, told)
    return {one.name: one for one in found}


def worked(records: int) -> Terminal:
    """A terminal with so many records, the newest of them anchored."""
    terminal = Terminal()
    log = terminal.start()
    for number in range(records):
        log.append(number, b"record %d" % number)
    log.anchor_head()
    return terminal


def test_an_empty_journal_of_a_new_terminal_is_well() -> None:
    found = {one.name: one for one in doctor_flash.money(b"\xff" * 65536, None, None)}
    assert FAIL not in {one.verdict for one in found.values()}


def test_an_empty_journal_of_a_terminal_that_remembers_records_is_not() -> None:
    terminal = worked(3)
    found = judged_money(terminal, image=b"\xff" * len(terminal.flash.image()))
    assert found["journal"].verdict == FAIL
    assert "another log" in found["journal"].detail


def test_a_journal_is_well_and_a_changed_bit_in_any_record_is_noticed() -> None:
    terminal = worked(3)
    assert judged_money(terminal)["journal"].verdict == OK
    image = terminal.flash.image()
    places = [at for at in range(0, len(image), 256) if image[at] == 1]
    assert len(places) == 3
    for place in places:
        changed = bytearray(image)
        changed[place + 20] ^= 1
        found = judged_money(terminal, image=bytes(changed))
        assert found["journal"].verdict == FAIL and found["journal"].remedy


def test_an_older_state_of_the_journal_is_noticed() -> None:
    terminal = Terminal()
    log = terminal.start()
    log.append(1, b"one")
    before = terminal.flash.image()
    log.append(2, b"two")
    log.anchor_head()
    found = judged_money(terminal, image=before)
    assert found["journal"].verdict == FAIL and "older state" in found["journal"].detail


def test_without_the_key_no_more_is_promised_than_was_proven() -> None:
    found = judged_money(worked(3), key=False)
    assert found["journal"].verdict == WARN and "without the terminal's key" in (
        found["journal"].detail
    )
    assert "pending" not in found


def test_garbage_in_place_of_a_journal_is_a_fault() -> None:
    found = judged_money(worked(3), image=b"\x55" * 65536)
    assert found["journal"].verdict == FAIL


def test_the_computer_judges_by_the_terminals_own_limits(world: World) -> None:
    checks, health = world.load("kassa.app.checks"), world.load("kassa.system.health")
    ours = (doctor._HEAP_WARN, doctor._HEAP_FAIL, doctor._PIECE_WARN, doctor._PIECE_FAIL)
    assert ours == checks._HEAP
    assert doctor_flash._BLOCK_LIFE == health.BLOCK_LIFE
    assert doctor_flash._WORN_PERCENT == checks._WORN_PERCENT


def test_a_worn_flash_is_told() -> None:
    assert doctor_flash._wear(79_999).verdict == OK
    assert doctor_flash._wear(80_000).verdict == WARN


# -- what the terminal has written down


def past(**files: object) -> dict[str, Finding]:
    contents = {path.replace("_", "/"): content for path, content in files.items()}

    def read(path: str) -> bytes | None:
        found = contents.get(path.replace(".", "/"))
        return found if isinstance(found, bytes) or found is None else json.dumps(found).encode()

    return {one.name: one for one in doctor_flash.history(read, NOW)}


def test_nothing_written_down_is_nothing_to_tell() -> None:
    found = past()
    assert list(found) == ["errors"] and found["errors"].verdict == OK


def test_the_last_errors_are_told() -> None:
    lines = [
        {"utc": f"2026-11-2{day + 2}T10:00:00Z", "at": "app", "is": "flow ended", "error": "Fault",
         "message": f"number {day}"}
        for day in range(5)
    ]  # fmt: skip
    box = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    found = past(_state_box_0=box)["errors"]
    assert found.verdict == WARN and found.detail.startswith("5 in the black box")
    assert "number 4" in found.detail and "number 1" not in found.detail


def test_errors_of_long_ago_are_told_and_no_fault_any_more() -> None:
    old = {"utc": "2026-11-01T10:00:00Z", "at": "app", "is": "flow ended", "error": "Fault"}
    first = {"up_ms": 19053, "boot": 1, "at": "main", "is": "cannot start", "error": "Fault"}
    now = {"up_ms": 19053, "boot": 7, "at": "main", "is": "cannot start", "error": "Fault"}
    start = {"up_ms": 1, "boot": 7, "at": "main", "is": "started", "why": "task"}

    def box(*lines: dict[str, object]) -> Finding:
        text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        return past(_state_box_0=text)["errors"]

    assert box(old, first, start).verdict == OK
    assert box(old, first, start).detail.startswith("none lately; 2 in the black box")
    assert box(old, now, start).verdict == WARN


@pytest.mark.parametrize(
    ("days", "verdict"),
    [
        ([[1, 200, 64], [5, 198, 64]], OK),
        ([[1, 200, 64], [5, 100, 64]], WARN),
        ([[1, 100, 64], [5, 200, 64]], OK),
    ],
)
def test_a_heap_that_shrinks_day_by_day_is_told(days: list[list[int]], verdict: str) -> None:
    assert past(_state_trend=days)["heap trend"].verdict == verdict


@pytest.mark.parametrize("days", [[], [[1, 200, 64]], [[1, 200, 64], [1, 100, 64]], "x", [[1]]])
def test_a_trend_of_less_than_two_days_is_none(days: object) -> None:
    assert "heap trend" not in past(_state_trend=days)
