"""The page's server: what happens on the bench reaches every page; what a page asks is done."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from simulator.web import serve
from simulator.web.app import create_app
from tests.web.fake_bench import FakeBench

Message = dict[str, Any]


class Page:
    """A page without a browser: reads messages until the one it waits for."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.seen: list[Message] = []

    async def send(self, **command: object) -> None:
        await self._socket.send(json.dumps(command))

    async def send_text(self, text: str) -> None:
        await self._socket.send(text)

    async def until(self, kind: str, right: Callable[[Message], bool] = lambda _: True) -> Message:
        """The next message of that kind which is `right`."""
        async with asyncio.timeout(5):
            while True:
                message = json.loads(await self._socket.recv())
                self.seen.append(message)
                if message["type"] == kind and right(message):
                    return message

    async def until_screen(self, name: str) -> Message:
        return await self.until("screen", lambda screen: screen["name"] == name)


class Server:
    """A server around a fake bench, on a port of its own."""

    def __init__(self, bench: FakeBench, port: int) -> None:
        self.bench = bench
        self.port = port

    @contextlib.asynccontextmanager
    async def page(self, **headers: str) -> AsyncIterator[Page]:
        url = f"ws://127.0.0.1:{self.port}/ws"
        async with connect(url, additional_headers=headers, max_size=None) as socket:
            page = Page(socket)
            await page.until("ready")
            yield page


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    bench = FakeBench()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(lambda: bench), log_level="warning", lifespan="on", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(5):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield Server(bench, listener.getsockname()[1])
    finally:
        server.should_exit = True
        await running


def with_page(scene: Callable[[Server, Page], Awaitable[None]]) -> None:
    """Play a scene with one server and one page."""

    async def play() -> None:
        async with serving() as server, server.page() as page:
            await scene(server, page)

    asyncio.run(play())


def picture(message: Message) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(message["png"])))


def test_a_new_page_learns_board_runtime_wallet_and_picture() -> None:
    async def scene(server: Server, page: Page) -> None:
        hello, *rest = page.seen
        assert hello["type"] == "hello"
        assert hello["board"]["name"] == "esp32s3_devkitc"
        assert hello["runtime"] == "cpython"
        assert hello["layout"][0] == ["1", "2", "3", "CANCEL"]
        assert {"visa_credit", "two_cards"} <= {card["name"] for card in hello["wallet"]}
        (panel,) = [message for message in rest if message["type"] == "panel"]
        assert picture(panel).size == (240, 320)
        assert [m["name"] for m in rest if m["type"] == "screen"] == ["welcome"]

    with_page(scene)


def test_no_number_of_a_card_reaches_the_page_unmasked() -> None:
    async def scene(server: Server, page: Page) -> None:
        numbers = [card["number"] for card in page.seen[0]["wallet"]]
        digits = [sum(letter.isdigit() for letter in number) for number in numbers]
        assert max(digits) == 10
        assert any("•" in number for number in numbers)

    with_page(scene)


def test_a_sale_is_seen_from_the_keys_to_the_paper() -> None:
    async def scene(server: Server, page: Page) -> None:
        for name in ("1", "2", "5", "0", "ENTER"):
            await page.send(type="key", name=name, press=True)
        await page.until_screen("present_card")
        await page.send(type="tap", card="visa_credit")
        approved = await page.until_screen("approved")
        assert approved["words"] == ["APPROVED", "EUR 12.50"]
        strip = await page.until("paper")
        assert picture(strip).size == (strip["w"], strip["h"])
        kinds = {message["type"] for message in page.seen}
        assert {"lamps", "tone", "panel", "apdu", "iso", "log", "state"} <= kinds
        cuts = await page.until("cuts", lambda message: bool(message["at"]))
        assert cuts["at"][0] > 0
        told = [message for message in page.seen if message["type"] == "tap"][-1]
        assert told["title"].startswith("Visa credit")
        assert told["outcome"]["text"] == "approved by the host"
        assert [step["rule"] for step in told["steps"] if step["kind"] == "rule"] == ["C3-3"]

    with_page(scene)


def test_only_the_part_of_the_picture_that_changed_is_sent() -> None:
    async def scene(server: Server, page: Page) -> None:
        await page.send(type="key", name="1", press=True)
        await page.until_screen("amount")
        first = await page.until("panel")
        await page.send(type="key", name="2", press=True)
        second = await page.until("panel")
        assert second["h"] < first["h"] <= 320
        assert picture(second).size == (second["w"], second["h"])

    with_page(scene)


def test_a_key_stays_down_until_it_is_released() -> None:
    async def scene(server: Server, page: Page) -> None:
        await page.send(type="key", name="7", down=True)
        await page.until("tone", lambda tone: tone["hz"] > 0)
        assert server.bench.keys == [("7", True)]
        await page.send(type="key", name="7", down=False)
        await page.until("tone", lambda tone: tone["hz"] == 0)
        assert server.bench.keys == [("7", True), ("7", False)]

    with_page(scene)


def test_the_fingers_of_a_page_that_goes_leave_the_keys() -> None:
    async def scene(server: Server, page: Page) -> None:
        async with server.page() as other:
            await other.send(type="key", name="7", down=True)
            await page.until("tone", lambda tone: tone["hz"] > 0)
        await page.until("tone", lambda tone: tone["hz"] == 0)
        assert server.bench.keys[-1] == ("7", False)

    with_page(scene)


def test_two_cards_can_be_held_at_once_and_taken_away() -> None:
    async def scene(server: Server, page: Page) -> None:
        await page.send(type="hold", card="visa_credit")
        await page.send(type="hold", card="mastercard_credit")
        both = await page.until("state", lambda state: len(state["held"]) == 2)
        assert both["held"] == ["visa_credit", "mastercard_credit"]
        assert len(server.bench.present_cards) == 2
        await page.send(type="remove", card="visa_credit")
        await page.until("state", lambda state: state["held"] == ["mastercard_credit"])
        assert [card.name for card in server.bench.present_cards] == ["mastercard_credit"]

    with_page(scene)


def test_a_tap_ends_by_itself() -> None:
    async def scene(server: Server, page: Page) -> None:
        await page.send(type="tap", card="visa_credit", hold_ms=80)
        await page.until("state", lambda state: state["held"] == ["visa_credit"])
        await page.until("state", lambda state: state["held"] == [])
        assert server.bench.present_cards == []

    with_page(scene)


def test_the_same_card_is_one_object_so_that_it_counts_on() -> None:
    async def scene(server: Server, page: Page) -> None:
        cards = []
        for _ in range(2):
            await page.send(type="hold", card="visa_credit")
            await page.until("state", lambda state: state["held"] == ["visa_credit"])
            cards.append(server.bench.present_cards[0])
            await page.send(type="remove", card="visa_credit")
            await page.until("state", lambda state: state["held"] == [])
        assert cards[0] is cards[1]

    with_page(scene)


def test_plugs_can_be_pulled_and_put_back() -> None:
    async def scene(server: Server, page: Page) -> None:
        await page.send(type="network", up=False, latency_ms=400)
        state = await page.until("state", lambda state: not state["network"]["up"])
        assert state["network"]["latency_ms"] == 400
        await page.send(type="power", on=False)
        black = await page.until("panel")
        assert picture(black).convert("RGB").getextrema() == ((0, 0), (0, 0), (0, 0))
        await page.until("state", lambda state: not state["powered"])
        await page.send(type="power", on=True)
        await page.until("state", lambda state: state["powered"])
        await page.send(type="paper", state="out")
        await page.until("state", lambda state: state["paper"] == "out")

    with_page(scene)


def test_a_terminal_that_dies_is_told_and_can_be_switched_on_again() -> None:
    async def scene(server: Server, page: Page) -> None:
        server.bench.trouble = RuntimeError("ST7789: clocked while RESX is low")
        notice = await page.until("notice")
        assert "RESX is low" in notice["text"]
        await page.until("state", lambda state: not state["powered"])
        server.bench.trouble = None
        await page.send(type="power", on=True)
        await page.until("state", lambda state: state["powered"])

    with_page(scene)


def test_paper_that_was_torn_off_is_not_shown_to_a_new_page() -> None:
    async def scene(server: Server, page: Page) -> None:
        server.bench.wiring.printer.uart_receive(b"first\n\n\n")
        await page.until("paper")
        async with server.page() as other:
            assert any(message["type"] == "paper" for message in other.seen)
        await asyncio.sleep(0.5)
        await page.send(type="tear")
        await page.until("torn")
        async with server.page() as other:
            assert not any(message["type"] == "paper" for message in other.seen)

    with_page(scene)


def test_a_page_that_comes_later_sees_what_was_said() -> None:
    async def scene(server: Server, page: Page) -> None:
        await page.send(type="key", name="1", press=True)
        await page.send(type="key", name="ENTER", press=True)
        await page.until_screen("present_card")
        await page.send(type="tap", card="visa_credit")
        await page.until_screen("approved")
        async with server.page() as other:
            kinds = [message["type"] for message in other.seen]
            assert kinds.count("apdu") == 3
            assert kinds.count("iso") == 1
            assert kinds.count("tap") == 1
            assert next(m for m in other.seen if m["type"] == "screen")["name"] == "approved"

    with_page(scene)


WRONG = [
    "not json",
    "[1, 2]",
    '{"type": "fly"}',
    '{"type": ["key"]}',
    '{"type": "key", "name": "F1", "down": true}',
    '{"type": "key"}',
    '{"type": "tap", "card": "no_such_card"}',
    '{"type": "tap", "card": {"a": 1}}',
    '{"type": "tap", "card": "visa_credit", "hold_ms": -4}',
    '{"type": "hold"}',
    '{"type": "network", "latency_ms": "fast"}',
    '{"type": "network", "latency_ms": 99999999}',
    '{"type": "paper", "state": "blue"}',
]


def test_a_wrong_command_is_answered_in_words_and_changes_nothing() -> None:
    async def scene(server: Server, page: Page) -> None:
        for text in WRONG:
            await page.send_text(text)
            notice = await page.until("notice")
            assert notice["text"], text
        await page.send(type="key", name="1", press=True)
        await page.until_screen("amount")
        assert server.bench.network.latency_ms == 150

    with_page(scene)


def test_a_page_of_another_site_is_turned_away() -> None:
    async def scene(server: Server, page: Page) -> None:
        with pytest.raises((InvalidStatus, ConnectionClosed)):
            async with server.page(origin="http://evil.test"):
                pass
        async with server.page(origin=f"http://127.0.0.1:{server.port}") as own:
            assert own.seen

    with_page(scene)


def fetch(url: str) -> tuple[str, str]:
    """The text at `url` and its content security policy."""
    with urllib.request.urlopen(url) as response:
        return response.read().decode(), response.headers["content-security-policy"]


def test_the_page_loads_nothing_from_elsewhere() -> None:
    async def scene(server: Server, page: Page) -> None:
        base = f"http://127.0.0.1:{server.port}"
        html, policy = await asyncio.to_thread(fetch, f"{base}/")
        assert policy.startswith("default-src 'self'")
        assert "://" not in html
        with pytest.raises(urllib.error.HTTPError):
            await asyncio.to_thread(fetch, f"{base}/static/../app.py")

    with_page(scene)


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(serve.ServeError, match=f"port {port} is taken.*KASSA_PORT"):
            serve.run(FakeBench, port)


class DeadBench(FakeBench):
    async def power_on(self) -> None:
        raise RuntimeError("no welcome screen within 20 s")


def test_a_terminal_that_does_not_start_is_told_in_words() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(serve.ServeError, match="did not start: no welcome screen within 20 s"):
        serve.run(DeadBench, port)


def test_the_port_comes_from_the_option_then_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KASSA_PORT", raising=False)
    assert serve.chosen_port() == 8000
    monkeypatch.setenv("KASSA_PORT", "8123")
    assert serve.chosen_port() == 8123
    assert serve.chosen_port(8124) == 8124
    monkeypatch.setenv("KASSA_PORT", "many")
    with pytest.raises(serve.ServeError, match="many"):
        serve.chosen_port()
