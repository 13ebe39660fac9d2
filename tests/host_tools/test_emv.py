"""`kassa emv`: mistakes are named by AID, field and line; equal documents make equal bytes."""

from __future__ import annotations

import datetime
import hashlib
import json
import stat
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st
from kassa.emv import config
from typer.testing import CliRunner

from host_tools import emv, emv_exceptions, emv_signing
from host_tools.cli import app, main
from simulator import emv_configuration
from simulator.cards import certificates

TODAY = datetime.date(2026, 11, 22)
VISA_CA = certificates.ca_key("visa")
# Published test numbers (Visa, Mastercard); no issuer's range is behind them.
STOLEN = "# reported\n4111111111111111\n\n5555 5555 5555 4444 / 01   # only this card\n"

HEAD = """\
[terminal]
offline_approval = false

"""
VISA = """\
[[combinations]]
aid = "A0000000031010"
kernel = 3
ttq = "20004000"
transaction_limit = 500_000
floor_limit = 0
cvm_limit = 5_000
"""
MASTERCARD = """
[[combinations]]
aid = "A0000000041010"
kernel = 2

[combinations.kernel2]
tac_online = "F45084800C"
"""
RISK = """
[risk]
random_threshold = 500
random_percent = 10
random_max_percent = 50
velocity_per_day = 3
unsigned_cap = 2500
"""
CA_KEY = f"""
[[ca_keys]]
rid = "A000000003"
index = "92"
modulus = "{VISA_CA.modulus.hex().upper()}"
exponent = "03"
sha1 = "{VISA_CA.checksum.hex().upper()}"
expires = "491231"
"""
REVOKED = """
[[revoked]]
rid = "A000000003"
index = "92"
serial = "000001"
"""
LISTED = """
[exceptions]
file = "stolen.txt"
date = "261120"
max_age_days = 30
"""
WHOLE = HEAD + VISA + MASTERCARD + RISK + CA_KEY + REVOKED + LISTED


def document(tmp_path: Path, text: str = WHOLE, stolen: str = STOLEN) -> Path:
    path = tmp_path / "shop.toml"
    path.write_text(text, encoding="utf-8")
    (tmp_path / "stolen.txt").write_text(stolen, encoding="utf-8")
    return path


def told(path: Path) -> list[str]:
    return [each.shown(path.name) for each in emv.check(emv.read(path), TODAY)]


def line_of(text: str, words: str) -> int:
    (number,) = [n for n, line in enumerate(text.splitlines(), 1) if words in line]
    return number


@cache
def key() -> emv_signing.SigningKey:
    return emv_configuration.signing_key()


def test_a_right_document_has_no_mistakes(tmp_path: Path) -> None:
    assert told(document(tmp_path)) == []


@pytest.mark.parametrize(
    ("there", "instead", "marked", "words"),
    [
        # combinations
        ('ttq = "20004000"', 'ttq = "2000"', "ttq", "A0000000031010: ttq must be 4 bytes"),
        ('aid = "A0000000031010"', 'aid = "A0"', 'aid = "A0"', "A0: aid must be 5 to 16 bytes"),
        ("floor_limit = 0", "floor_limit = 1.5", "floor", "A0000000031010: floor_limit must be a"),
        (
            "floor_limit = 0",
            "flor_limit = 0",
            "flor",
            "A0000000031010: unknown field 'flor_limit'",
        ),
        ("kernel = 3", "kernel = 9", "kernel = 9", "A0000000031010: kernel: kernel 9"),
        ('ttq = "20004000"\n', "", "[[combinations]]", "A0000000031010: ttq is missing"),
        ('"F45084800C"', '"F4"', "tac_online", "A0000000041010: kernel2: tac_online must be 5"),
        ('aid = "A0000000041010"', "", "[[combinations]]", "combination 2: aid is missing"),
        # terminal
        ("offline_approval = false", "offline_approval = 1", "offline", "terminal: offline_appr"),
        ("offline_approval = false", 'tags = {zz = "00"}', "tags", "terminal: tags.zz "),
        # ca_keys
        ('exponent = "03"', 'exponent = "05"', "exponent", "A000000003 index 92: exponent must"),
        (
            'expires = "491231"',
            'expires = "491331"',
            "expires",
            "A000000003 index 92: expires must",
        ),
        ('sha1 = "', 'sha1 = "00', "sha1", "ca_keys: A000000003 index 92: sha1 must be 20 bytes"),
        ("modulus = ", "modolus = ", "modolus", "A000000003 index 92: unknown field 'modolus'"),
        # revoked
        ('serial = "000001"', 'serial = "01"', "serial", "revoked: A000000003 index 92: serial"),
        (
            'serial = "000001"',
            "",
            "[[revoked]]",
            "revoked: A000000003 index 92: serial is missing",
        ),
        # exceptions
        ('date = "261120"', 'date = "20.11."', 'date = "20', "exceptions: date must be a date"),
        ("max_age_days = 30", "max_age_days = 0", "max_age", "exceptions: max_age_days must be"),
        ('"stolen.txt"', '"lost.txt"', "file", "exceptions: lost.txt: cannot be read"),
        ('"stolen.txt"', "5", "file", "exceptions: file must be text"),
        # risk
        ("random_percent = 10", "random_percent = 101", "t = 101", "risk: random_percent must"),
        ("random_max_percent = 50", "random_max_percent = 5", "t = 5", "risk: random_max_percent"),
        ("unsigned_cap = 2500\n", "", "[risk]", "risk: unsigned_cap is missing"),
    ],
)
def test_a_mistake_names_the_line_the_aid_and_the_field(
    tmp_path: Path, there: str, instead: str, marked: str, words: str
) -> None:
    assert WHOLE.count(there) >= 1
    text = WHOLE.replace(there, instead, 1)
    found = told(document(tmp_path, text))
    lines = [n for n, line in enumerate(text.splitlines(), 1) if marked in line]
    assert any(
        entry.startswith(f"shop.toml:{line}: ") and words in entry
        for entry in found
        for line in lines
    ), found


def test_every_mistake_is_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = WHOLE.replace('"20004000"', '"2"').replace('"F45084800C"', '"zz"')
    text = text.replace("unsigned_cap = 2500", "unsigned_cap = -1")
    found = told(document(tmp_path, text))
    assert len(found) == 3
    assert [int(entry.split(":")[1]) for entry in found] == sorted(
        line_of(text, words) for words in ("ttq", "tac_online", "unsigned_cap")
    )


def test_a_check_sum_that_is_not_the_keys_is_a_mistake(tmp_path: Path) -> None:
    right = VISA_CA.checksum.hex().upper()
    text = WHOLE.replace(right, "00" + right[2:])
    (found,) = told(document(tmp_path, text))
    assert found.startswith(
        f"shop.toml:{line_of(text, 'sha1')}: ca_keys: A000000003 index 92: sha1"
    )


def test_a_modulus_that_none_can_be_is_a_mistake(tmp_path: Path) -> None:
    modulus = VISA_CA.modulus.hex().upper()
    text = WHOLE.replace(modulus, modulus[:-1] + "0")
    text = text.replace(f'sha1 = "{VISA_CA.checksum.hex().upper()}"\n', "")
    (found,) = told(document(tmp_path, text))
    assert "A000000003 index 92: modulus must begin with a set bit and be odd" in found


def test_offline_approval_without_risk_is_a_mistake(tmp_path: Path) -> None:
    text = WHOLE.replace("offline_approval = false", "offline_approval = true").replace(RISK, "")
    assert any(
        "terminal: offline_approval needs the table risk" in t
        for t in told(document(tmp_path, text))
    )


@pytest.mark.parametrize(
    ("there", "instead", "words"),
    [
        ('"491231"', '"261231"', "A000000003 index 92: expires: expires in 39 days"),
        ('"491231"', '"251231"', "A000000003 index 92: expires: has expired"),
        ('index = "92"\nserial', 'index = "07"\nserial', "revoked: A000000003 index 07: index"),
        ('date = "261120"', 'date = "260901"', "exceptions: date: 82 days old"),
        ("floor_limit = 0", "floor_limit = 600_000", "A0000000031010: floor_limit is above"),
        ("cvm_limit = 5_000", "cvm_limit = 600_000", "A0000000031010: cvm_limit is above"),
    ],
)
def test_what_is_only_to_be_thought_about_is_a_warning(
    tmp_path: Path, there: str, instead: str, words: str
) -> None:
    path = document(tmp_path, WHOLE.replace(there, instead, 1))
    (found,) = told(path)
    assert "warning: " in found and words in found
    assert emv.compile_document(emv.read(path), key(), TODAY)


def test_a_floor_limit_without_a_key_to_check_cards_with_is_warned_of(tmp_path: Path) -> None:
    text = (
        (HEAD + VISA + RISK).replace("false", "true").replace("floor_limit = 0", "floor_limit = 5")
    )
    (found,) = told(document(tmp_path, text))
    assert "A0000000031010: floor_limit: no CA key" in found


# -- what is compiled


def test_what_is_compiled_is_what_the_terminal_reads(tmp_path: Path) -> None:
    made = emv.compile_document(emv.read(document(tmp_path)), key(), TODAY)
    read = config.from_json(made.content.decode())
    assert [c.aid.hex() for c in read.combinations] == ["a0000000031010", "a0000000041010"]
    assert read.ca_keys[0].modulus == VISA_CA.modulus
    assert (read.risk.velocity_per_day, read.revoked[0].serial) == (3, b"\0\0\1")
    assert read.exceptions.date == "261120"


def test_the_same_document_makes_the_same_bytes_whatever_the_order_of_its_fields(
    tmp_path: Path,
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = emv.compile_document(emv.read(document(tmp_path / "a")), key(), TODAY)
    shuffled = HEAD + LISTED + REVOKED + CA_KEY + RISK + VISA + MASTERCARD
    other = emv.compile_document(emv.read(document(tmp_path / "b", shuffled)), key(), TODAY)
    assert first == other
    assert b" " not in first.content and first.content == first.content.strip()


def test_the_signature_is_right_by_an_independent_library(tmp_path: Path) -> None:
    made = emv.compile_document(emv.read(document(tmp_path)), key(), TODAY)
    signer = json.loads(made.signer)
    public = rsa.RSAPublicNumbers(int(signer["exponent"], 16), int(signer["modulus"], 16))
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    public.public_key().verify(made.signature, made.content, pss, hashes.SHA256())
    assert (
        signer["key_id"]
        == hashlib.sha256(bytes.fromhex(signer["modulus"])).hexdigest()[:16].upper()
    )


def test_a_check_sum_that_is_left_out_is_made(tmp_path: Path) -> None:
    text = WHOLE.replace(f'sha1 = "{VISA_CA.checksum.hex().upper()}"\n', "")
    made = emv.compile_document(emv.read(document(tmp_path, text)), key(), TODAY)
    assert config.from_json(made.content.decode()).ca_keys[0].sha1 == VISA_CA.checksum


# -- the list of cards


def test_the_list_becomes_salted_digests_and_no_card_number_leaves_it(tmp_path: Path) -> None:
    made = emv.compile_document(emv.read(document(tmp_path)), key(), TODAY)
    table = json.loads(made.content)["exceptions"]
    salt = bytes.fromhex(table["salt"])
    expected = sorted(
        hashlib.sha256(salt + name).digest()[:8]
        for name in (b"4111111111111111/", b"5555555555554444/01")
    )
    assert bytes.fromhex(table["digests"]) == b"".join(expected)
    assert set(table) == {"date", "digests", "max_age_days", "salt"} and len(salt) == 16
    assert b"4111" not in made.content and b"stolen" not in made.content


def test_another_list_or_another_key_has_another_salt(tmp_path: Path) -> None:
    def salt(stolen: str, signing: emv_signing.SigningKey) -> str:
        made = emv.compile_document(emv.read(document(tmp_path, stolen=stolen)), signing, TODAY)
        return json.loads(made.content)["exceptions"]["salt"]

    other = emv_signing.SigningKey(key().modulus, key().private_exponent)
    assert salt(STOLEN, key()) == salt(STOLEN, other)
    assert salt(STOLEN, key()) != salt("4111111111111111\n", key())


def test_a_salt_of_ones_own_is_used(tmp_path: Path) -> None:
    text = WHOLE.replace("max_age_days = 30", f'max_age_days = 30\nsalt = "{"AB" * 16}"')
    made = emv.compile_document(emv.read(document(tmp_path, text)), key(), TODAY)
    assert json.loads(made.content)["exceptions"]["salt"] == "AB" * 16


@pytest.mark.parametrize(
    ("stolen", "words"),
    [
        ("4111111111111111\n4111111111111112\n", "line 2: the card number's check digit is wrong"),
        ("\n\nnobody\n", "line 3: must be a card number"),
        ("4111111111111111/1\n", "line 1: must be a card number"),
    ],
)
def test_a_mistake_in_the_list_names_its_line_and_no_card(
    tmp_path: Path, stolen: str, words: str
) -> None:
    (found,) = told(document(tmp_path, stolen=stolen))
    assert words in found and "4111" not in found and "nobody" not in found


def test_a_list_that_no_terminal_keeps_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("".join(f"4111111111111111/{n % 100:02}\n" for n in range(100)))
    assert len(emv_exceptions.read(path).names) == 100
    many = [f"{number}0" for number in range(10**9, 10**9 + 20_000)]
    right = [pan for pan in many if emv_exceptions._luhn(pan)]
    path.write_text("\n".join(right[: config.MAX_EXCEPTIONS + 1]))
    with pytest.raises(emv_exceptions.ListError, match="1001 cards; a terminal keeps 1000"):
        emv_exceptions.read(path)


def test_file_and_digests_at_once_are_refused(tmp_path: Path) -> None:
    text = WHOLE.replace("max_age_days = 30", 'max_age_days = 30\ndigests = ""')
    assert any(
        "give file or digests, not both" in entry for entry in told(document(tmp_path, text))
    )


# -- the command line


def kassa(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["emv", *map(str, arguments)])


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "shop.pem"
    assert kassa("key", path).exit_code == 0
    return path


def test_a_new_key_is_its_owners_only_and_never_replaces_one(pem: Path) -> None:
    assert stat.S_IMODE(pem.stat().st_mode) == 0o600
    before = pem.read_bytes()
    assert isinstance(kassa("key", pem).exception, emv_signing.KeyFileError)
    assert pem.read_bytes() == before


def test_compile_writes_what_show_finds_signed(tmp_path: Path, pem: Path) -> None:
    path, output = document(tmp_path), tmp_path / "made"
    assert kassa("compile", path, "--key", pem, "--output", output).exit_code == 0
    assert sorted(p.name for p in output.iterdir()) == ["emv.json", "emv.sig", "signer.json"]
    shown = kassa("show", output / "emv.json")
    key_id = json.loads((output / "signer.json").read_text())["key_id"]
    assert shown.exit_code == 0 and f"Signature: signed by {key_id}" in shown.stdout
    for words in ("A0000000031010", "5,000.00", "EMV mode", "1408", "right", "2049-12-31"):
        assert words in shown.stdout, words
    for pan in ("4111111111111111", "5555555555554444"):
        assert not any(pan.encode() in p.read_bytes() for p in output.iterdir())


def test_show_says_what_is_wrong_with_a_signature(tmp_path: Path, pem: Path) -> None:
    output = tmp_path / "made"
    kassa("compile", document(tmp_path), "--key", pem, "--output", output)
    signed = (output / "emv.sig").read_bytes()
    (output / "emv.sig").write_bytes(bytes([signed[0] ^ 1]) + signed[1:])
    shown = kassa("show", output / "emv.json")
    assert shown.exit_code == 1 and "emv.sig is not signer.json's over this file" in shown.stdout
    (output / "emv.sig").unlink()
    assert "Signature: emv.sig is missing" in kassa("show", output / "emv.json").stdout


def test_show_for_a_machine_tells_bits_in_words_and_check_sums(tmp_path: Path) -> None:
    shown = json.loads(kassa("show", document(tmp_path), "--json").stdout)
    assert shown["signature"]["state"] == "none"
    visa, mastercard = shown["combinations"]
    assert visa["ttq_words"] == ["byte 1: EMV mode", "byte 3: consumer device CVM"]
    assert "byte 2: expired" in mastercard["kernel2"]["tac_online_words"]
    assert shown["ca_keys"][0]["sha1_right"] is True and shown["ca_keys"][0]["bits"] == 1408


def test_check_tells_by_its_exit_status(tmp_path: Path) -> None:
    right = kassa("check", document(tmp_path), "--date", "261122")
    assert (right.exit_code, "all is well" in right.stdout) == (0, True)
    warned = kassa("check", document(tmp_path), "--date", "491220")
    assert warned.exit_code == 0 and "expires in 11 days" in warned.stdout
    wrong = document(tmp_path, WHOLE.replace('"20004000"', '"2"'))
    assert kassa("check", wrong).exit_code == 1
    (mistake,) = json.loads(kassa("check", wrong, "--json", "--date", "261122").stdout)
    assert mistake["path"] == ["combinations", 0, "ttq"] and mistake["warning"] is False


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_text("nonsense"), "holds no private key"),
        (lambda path: None, "cannot be read"),
        (lambda path: path.write_bytes(short_key()), "must be an RSA key of 3072 bits"),
    ],
)
def test_a_key_that_cannot_sign_is_one_line(
    tmp_path: Path, make: Any, words: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    path = tmp_path / "key.pem"
    make(path)
    arguments = ["emv", "compile", str(document(tmp_path)), "--key", str(path)]
    monkeypatch.setattr("sys.argv", ["kassa", *arguments, "--output", str(tmp_path / "made")])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 1 and words in said and said.count("\n") == 1
    assert not (tmp_path / "made").exists()


@cache
def short_key() -> bytes:
    return rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def test_a_wrong_document_makes_no_files(tmp_path: Path, pem: Path) -> None:
    path = document(tmp_path, WHOLE.replace('"20004000"', '"2"'))
    done = kassa("compile", path, "--key", pem, "--output", tmp_path / "made")
    assert "A0000000031010: ttq" in str(done.exception) and not (tmp_path / "made").exists()


@given(st.binary(max_size=60))
def test_any_file_is_a_document_or_is_said_to_be_none(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    try:
        read = emv.read(path)
    except emv.DocumentError as error:
        assert str(path) in str(error)
    else:
        assert emv.check(read, TODAY)
