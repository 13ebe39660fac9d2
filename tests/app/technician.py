"""A technician at a terminal on the bench: signs in, chooses items of the service menu."""

from __future__ import annotations

import json
from typing import Any

from host_tools import service
from simulator.bench import CANCEL, ENTER, MENU, Bench

CODE = "27182818"
WRONG = "12345678"
SETTINGS: dict[str, Any] = {"service": service.table(CODE)}


async def open_code(bench: Bench) -> None:
    """From the welcome screen to where the code is typed, or to the wait before it."""
    await bench.until_screen("welcome", within_s=60)
    await bench.press(MENU)
    await bench.until_screen("menu", within_s=5)
    await bench.press(MENU, "1")
    await bench.until_screen("service_code", "service_wait", within_s=5)


async def sign_in(bench: Bench, code: str = CODE) -> None:
    """As `open_code`, and the code."""
    await open_code(bench)
    await bench.press(code, ENTER)
    if code == CODE:
        await bench.until(lambda: "Service menu" in bench.screen.words[:1], 10)
        await bench.until_screen("menu", within_s=10)


async def choose(bench: Bench, item: str) -> None:
    """An item of the service menu, by its word on the screen; pages are turned."""
    for _ in range(4):
        assert bench.screen.name == "menu", bench.screen.words
        choices = [word for word in bench.screen.words[1:] if " of " not in word]
        if item in choices:
            await bench.press(str(choices.index(item) + 1))
            return
        await bench.press(MENU)
        await bench.wait(0.3)
    raise AssertionError(f"no {item} in the service menu")


async def back(bench: Bench) -> None:
    """CANCEL, until the menu is there."""
    await bench.press(CANCEL)
    await bench.until_screen("menu", within_s=10)


def said(bench: Bench, what: str) -> list[dict[str, Any]]:
    """Events of the service menu."""
    return [e for e in bench.events if (e["at"], e["is"]) == ("service", what)]


def verdicts(bench: Bench) -> dict[str, tuple[str, str]]:
    """The newest verdict and detail of each part."""
    return {e["check"]: (e["verdict"], e["detail"]) for e in said(bench, "check")}


def state(bench: Bench) -> Any:
    """The count of wrong codes in flash; None for no file."""
    try:
        content = bench.wiring.filesystem("kassa").read_file("/state/service")
    except OSError:
        return None
    return json.loads(content)
