"""The drivers in somebody else's project: installed by real mpremote, used as the README shows."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from host_tools.mip import FIRMWARE, PACKAGE, ROOT, modules
from simulator import cards
from simulator.board_thread import BoardThread
from tests.board.conftest import Mpremote

(EXAMPLE,) = re.findall(
    r"```python\n(.*?)```", (FIRMWARE / "README.md").read_text("utf-8"), re.DOTALL
)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def server() -> Iterator[str]:
    """A web server with the repository, as a Git host shows it."""
    handler = functools.partial(Quiet, directory=str(ROOT))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def test_the_drivers_are_installed_from_the_net_and_read_a_card(
    board: BoardThread, mpremote: Mpremote, server: str
) -> None:
    printed = mpremote("mip", "install", f"{server}/package.json")
    assert printed.count("Installing: /lib/") == len(modules())
    (mpremote.folder / "example.py").write_text(EXAMPLE)
    card = cards.load("visa_credit")
    board.do(board.board.wiring.pn532.present, card)
    printed = mpremote("run", "example.py")
    board.do(board.board.wiring.pn532.remove, card)
    firmware, told, answer = printed.splitlines()
    assert firmware == "firmware 1.6"
    assert told == f"card {card.uid.hex()}"
    assert answer.startswith("answer 6f") and answer.endswith("9000")
    mpremote("fs", "rm", "-r", ":/lib")  # the boot file system holds them once


def test_every_driver_can_be_imported_from_a_local_package(mpremote: Mpremote) -> None:
    mpremote("mip", "install", "--target", "/mine", str(PACKAGE))
    names = [path[:-3].replace("/", ".") for path in modules() if "drivers/" in path]
    code = "import sys; sys.path[:] = ['.frozen', '/mine']\n" + "".join(
        f"import {name.removesuffix('.__init__')}\n" for name in names
    )
    assert mpremote("exec", f"{code}print(sys.modules['kassa.drivers.printer'].__file__)") == (
        "/mine/kassa/drivers/printer.py\n"
    )
