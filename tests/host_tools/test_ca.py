"""The shop's CA: what it issues is what terminals and acquirers expect, and its key stays home."""

from __future__ import annotations

import datetime
import json
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from typer.testing import CliRunner

from host_tools.ca import ShopCa, common_name
from host_tools.cli import app
from host_tools.shop import ShopError


@pytest.fixture
def authority(tmp_path: Path) -> ShopCa:
    return ShopCa(tmp_path / "ca")


def test_it_is_made_once(authority: ShopCa) -> None:
    again = ShopCa(authority.folder)
    assert again.certificate == authority.certificate


def test_keys_are_for_their_owner_alone(authority: ShopCa) -> None:
    authority.issue("KASSA001")
    for path in authority.folder.rglob("*.pem"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_terminals_certificate_is_for_clients_and_names_it(authority: ShopCa) -> None:
    made = authority.issue("KASSA001")
    certificate = x509.load_der_x509_certificate(made.certificate)
    certificate.verify_directly_issued_by(authority.certificate)
    assert common_name(certificate) == "KASSA001"
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    key = serialization.load_der_private_key(made.key, password=None)
    assert key.public_key() == certificate.public_key()
    now = datetime.datetime.now(datetime.UTC)
    assert certificate.not_valid_before_utc < now < certificate.not_valid_after_utc


def test_no_terminals_private_key_is_kept(authority: ShopCa) -> None:
    authority.issue("KASSA001")
    (issued,) = (authority.folder / "issued").iterdir()
    assert b"PRIVATE" not in issued.read_bytes()


def test_a_good_certificate_is_told_from_others(authority: ShopCa, tmp_path: Path) -> None:
    made = authority.issue("KASSA001").certificate
    assert authority.still_good(made, "KASSA001")
    assert not authority.still_good(made, "KASSA002")
    assert not authority.still_good(b"garbage", "KASSA001")
    stranger = ShopCa(tmp_path / "other").issue("KASSA001").certificate
    assert not authority.still_good(stranger, "KASSA001")


def test_a_key_that_is_not_the_cas_is_refused(authority: ShopCa, tmp_path: Path) -> None:
    other = ShopCa(tmp_path / "other")
    (authority.folder / "ca.key.pem").write_bytes((other.folder / "ca.key.pem").read_bytes())
    with pytest.raises(ShopError, match="not the key of"):
        ShopCa(authority.folder)


def test_the_commands_show_certificates_and_no_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KASSA_HOME", str(tmp_path))
    ShopCa().issue("KASSA007")
    shown = CliRunner().invoke(app, ["ca", "show", "--json"])
    assert json.loads(shown.stdout)["certificate"] == str(tmp_path / "ca" / "ca.pem")
    listed = CliRunner().invoke(app, ["ca", "list", "--json"])
    assert [row["terminal"] for row in json.loads(listed.stdout)] == ["KASSA007"]
    for result in (shown, listed, CliRunner().invoke(app, ["ca", "list"])):
        assert result.exit_code == 0 and "PRIVATE" not in result.output
