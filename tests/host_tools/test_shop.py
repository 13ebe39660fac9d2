"""The shop's folder: where it is, who may read it, and the key in it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from host_tools import emv_signing, shop


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KASSA_HOME", str(tmp_path / "shops" / "corner"))
    return tmp_path / "shops" / "corner"


def test_the_folder_is_made_for_its_owner_alone(folder: Path) -> None:
    assert shop.home() == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_without_a_word_it_is_in_the_owners_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KASSA_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert shop.home() == tmp_path / ".kassa"


def test_a_file_in_its_place_is_named(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_bytes(b"")
    with pytest.raises(shop.ShopError, match=r"corner: cannot be the shop's folder.*KASSA_HOME"):
        shop.home()


def test_the_key_is_made_at_first_need_told_and_kept(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = shop.signing_key()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"made the shop's signing key {made.key_id}" in printed.err
    assert stat.S_IMODE((folder / shop.SIGNING).stat().st_mode) == 0o600
    assert shop.signing_key() == made
    assert capsys.readouterr().err == ""


def test_the_service_code_is_made_at_first_need_and_kept(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = shop.service_code()
    printed = capsys.readouterr()
    assert len(code) == 8 and code.isdigit()
    assert "service.code: made" in printed.err and code not in printed.err
    place = folder / shop.SERVICE_CODE
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert shop.service_code() == code and capsys.readouterr().err == ""
    # A technician may choose another.
    place.write_text("271828\n")
    assert shop.service_code() == "271828"


@pytest.mark.parametrize("content", ["", "12345", "12345678901", "abcdefgh", "1234 5678", "\x80"])
def test_a_service_code_that_is_none_is_named_and_stays(folder: Path, content: str) -> None:
    folder.mkdir(parents=True)
    (folder / shop.SERVICE_CODE).write_text(content, "latin-1")
    with pytest.raises(shop.ShopError, match=r"service\.code: does not hold 6 to 10 digits"):
        shop.service_code()
    assert (folder / shop.SERVICE_CODE).read_text("latin-1") == content


def test_two_shops_have_codes_of_their_own(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = set()
    for number in range(5):
        monkeypatch.setenv("KASSA_HOME", str(tmp_path / str(number)))
        codes.add(shop.service_code())
    assert len(codes) > 1


def test_a_key_that_is_none_is_named_and_stays(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / shop.SIGNING).write_text("no key")
    with pytest.raises(emv_signing.KeyFileError, match=r"signing\.pem"):
        shop.signing_key()
    assert (folder / shop.SIGNING).read_text() == "no key"
