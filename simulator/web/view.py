"""What the bench does, as messages for a page: panel and paper, lamps, tones, exchanges.

The view remembers what a page needs that comes later: the picture as it is now, the paper since it
was torn off, the last exchanges.  Pictures go out as PNG, and only the part that changed.
"""

from __future__ import annotations

import base64
import io
from collections import deque
from collections.abc import Callable
from typing import Any

from PIL import Image, ImageChops

from host_tools.lens import Lens
from simulator import host_lens
from simulator.clock import NS_PER_MS
from simulator.story import story
from simulator.taps import Tap
from simulator.web.hub import Message

_REMEMBERED = {"apdu": 200, "iso": 100, "log": 200}
_STORIES = 12  # that a new page gets
_LONGEST_PAPER = 6_000  # dot lines that a new page gets; what came before lies on the floor


class View:
    """Watches `bench` and hands each message to `send`; `tick()` collects what changes often."""

    def __init__(self, bench: Any, wallet: list[Message], send: Callable[[Message], None]) -> None:
        self.held: list[str] = []
        self.network_up = True
        self._bench = bench
        self._wallet = wallet
        self._send = send
        self._picture: Image.Image | None = None
        self._was_lit = False
        self._panel_touched = True
        self._torn_at = 0
        self._paper_sent = 0
        self._timings: dict[str, float] = {}
        self._state: Message = {}
        self._lens = Lens()
        self._told: dict[int, Tap] = {}  # taps that something was added to, by number
        self._remembered: dict[str, deque[Message]] = {
            kind: deque(maxlen=most) for kind, most in _REMEMBERED.items()
        }
        wiring = bench.wiring
        also(wiring.panel, "on_update", self._panel_updated)
        also(wiring.lamps, "on_change", self._lamps_changed)
        also(wiring.buzzer, "on_tone", self._tone_changed)
        also(wiring.printer, "on_cut", self._paper_cut)
        for event in bench.events:
            self._event(event)
        bench.on_event.append(self._event)
        bench.on_apdu.append(self._apdu)
        bench.on_message.append(self._iso_message)
        bench.taps.on_change.append(self._tap_changed)

    # -- for a page that comes now

    def snapshot(self) -> list[Message]:
        """Everything that a new page needs, in order, up to the message "ready"."""
        self.tick()
        board = self._bench.board
        hello: Message = {
            "type": "hello",
            "runtime": self._bench.runtime,
            "board": {key: board[key] for key in ("name", "title", "chip")},
            "layout": board["keypad"]["layout"],
            "panel": {"width": board["panel"]["width"], "height": board["panel"]["height"]},
            "wallet": self._wallet,
        }
        return [
            hello,
            self._state,
            _picture_message(self._picture or self._bench.wiring.panel.image()),
            _lamps_message(self._bench.wiring.lamps.states()),
            self._screen_message(),
            {"type": "torn"},
            *self._strips(self._torn_at),
            self._cuts_message(),
            *(message for kind in self._remembered.values() for message in kind),
            *(_story_message(tap) for tap in list(self._bench.taps)[-_STORIES:] if tap.over),
            {"type": "timing", "phases": self._timings},
            {"type": "ready"},
        ]

    # -- what people do, as far as every page should see it

    def tear(self) -> None:
        """Take the paper away."""
        self.tick()
        self._torn_at = self._bench.wiring.printer.roll.length
        self._send({"type": "torn"})

    def notice(self, text: str) -> None:
        """Something that everybody at a page should read."""
        self._send({"type": "notice", "text": text})

    # -- what the terminal does

    def tick(self) -> None:
        """Send what has changed since the last tick: picture, paper, stories, timings, state."""
        lit = bool(self._bench.wiring.panel.lit)
        if self._panel_touched or lit != self._was_lit:
            self._panel_touched = False
            self._was_lit = lit
            self._send_picture()
        self._send_paper()
        self._send_stories()
        timings = self._bench.timings()
        if timings != self._timings:
            self._timings = dict(timings)
            self._send({"type": "timing", "phases": self._timings})
        state = self._state_message()
        if state != self._state:
            switched = state["powered"] != self._state.get("powered")
            self._state = state
            self._send(state)
            if switched:
                self._send(self._screen_message())

    def _state_message(self) -> Message:
        bench = self._bench
        return {
            "type": "state",
            "powered": bool(bench.powered),
            "network": {"up": self.network_up, "latency_ms": bench.network.latency_ms},
            "paper": bench.wiring.printer.paper,
            "field": bool(bench.wiring.pn532.field_on),
            "held": list(self.held),
        }

    def _send_picture(self) -> None:
        before, self._picture = self._picture, self._bench.wiring.panel.image()
        if before is None:
            self._send(_picture_message(self._picture))
        elif (changed := ImageChops.difference(self._picture, before).getbbox()) is not None:
            self._send(_picture_message(self._picture, changed))

    def _panel_updated(self, *_: Any) -> None:
        self._panel_touched = True

    def _lamps_changed(self, states: tuple[bool, ...]) -> None:
        self._send(_lamps_message(states))

    def _tone_changed(self, hz: int) -> None:
        """`at_ms` is the bench's clock: a page keeps the rhythm while the network jitters."""
        at_ms = self._bench.wiring.clock.now_ns / NS_PER_MS
        self._send({"type": "tone", "hz": hz, "at_ms": at_ms})

    def _send_paper(self) -> None:
        roll = self._bench.wiring.printer.roll
        if roll.length < self._paper_sent:  # somebody put in a new roll
            self._torn_at = self._paper_sent = 0
            self._send({"type": "torn"})
        for strip in self._strips(self._paper_sent):
            self._send(strip)
        self._paper_sent = roll.length

    def _strips(self, start: int) -> list[Message]:
        """The paper from dot line `start` on; `y` counts from where it was torn off."""
        roll = self._bench.wiring.printer.roll
        start = max(start, roll.length - _LONGEST_PAPER)
        if start >= roll.length:
            return []
        strip = roll.image(start, roll.length)
        at = {"y": start - self._torn_at, "w": strip.width, "h": strip.height}
        return [{"type": "paper", **at, "png": png(strip.convert("L"))}]

    def _paper_cut(self) -> None:
        self._send_paper()
        self._send(self._cuts_message())

    def _cuts_message(self) -> Message:
        cuts = self._bench.wiring.printer.roll.cuts
        return {"type": "cuts", "at": [at - self._torn_at for at in cuts if at > self._torn_at]}

    def _screen_message(self) -> Message:
        screen, dark = self._bench.screen, not self._bench.powered
        words = [] if dark else list(screen.words)
        return {"type": "screen", "name": "" if dark else screen.name, "words": words}

    def _remember(self, message: Message) -> None:
        self._remembered[message["type"]].append(message)
        self._send(message)

    def _tap_changed(self, tap: Tap) -> None:
        self._told[tap.number] = tap

    def _send_stories(self) -> None:
        """A tap is told once it is over; what comes after (the host, the result) tells it anew."""
        over = [tap for tap in self._told.values() if tap.over]
        for tap in over:
            del self._told[tap.number]
            self._send(_story_message(tap))

    def _event(self, event: dict[str, Any]) -> None:
        self._remember({"type": "log", "event": event})
        if (event.get("at"), event.get("is")) == ("ui", "screen"):
            self._send({"type": "screen", "name": event["name"], "words": event["words"]})

    def _apdu(self, command: bytes, response: bytes | None, start_ns: int, end_ns: int) -> None:
        at_ms, ms = start_ns / NS_PER_MS, (end_ns - start_ns) / NS_PER_MS
        took = {"at_ms": round(at_ms, 3), "ms": round(ms, 3)}
        self._remember({"type": "apdu", **took, **self._lens.decode(command, response)})

    def _iso_message(self, message: dict[str, Any]) -> None:
        self._remember({"type": "iso", **host_lens.iso_message(message)})


def _picture_message(image: Image.Image, box: tuple[int, int, int, int] | None = None) -> Message:
    x0, y0, x1, y1 = box or (0, 0, *image.size)
    part = png(image.crop((x0, y0, x1, y1)))
    return {"type": "panel", "x": x0, "y": y0, "w": x1 - x0, "h": y1 - y0, "png": part}


def _story_message(tap: Tap) -> Message:
    return {"type": "tap", **story(tap.report())}


def _lamps_message(states: tuple[bool, ...]) -> Message:
    return {"type": "lamps", "lit": [bool(state) for state in states]}


def png(image: Image.Image) -> str:
    """The picture as PNG in base64."""
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=3)
    return base64.b64encode(out.getvalue()).decode("ascii")


def also(chip: Any, hook: str, listener: Callable[..., None]) -> None:
    """Have a chip's hook call `listener` too, after whoever listens already."""
    earlier = getattr(chip, hook)

    def both(*arguments: Any) -> None:
        if earlier is not None:
            earlier(*arguments)
        listener(*arguments)

    setattr(chip, hook, both)
