"""Profiles: the sandbox's own is right, and each mistake is one line with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from kassa.system.config import TerminalConfig
from typer.testing import CliRunner

from host_tools import profile, service
from host_tools.cli import app
from host_tools.profile import ProfileError
from simulator import emv_configuration, sandbox_profile
from simulator.acquirer.pki import Pki


@pytest.fixture
def sandbox(tmp_path: Path) -> Path:
    path = tmp_path / "sandbox.toml"
    sandbox_profile.write(path, "127.0.0.1", 8583, Pki(tmp_path / "pki"))
    return path


def test_the_sandboxs_profile_makes_a_terminal(sandbox: Path) -> None:
    read = profile.read(sandbox)
    assert read.terminal_id == "KASSA001"
    files = read.files(emv_configuration.signing_key())
    assert set(files) == {
        "/config/terminal.json",
        "/config/emv.json",
        "/config/emv.sig",
        "/config/signer.json",
        "/tls/ca.der",
    }
    assert files["/config/signer.json"] == emv_configuration.signing_key().signer()


def test_single_settings_can_be_replaced(sandbox: Path) -> None:
    read = profile.read(sandbox, {"terminal_id": "SHOP0002", "network": {"password": "x"}})
    assert read.terminal_id == "SHOP0002"
    assert read.terminal["network"] == {"ssid": "kassa", "password": "x"}


def with_update(text: str) -> str:
    return text + '[terminal.update]\nurl = "https://10.0.0.9:8443/till/"\nevery_hours = 12\n'


def test_the_place_of_newer_versions_is_provisioned_and_read_by_the_terminal(
    sandbox: Path,
) -> None:
    sandbox.write_text(with_update(sandbox.read_text("utf-8")), "utf-8")
    files = profile.read(sandbox).files(emv_configuration.signing_key())
    document = json.loads(files["/config/terminal.json"])
    assert document["update"] == {"url": "https://10.0.0.9:8443/till/", "every_hours": 12}
    update = TerminalConfig(document, "").update
    assert (update.url, update.server_name, update.every_hours) == (
        "https://10.0.0.9:8443/till/",
        "",
        12,
    )


def line_of(path: Path, start: str) -> int:
    lines = path.read_text("utf-8").splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.startswith(start))


def replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


SERVICE = f'[terminal.service]\nsalt = "{"0" * 32}"\nhash = "{"0" * 64}"\nrounds = 2000'

MISTAKES: list[tuple[Callable[[str], str], str, str]] = [
    (replaced('"KASSA001"', '"K1"'), "terminal_id", "terminal.terminal_id: must be text of 8"),
    (replaced('currency = "EUR"', 'currency = "XXX"'), "currency", "XXX is not known"),
    (replaced("country = 276", 'country = "de"'), "country", "must be a whole number"),
    (replaced("category = ", "kind = "), "[terminal.merchant]", "merchant.category: missing"),
    (replaced("port = 8583", "port = 0"), "routes", "port must be from 1 to 65535"),
    (replaced("server_name = ", "sni = "), "routes", "each route needs `server_name`"),
    (replaced("sandbox.ca.pem", "none.pem"), "host_ca", "none.pem: No such file"),
    (replaced("sandbox.ca.pem", "sandbox.toml"), "host_ca", "no certificate"),
    (replaced("sandbox = true", "sandbox = false"), "[keys]", "real ones never are"),
    (replaced("initial_key = ", "initial_key = 1 #"), "initial_key = ", "must be 16 bytes"),
    (lambda text: with_update(text).replace("till/", "till"), "url", "must be like https://"),
    (lambda text: with_update(text).replace("= 12", "= 0"), "every_hours", "from 1 to 120"),
    (replaced("[emv]", "[env]"), "[env]", "env: no part of a profile"),
    (lambda text: text + '[service]\ncode = "12345"\n', "code = ", "text of 6 to 10 digits"),
    (lambda text: text + "[service]\ncode = 12345678\n", "code = ", "text of 6 to 10 digits"),
    (lambda text: text + '[service]\ncode = "1234567a"\n', "code = ", "text of 6 to 10 digits"),
    (lambda text: text + "[service]\n", "[service]", "service.code: must be text"),
    (lambda text: "service = 1\n" + text, "service = 1", "service: missing; it must be a table"),
    (
        replaced("[terminal.merchant]", f"{SERVICE}\n[terminal.merchant]"),
        "[terminal.service]",
        "give `code` in [service]",
    ),
]


@pytest.mark.parametrize(("change", "place", "said"), MISTAKES)
def test_a_mistake_is_one_line_with_its_place(
    sandbox: Path, change: Callable[[str], str], place: str, said: str
) -> None:
    sandbox.write_text(change(sandbox.read_text("utf-8")), "utf-8")
    with pytest.raises(ProfileError) as caught:
        profile.read(sandbox)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{sandbox}:{line_of(sandbox, place)}: ")
    assert said in message


def test_a_profile_may_have_a_service_code_of_its_own(sandbox: Path) -> None:
    assert profile.read(sandbox).service_code is None
    text = sandbox.read_text("utf-8")
    sandbox.write_text(text + '[service]\ncode = "0123456789"\n', "utf-8")
    read = profile.read(sandbox)
    assert read.service_code == "0123456789"
    # The digits themselves go onto no terminal.
    key = emv_configuration.signing_key()
    made = read.files(key, service.table("0123456789"))["/config/terminal.json"]
    assert b"0123456789" not in made and set(json.loads(made)["service"]) == {
        "salt",
        "hash",
        "rounds",
    }
    assert "service" not in json.loads(read.files(key)["/config/terminal.json"])


def test_what_is_no_toml_and_what_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[terminal")
    for name, said in (("a.toml", "not TOML"), ("b.toml", "cannot be read")):
        with pytest.raises(ProfileError, match=said):
            profile.read(tmp_path / name)


def test_a_profile_is_checked_without_a_board(
    sandbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KASSA_HOME", str(tmp_path / "home"))
    result = CliRunner().invoke(app, ["provision", "--profile", str(sandbox), "--check"])
    assert result.exit_code == 0, result.output
    assert "makes the terminal KASSA001" in result.output
