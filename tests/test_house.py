"""The house itself: what lies where, how large a module may grow, and docs that tell the truth."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"board_configs", "firmware", "simulator", "host_tools", "tests"}
LARGEST_MODULE_LINES = 400
SHIPS = re.compile(
    r"(attended|boot|doctor|main|service|version)\.py|(lib|kassa)/.*\.py|assets/.+\.(kf|json)|README\.md"
    # The fonts' licence goes where the fonts go.
    r"|assets/fonts/(OFL\.txt|README\.md)"
)
BINARY = {".kf", ".png", ".der", ".ico", ".woff2"}
# In two halves, so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(
    r"(?:^|[^A-Za-z0-9_.])/(?:wor"
    + r"k|roo"
    + r"t|far"
    + r"m)/|/hom"
    + r"e/\w+/|/User"
    + r"s/\w+/"
)
INDEX_URL = re.compile(
    "--(?:extra-)?index"
    + r"-url|registry *= *\"?http|\"resolved\": *\"http"
    + "|pypi"
    + r"\.org/simple"
)


def project_files() -> list[str]:
    """Every file of the project: tracked, or new and not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    names = {name for name in listing.stdout.decode().split("\0") if name}
    return sorted(name for name in names if (ROOT / name).is_file())


FILES = project_files()
PYTHON = [name for name in FILES if name.endswith(".py")]
DOCUMENTS = [name for name in FILES if name.endswith(".md")]


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_the_top_level_folders_are_the_houses() -> None:
    folders = {name.partition("/")[0] for name in FILES if "/" in name}
    assert {folder for folder in folders if not folder.startswith(".")} == FOLDERS


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_a_top_level_folder_tells_what_it_is_for(folder: str) -> None:
    assert f"{folder}/README.md" in FILES


def test_nothing_lies_under_firmware_that_does_not_ship() -> None:
    strays = [
        name
        for name in FILES
        if name.startswith("firmware/") and not SHIPS.fullmatch(name.removeprefix("firmware/"))
    ]
    assert strays == []


@pytest.mark.parametrize(
    "stray",
    [
        "kassa/emv/test_data.bin",
        "tests/test_x.py",
        "mock.py",
        "kassa/notes.txt",
        "kassa/README.md",
    ],
)
def test_a_planted_stray_is_seen(stray: str) -> None:
    assert not SHIPS.fullmatch(stray)


@pytest.mark.parametrize(
    "name",
    [name for name in PYTHON if name.partition("/")[0] in ("firmware", "simulator", "host_tools")],
)
def test_a_module_is_not_longer_than_a_reader_bears(name: str) -> None:
    lines = text_of(name).count("\n")
    assert lines <= LARGEST_MODULE_LINES, f"{name}: {lines} lines want to be two modules"


def bare_excepts(source: str) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]


def test_nothing_is_caught_without_saying_what() -> None:
    assert {name: lines for name in PYTHON if (lines := bare_excepts(text_of(name)))} == {}
    assert bare_excepts("try:\n    f()\nexcept:\n    pass") == [3]


def lines_with(pattern: re.Pattern[str], text: str) -> list[str]:
    return [line for line in text.splitlines() if pattern.search(line)]


@pytest.mark.parametrize("name", [name for name in FILES if Path(name).suffix not in BINARY])
def test_a_file_names_no_machine_and_no_package_index(name: str) -> None:
    text = text_of(name)
    assert lines_with(MACHINE_PATH, text) == []
    assert lines_with(INDEX_URL, text) == []


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("open('/ro" + "ot/notes')", MACHINE_PATH),
        ("cd /ho" + "me/ada/kassa", MACHINE_PATH),
        ("pip install --index" + "-url http://x", INDEX_URL),
        ("--extra-index" + "-url=https://x", INDEX_URL),
    ],
)
def test_a_planted_path_or_index_is_seen(line: str, pattern: re.Pattern[str]) -> None:
    assert lines_with(pattern, line) == [line]


def test_the_licence_is_apache_2() -> None:
    licence = text_of("LICENSE")
    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence
    assert tomllib.loads(text_of("pyproject.toml"))["project"]["license"] == "Apache-2.0"


# -- Documents


def command_lines(document: str) -> Iterator[list[str]]:
    """The commands that a document shows: in code spans and in code blocks, split into words."""
    blocks = re.findall(r"```[a-z]*\n(.*?)```", document, re.DOTALL)
    indented = re.findall(r"^ {4}(\S.*)$", document, re.MULTILINE)
    outside = re.sub(r"```.*?```", "", document, flags=re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", outside)
    for line in (*(line for block in blocks for line in block.splitlines()), *indented, *spans):
        words = (
            re.split(r"\s{2,}|\s+#", line.strip().removeprefix("$ "))[0]
            .replace("\\|", "|")
            .split()
        )
        while words and ("=" in words[0] or words[0] in ("time",)):
            words.pop(0)
        if words:
            words[0] = words[0].removeprefix(".venv/bin/")
            yield words


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):", text_of("Makefile"), re.MULTILINE))


def click_commands() -> dict[str, click.Command]:
    """The project's own commands by name, from their entry points."""
    scripts = tomllib.loads(text_of("pyproject.toml"))["project"]["scripts"]
    commands = {}
    for name, entry in scripts.items():
        module = importlib.import_module(entry.partition(":")[0])
        apps = [value for value in vars(module).values() if isinstance(value, typer.Typer)]
        commands[name] = typer.main.get_command(apps[0])
    return commands


def unknown(words: list[str], commands: dict[str, click.Command], targets: set[str]) -> str | None:
    """What a shown command of the project's names that does not exist, or None."""
    if words[0] == "make":
        wrong = [
            word for word in words[1:] if re.fullmatch(r"[a-z-]+", word) and word not in targets
        ]
        return f"make {wrong[0]}" if wrong else None
    if words[0] not in commands:
        return None
    command = commands[words[0]]
    for word in words[1:]:
        if hasattr(command, "commands"):
            if word not in command.commands:
                return word if re.fullmatch(r"[a-z][\w-]*", word) else None
            command = command.commands[word]
        elif word.startswith("--"):
            options = {name for parameter in command.params for name in parameter.opts}
            if word.partition("=")[0] not in options | {"--help"}:
                return word
    return None


@pytest.fixture(scope="module")
def commands() -> dict[str, click.Command]:
    return click_commands()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_names_only_commands_that_exist(
    name: str, commands: dict[str, click.Command]
) -> None:
    targets = make_targets()
    wrong = [
        f"{' '.join(words)}: {missing}"
        for words in command_lines(text_of(name))
        if (missing := unknown(words, commands, targets))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("document", "missing"),
    [
        ("Run `kassa board fly`.", "fly"),
        ("    kassa board check --loud   very", "--loud"),
        ("```sh\nKASSA_PORT=1 make run\nmake coffee\n```", "make coffee"),
        ("```\n.venv/bin/kassa bord list\n```", "bord"),
    ],
)
def test_a_planted_command_that_does_not_exist_is_seen(
    document: str, missing: str, commands: dict[str, click.Command]
) -> None:
    found = [unknown(words, commands, make_targets()) for words in command_lines(document)]
    assert [name for name in found if name] == [missing]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_link_in_a_document_leads_somewhere(name: str) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text_of(name))
    local = [
        target for target in targets if "://" not in target and not target.startswith("mailto:")
    ]
    assert [target for target in local if not ((ROOT / name).parent / target).exists()] == []
