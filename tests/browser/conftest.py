"""The page in Debian's Chromium, driven by Playwright, around a real `kassa-sim web`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

from tests.browser.terminal import Terminal

PICTURES = Path(__file__).resolve().parents[2] / "build" / "browser"
CHROMIUM = os.environ.get("KASSA_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--mute-audio",
]
START_WITHIN_S = 60


# Not for the session: while it lives, Playwright keeps an event loop running in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        except Error as error:
            pytest.skip(f"Chromium does not start: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


def serve(tmp: Path, runtime: str | None) -> Iterator[str]:
    """`kassa-sim web` on a free port; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp / "server.log"
    options = [] if runtime is None else ["--runtime", runtime]
    command = [str(Path(sys.executable).parent / "kassa-sim"), "web", *options]
    environment = {**os.environ, "KASSA_PORT": str(port)}
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
    address = f"http://127.0.0.1:{port}/"
    try:
        wait_for(address, server, log)
        yield address
    finally:
        server.terminate()
        server.wait(10)


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the address is printed and answers; fail with the server's own words else."""
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline and server.poll() is None:
        if address in log.read_text("utf-8"):
            with urllib.request.urlopen(address) as answer:
                assert answer.status == 200
            return
        time.sleep(0.1)
    pytest.fail(f"kassa-sim web did not start:\n{log.read_text('utf-8')}")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page around the real MicroPython, where there is one: one server for a module."""
    yield from serve(tmp_path_factory.mktemp("web"), None)


@pytest.fixture
def address_on_cpython(tmp_path: Path) -> Iterator[str]:
    """The page around CPython and virtual chips, in the wall's time."""
    yield from serve(tmp_path, "cpython")


@pytest.fixture
def terminal(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    """A terminal that shows its welcome screen, in a fresh page of 1280 x 800."""
    yield from opened(browser, address, request)


@pytest.fixture
def terminal_on_cpython(
    browser: Browser, address_on_cpython: str, request: pytest.FixtureRequest
) -> Iterator[Terminal]:
    yield from opened(browser, address_on_cpython, request)


def opened(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    """A page on the terminal; in the end its picture is kept and it must have had no trouble."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
    page.on("request", lambda sent: note_foreign(sent.url, address, troubles))
    terminal = Terminal(page, address)
    terminal.open()
    terminal.back_to_welcome()
    yield terminal
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{request.node.name}.png")
    context.close()
    assert troubles == []


def note_foreign(url: str, address: str, troubles: list[str]) -> None:
    """A request that leaves the machine is trouble."""
    if not url.startswith((address, "data:", "blob:")):
        troubles.append(f"request to {url}")
