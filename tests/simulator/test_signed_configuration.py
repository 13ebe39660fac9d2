"""A terminal takes only the EMV configuration that its owner has signed; on both runtimes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from host_tools import emv_signing
from simulator import emv_configuration, micropython, provisioning
from simulator.bench import ENTER, Bench

Files = dict[str, bytes]
BOTH = ["cpython", pytest.param("micropython", marks=pytest.mark.micropython)]
CONTENT, SIGNATURE, SIGNER = "/config/emv.json", "/config/emv.sig", "/config/signer.json"


def flipped(path: str, at: int) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        spoilt = bytearray(files[path])
        spoilt[at] ^= 0x01
        files[path] = bytes(spoilt)

    return change


def another_signer(files: Files) -> None:
    """Somebody else's key, with a signature that is right under it, but not in signer.json."""
    files[SIGNATURE] = stranger().sign(files[CONTENT])


def stranger() -> emv_signing.SigningKey:
    from simulator.cards.emv_keys import rsa_key

    key = rsa_key("somebody else's configuration", emv_signing.BITS, emv_signing.EXPONENT)
    return emv_signing.SigningKey(key.modulus, key.private_exponent)


def raised_limits(files: Files) -> None:
    """What it is about: valid content that nobody has signed."""
    changed = json.loads(files[CONTENT])
    changed["combinations"][0]["cvm_limit"] = 400_000
    files[CONTENT] = json.dumps(changed).encode()


SPOILT: dict[str, tuple[Callable[[Files], Any], str]] = {
    "a changed byte of the configuration": (flipped(CONTENT, 700), "this content"),
    "a changed byte of the signature": (flipped(SIGNATURE, 200), "this key"),
    "no signature": (lambda files: files.pop(SIGNATURE), f"{SIGNATURE} is missing"),
    "no signer": (lambda files: files.pop(SIGNER), f"{SIGNER} is missing"),
    "no configuration": (lambda files: files.pop(CONTENT), f"{CONTENT} is missing"),
    "another signer": (another_signer, "this key"),
    "raised limits": (raised_limits, "this content"),
    "half a signature": (lambda f: f.update({SIGNATURE: f[SIGNATURE][:192]}), "192 bytes"),
    "a signature with more behind": (
        lambda f: f.update({SIGNATURE: f[SIGNATURE] + b"\0"}),
        "385 bytes",
    ),
    "a signer that is no key": (lambda f: f.update({SIGNER: b'{"key_id": "1"}'}), "not a signer"),
    "a signer of another exponent": (
        lambda f: f.update({SIGNER: f[SIGNER].replace(b'"010001"', b'"000003"')}),
        "not a signer",
    ),
}


def boot(runtime: str, monkeypatch: pytest.MonkeyPatch, change: Callable[[Files], Any]) -> Bench:
    """A terminal that was switched on with changed files, ten seconds later."""
    if runtime == "micropython" and micropython.binary() is None:
        pytest.skip("no MicroPython binary for this platform")
    right = provisioning.files

    def files(*arguments: Any) -> Files:
        made = dict(right(*arguments))
        change(made)
        return made

    monkeypatch.setattr(provisioning, "files", files)
    bench = Bench(runtime=runtime, seed=3)

    async def start() -> None:
        from simulator import bench as module

        # It never reaches the host: nobody waits for that here.
        monkeypatch.setattr(module, "_ONLINE_WITHIN_S", 0.5)
        async with bench:
            await bench.press("1", ENTER)
            await bench.wait(2)

    asyncio.run(start())
    return bench


@pytest.mark.parametrize("what", SPOILT)
def test_an_unsigned_configuration_is_out_of_order_in_plain_words(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, words = SPOILT[what]
    refused(boot("cpython", monkeypatch, change), words)


@pytest.mark.micropython
@pytest.mark.parametrize(
    "what",
    [
        "a changed byte of the configuration",
        "a changed byte of the signature",
        "no signature",
        "another signer",
    ],
)
def test_it_is_on_the_real_interpreter_too(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change, words = SPOILT[what]
    refused(boot("micropython", monkeypatch, change), words)


def refused(bench: Bench, words: str) -> None:
    assert bench.screen.name == "out_of_order"
    assert "Card settings are unsigned or changed" in bench.screen.text
    (trouble,) = [event for event in bench.events if event["is"] == "terminal cannot start"]
    assert trouble["error"] == "BadSignature" and words in trouble["message"]
    assert not [event for event in bench.events if event["is"] in ("reset", "restart")]
    assert [screen["name"] for screen in bench.screen.history] == ["starting", "out_of_order"]


@pytest.mark.parametrize("runtime", BOTH)
def test_what_the_owner_has_signed_anew_is_taken(
    runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sign_again(files: Files) -> None:
        raised_limits(files)
        files[SIGNATURE] = stranger().sign(files[CONTENT])
        files[SIGNER] = stranger().signer()

    bench = boot(runtime, monkeypatch, sign_again)
    assert bench.screen.name not in ("out_of_order", "starting", "")


def test_each_terminal_of_the_sandbox_gets_the_same_bytes() -> None:
    first = emv_configuration.files(emv_configuration.SANDBOX, "EUR")
    emv_configuration._sandbox.cache_clear()
    assert emv_configuration.files(emv_configuration.SANDBOX, "EUR") == first
    assert set(first) == {CONTENT, SIGNATURE, SIGNER}
    yen = json.loads(emv_configuration.files(emv_configuration.SANDBOX, "JPY")[CONTENT])
    assert yen["terminal"]["currency_exponent"] == 0
