"""The panel as people see it: a scene at a time, and only what changed is drawn and sent.

There is no frame buffer.  What changed is drawn strip by strip into one small buffer that was
handed in, sent, and forgotten; between two strips everybody else may run.
"""

import asyncio
from typing import TYPE_CHECKING

import framebuf
from micropython import const

from kassa.ui.scene import Painter, Scene
from kassa.ui.type import Fonts

if TYPE_CHECKING:
    from typing import Protocol

    from kassa.system.log import Log

    Area = tuple[int, int, int, int]

    class Panel(Protocol):
        """What a display driver offers."""

        width: int
        height: int

        def write(self, x: int, y: int, width: int, height: int, pixels: memoryview) -> None: ...


_PIXEL_BYTES = const(2)
# Setting a window and starting a transfer costs about as much as sending this many pixels.
_WINDOW_PIXELS = const(400)


class Display:
    """Shows scenes on `panel`, through `strip` (at least one line of the panel; 240 x 32 x 2 is
    good).

    `bytes_sent` counts the pixels' bytes since start.
    """

    def __init__(
        self, panel: "Panel", strip: bytearray, log: "Log", fonts: "Fonts | None" = None
    ) -> None:
        self.width = panel.width
        self.height = panel.height
        self.fonts = Fonts() if fonts is None else fonts
        self.bytes_sent = 0
        self.panel = panel
        self._strip = memoryview(strip)
        self._log = log
        self._painter = Painter(self.fonts)
        self._scene = Scene(0)
        self._stale = [(0, 0, self.width, self.height)]  # type: list[Area]

    def forget(self) -> None:
        """The panel has lost its picture (reset, sleep): the next `show` sends everything."""
        self._stale = [(0, 0, self.width, self.height)]

    async def show(self, scene: Scene) -> None:
        """Make the panel show `scene`; done when the last changed strip was sent.

        May be called while another call is on its way, or be cancelled: what is still stale then
        is sent by whoever shows next, always as the newest scene has it.
        """
        if scene.ground != self._scene.ground:
            self.forget()
        else:
            for item in scene.differences(self._scene):
                self._mark(item[0], item[1], item[0] + item[2], item[1] + item[3])
        self._scene = scene
        while self._stale:
            self._send_strip()
            await asyncio.sleep_ms(0)

    def _mark(self, x0: int, y0: int, x1: int, y1: int) -> None:
        """Remember that an area is stale; areas that are cheaper together become one."""
        x0 = max(0, x0)
        y0 = max(0, y0)
        x1 = min(self.width, x1)
        y1 = min(self.height, y1)
        if x0 >= x1 or y0 >= y1:
            return
        at = 0
        while at < len(self._stale):
            a0, b0, a1, b1 = self._stale[at]
            u0, v0, u1, v1 = min(x0, a0), min(y0, b0), max(x1, a1), max(y1, b1)
            apart = (x1 - x0) * (y1 - y0) + (a1 - a0) * (b1 - b0)
            if (u1 - u0) * (v1 - v0) <= apart + _WINDOW_PIXELS:
                # The union may reach further areas: begin again.
                self._stale.pop(at)
                x0, y0, x1, y1 = u0, v0, u1, v1
                at = 0
            else:
                at += 1
        self._stale.append((x0, y0, x1, y1))

    def _send_strip(self) -> None:
        """Draw and send the next strip, from the top of the screen downwards."""
        area = self._stale[0]
        for other in self._stale:
            if other[1] < area[1]:
                area = other
        self._stale.remove(area)
        x0, y0, x1, y1 = area
        width = x1 - x0
        rows = min(y1 - y0, len(self._strip) // (_PIXEL_BYTES * width))
        if y0 + rows < y1:
            self._stale.append((x0, y0 + rows, x1, y1))
        pixels = self._strip[: _PIXEL_BYTES * width * rows]
        sheet = framebuf.FrameBuffer(pixels, width, rows, framebuf.RGB565)
        self._painter.paint(self._scene, sheet, x0, y0, width, rows)
        self.panel.write(x0, y0, width, rows, pixels)
        self.bytes_sent += len(pixels)
