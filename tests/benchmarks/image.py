"""The firmware as it goes onto the device: bytes of .mpy."""

from __future__ import annotations

from host_tools import image
from host_tools.board import load as load_board
from tests.benchmarks.result import Result


def sizes() -> list[Result]:
    """All .mpy files, and everything else that is copied along."""
    files = image.device_files(load_board("esp32s3_devkitc"), mpy=True, config={})
    code = sum(len(content) for path, content in files.items() if path.endswith(".mpy"))
    rest = sum(len(content) for path, content in files.items() if not path.endswith(".mpy"))
    return [
        Result("image.mpy_bytes", code, "bytes", "host"),
        Result("image.assets_bytes", rest, "bytes", "host"),
    ]
