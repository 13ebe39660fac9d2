"""Every rule of the checklist has its place in the firmware and a test that bears its name.

The table goes to `build/emv_rules.md`.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIRMWARE = ROOT / "firmware" / "kassa"
TESTS = ROOT / "tests"
TABLE = ROOT / "build" / "emv_rules.md"

# Data elements, Entry Point, offline data authentication, kernels 2 and 3, the others, risk
COUNTS = {"D": 7, "EP": 15, "ODA": 8, "C2": 14, "C3": 8, "CX": 3, "R": 3}
RULES = [f"{family}-{number}" for family, last in COUNTS.items() for number in range(1, last + 1)]

_RULE = re.compile(r"\b(?:{})-[1-9][0-9]?\b".format("|".join(COUNTS)))
_TEST = re.compile(
    r"^\s*(?:async )?def (test_(?:{})_[1-9][0-9]?_\w+)".format("|".join(COUNTS)), re.M
)


def places() -> dict[str, list[str]]:
    """By rule the firmware's lines that name it in a comment or a docstring: "file:line"."""
    found: dict[str, list[str]] = {}
    for path in sorted(FIRMWARE.rglob("*.py")):
        name = path.relative_to(ROOT / "firmware").as_posix()
        quoted = False
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            said = line if quoted or '"""' in line else line.partition("#")[2]
            if line.count('"""') % 2:
                quoted = not quoted
            for rule in _RULE.findall(said):
                found.setdefault(rule, []).append(f"{name}:{number}")
    return found


def proofs() -> dict[str, list[str]]:
    """By rule the tests that bear its name."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for name in _TEST.findall(path.read_text(encoding="utf-8")):
            family, number = name.split("_")[1:3]
            found.setdefault(f"{family}-{number}", []).append(name)
    return found


def table() -> str:
    """Rule, where it is, what proves it."""
    where, named = places(), proofs()
    lines = [
        "# EMV rules, their places and their tests",
        "",
        "| rule | firmware | tests |",
        "|---|---|---|",
    ]
    for rule in RULES:
        files: dict[str, list[str]] = {}
        for place in where.get(rule, []):
            name, _, line = place.rpartition(":")
            files.setdefault(name, []).append(line)
        listed = ", ".join(f"{name} {', '.join(numbers)}" for name, numbers in files.items())
        proved = ", ".join(f"`{name}`" for name in named.get(rule, []))
        lines.append(f"| {rule} | {listed} | {proved} |")
    return "\n".join(lines) + "\n"


def test_every_rule_has_a_place_in_the_firmware_and_a_test() -> None:
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(table(), encoding="utf-8")
    where, named = places(), proofs()
    assert [rule for rule in RULES if rule not in where] == []
    assert [rule for rule in RULES if rule not in named] == []


def test_no_rule_is_named_that_is_not_in_the_checklist() -> None:
    assert set(places()) | set(proofs()) <= set(RULES)


def test_the_rules_of_a_kernel_are_in_its_room() -> None:
    rooms = {"D": "emv/", "EP": "emv/", "ODA": "emv/oda/", "C2": "emv/", "C3": "emv/kernels/"}
    rooms |= {"CX": "emv/kernels/", "R": "payment/"}
    where = places()
    for rule in RULES:
        room = "kassa/" + rooms[rule.split("-")[0]]
        assert any(place.startswith(room) for place in where.get(rule, [])), rule


def test_a_tap_tells_rules_of_the_checklist_only() -> None:
    """What `Tap.decide` is given in the firmware is an identifier that can be looked up."""
    told = set()
    for path in FIRMWARE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        told |= set(re.findall(r'\.(?:decide|go_online)\(\s*"([^"]+)"', text))
    assert told and told <= set(RULES)
