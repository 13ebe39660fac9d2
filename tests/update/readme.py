"""What the README shows of updates: the commands, and what is added to a profile."""

from __future__ import annotations

import re
import shlex

from host_tools.mpy import ROOT

_TEXT = (ROOT / "README.md").read_text("utf-8")
_SECTION = _TEXT.split("### You have terminals, and a newer version")[1].split("\n### ")[0]


def commands() -> list[list[str]]:
    """Build, serve, provision."""
    return [shlex.split(line) for line in re.findall(r"^    (\.venv/bin/.*)$", _SECTION, re.M)]


def profile() -> str:
    """TOML that a profile gets beside what it has."""
    (text,) = re.findall(r"```toml\n(.*?)```", _SECTION, re.DOTALL)
    return text
