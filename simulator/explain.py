"""`kassa-sim explain`: the taps of a run, told as stories.

    stories = explain(load(Path("RUN.json")))

A run is what `kassa-sim run --json` wrote.  The stories are `simulator.story`'s; here they are
read and printed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from simulator.story import story

Json = dict[str, Any]

_TIME_WIDTH = 9


class ExplainError(Exception):
    """What was given is no run; the message is one line that says why."""


def load(path: Path) -> Json:
    """Read a run; `-` is standard input.  Raises ExplainError."""
    name = "standard input" if str(path) == "-" else str(path)
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except OSError as error:
        raise ExplainError(f"{name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ExplainError(f"{name}: not UTF-8 text at byte {error.start}") from error
    try:
        run = json.loads(text)
    except json.JSONDecodeError as error:
        raise ExplainError(f"{name}:{error.lineno}: not JSON: {error.msg}") from error
    except RecursionError:
        raise ExplainError(f"{name}: not a run: nested too deeply") from None
    if not isinstance(run, dict) or not isinstance(run.get("steps"), list):
        raise ExplainError(f"{name}: not a run: `kassa-sim run FILE --json` writes them")
    if not isinstance(run.get("taps"), list):
        raise ExplainError(f"{name}: a run without `taps`: the terminal did not come up")
    return run


def explain(run: Json) -> list[Json]:
    """The story of each tap.  Raises ExplainError for a tap that no run tells of."""
    stories = []
    for place, tap in enumerate(run["taps"]):
        try:
            stories.append(story(tap))
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            what = f"{type(error).__name__}: {error}"
            raise ExplainError(f"taps[{place}] is not as a run tells it ({what})") from error
    return stories


def tell(run: Json, stories: list[Json]) -> None:
    """Print the stories for people."""
    page = Console(highlight=False, soft_wrap=True)
    if not stories:
        page.print("No card was tapped.")
    for told in stories:
        _tell_one(page, told)
    failed = [step for step in run["steps"] if isinstance(step, dict) and not step.get("ok")]
    for step in failed:
        page.print(Text(f"The run failed: {step.get('detail', '')}", style="red"))


def _tell_one(page: Console, told: Json) -> None:
    page.print(Text(f"Tap {told['number']}: {told['title']}", style="bold"))
    good = "green" if told["outcome"]["good"] else "yellow"
    page.print(Text(f"Outcome: {told['outcome']['text']}", style=good))
    if told["steps"]:
        page.print()
    for step in told["steps"]:
        _tell_step(page, step)
    for field in told["elements"]:
        page.print()
        page.print(Text(f"{field['name']} ({field['tag']}) {field['value']}", style="bold"))
        for line in field["text"]:
            page.print(Text(f"  {line}"))
    page.print()
    page.print(Text(f"Cardholder verification: {told['cvm']}"))
    _tell_list(page, "Host", [_at(each["t_ms"]) + each["text"] for each in told["host"]])
    _tell_list(page, "Why", told["outcome"]["why"])
    times = [f"{each['ms']:{_TIME_WIDTH}.1f} ms  {each['name']}" for each in told["timings"]]
    _tell_list(page, "Time", times)
    page.print()


def _tell_step(page: Console, step: Json) -> None:
    if step["kind"] == "exchange":
        line = Text(_at(step["t_ms"]))
        line.append(step["title"], style="bold cyan")
        line.append(f"  {step['facts']}", style="" if step["ok"] else "yellow")
        line.append(f"  {step['ms']:.1f} ms", style="dim")
        page.print(line)
        for mark, lines in ((">", step["asked"]), ("<", step["said"])):
            for each in lines:
                page.print(Text(" " * (_TIME_WIDTH + 5) + f"{mark} {each}", style="dim"))
    elif step["kind"] == "rule":
        line = Text(_at(step["t_ms"]))
        line.append(step["rule"], style="bold magenta")
        line.append(f"  {step['text']}")
        page.print(line)
    else:
        page.print(Text(_at(step["t_ms"]) + step["text"]))


def _tell_list(page: Console, title: str, lines: list[str]) -> None:
    if not lines:
        return
    page.print()
    page.print(Text(title, style="bold"))
    for line in lines:
        page.print(Text(f"  {line}"))


def _at(t_ms: float) -> str:
    return f"{t_ms:{_TIME_WIDTH}.1f} ms  "
