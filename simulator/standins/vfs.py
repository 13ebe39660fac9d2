"""`vfs`: what is mounted.  The boot code has mounted / before the firmware runs."""

from __future__ import annotations

from typing import Any

from simulator.standins.seam import here

_EPERM = 1


class VfsLfs2:
    """The littlefs on the `vfs` partition; another one cannot be made here."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        raise OSError(_EPERM)


def mount(*arguments: Any, **settings: Any) -> list[tuple[Any, str]]:
    """Without arguments: what is mounted where."""
    if arguments or settings:
        raise OSError(_EPERM)
    return [] if here.root is None else [(here.root, "/")]


def umount(mount_point: Any, /) -> None:
    raise OSError(_EPERM)
