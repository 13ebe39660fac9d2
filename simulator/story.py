"""One tap as a story: what was said, which rule fired, what the bits mean, why it ended so.

`story(tap)` takes one of the `taps` of a run (`simulator.taps`) and gives JSON values that a
command line prints and a page shows; neither adds anything.

    title     "Visa credit, 12.50 EUR"
    outcome   {"text": "approved by the host", "good": True, "why": ["EP-3: ...", ...]}
    steps     in order: {"kind": "exchange", "title", "facts", "ok", "t_ms", "ms", "asked", "said"}
              or {"kind": "rule", "rule": "C3-4", "text", "t_ms"} or {"kind": "note", "text", ...}
    elements  {"tag", "name", "value", "text"}: AIP, TTQ, CTQ, TVR ... with every bit that is set
    cvm       how the cardholder was verified, in words
    timings   {"name", "ms"} by phase
    host      {"text", "good", "t_ms"} for each message of this sale

Times count from the moment the card came (ms).
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from host_tools.lens.response_codes import RESPONSE_CODES
from simulator import host_lens

Json = dict[str, Any]

_OUTCOMES = {
    "approved": "approved offline by the card and the terminal",
    "declined": "declined offline",
    "online_request": "the host is to be asked",
    "try_another_interface": "not by contactless: insert or swipe the card",
    "end_application": "ended without a decision",
    "select_next": "the next application was to be tried",
    "try_again": "the card is asked for once more",
}
_CVMS = {
    None: "not decided",
    "none": "none required",
    "signature": "signature on paper",
    "online_pin": "PIN, verified by the issuer",
    "cdcvm": "verified by the customer's own device",
}
_PHASES = {
    "ppse": "SELECT PPSE",
    "select": "SELECT application",
    "gpo": "GET PROCESSING OPTIONS",
    "records": "READ RECORD",
    "ac": "GENERATE AC",
    "other": "other commands",
    "terminal": "the terminal between commands",
    "decision": "last answer to outcome",
    "card_in_field": "card in field until it may leave",
    "host": "host, request to answer",
    "result": "card presented until result shown",
}
_NOTES = {
    "ppse": "applications in the directory that the terminal takes: {candidates}",
    "no_combination": "no application takes this amount: the field stays off",
    "select_next": "the terminal goes on to the next application",
    "issuer_authentication": "the issuer's authentication went to the card: {sw}",
    "script_command": "script command {number} went to the card: {sw}",
    "recover": "the torn transaction was asked for: {sw}",
    "state": "the payment is {state}",
    "deferred": "kept for later: {why}",
    "reversal owed": "whether the host booked it is unknown: a reversal is owed",
    "reversed": "the host has taken it back ({code})",
    "forwarded": "told the host afterwards ({code})",
    "transmission": "transmission error: {message}",
    "issuer_update": "the second tap came to nothing",
    "not sent": "nothing could be sent to the host",
    "no answer": "no answer came from the host",
}
_CRYPTOGRAM_TAG, _LONGEST_BARE_VALUE = "9F27", 16
_ON_THE_WAY = ("present_card", "processing", "card_read_ok", "authorising", "printing")
_APPROVED_STATES = ("approved", "stored")


def story(tap: Json) -> Json:
    """Tell one tap.  KeyError or TypeError for what is no tap."""
    begin = tap["t_ms"]
    cards = " and ".join(card["title"] for card in tap["cards"]) or "Nothing"
    steps = _steps(tap, begin)
    return {
        "number": tap["number"],
        "title": cards + (f", {tap['amount']}" if tap["amount"] else ""),
        "scheme": tap["scheme"],
        "outcome": _outcome(tap),
        "steps": steps,
        "elements": [
            {key: field[key] for key in ("tag", "name", "value", "text")}
            for field in tap["elements"]
        ],
        "cvm": _CVMS.get((tap["outcome"] or {}).get("cvm"), "not decided"),
        "timings": [
            {"name": title, "ms": tap["timings_ms"][name]}
            for name, title in _PHASES.items()
            if name in tap["timings_ms"]
        ],
        "host": [_message(message, begin) for message in tap["host"]],
    }


# -- what was said and decided, in order


def _steps(tap: Json, begin: float) -> list[Json]:
    steps: list[Json] = []
    for index in range(len(tap["exchanges"]) + 1):
        if index:
            steps.append(_exchange(tap["exchanges"][index - 1], begin))
        events = [event for event in tap["events"] if event["after"] == index]
        steps += [step for event in events if (step := _step(event, begin)) is not None]
    return steps


def _exchange(exchange: Json, begin: float) -> Json:
    command, answer = exchange["command"], exchange["response"]
    facts = "no answer: the card was gone" if answer is None else _status(answer)
    return {
        "kind": "exchange",
        "title": f"{command['name']} {command['text']}".rstrip(),
        "facts": facts,
        "ok": answer is not None and answer["sw"] == "9000",
        "t_ms": round(exchange["t_ms"] - begin, 1),
        "ms": round(exchange["ms"], 1),
        "asked": _lines(command["fields"]),
        "said": _lines(answer["fields"]) if answer else [],
    }


def _status(answer: Json) -> str:
    # That 9000 means success everybody knows.
    meaning = "" if answer["sw"] == "9000" else answer["meaning"]
    return f"{answer['sw']} {meaning}".strip()


def _lines(fields: list[Json]) -> list[str]:
    """Key fields, a line each; templates are gone through, bits are listed behind the name."""
    lines = []
    for field in fields:
        text = _words(field["text"])
        if field["fields"] and not field["value"]:
            if field["text"]:
                lines.append(f"{field['name']}: {text}")
            lines += _lines(field["fields"])
        elif field["fields"]:
            wanted = "; ".join(inner["name"] for inner in field["fields"])
            lines.append(f"{field['name']} asks for: {wanted}")
        elif text:
            lines.append(f"{field['name']}: {text}")
        elif len(field["value"]) <= _LONGEST_BARE_VALUE:
            lines.append(f"{field['name']}: {field['value'] or 'empty'}")
        else:
            lines.append(f"{field['name']}: {field['length']} bytes")
    return lines


def _words(text: list[str]) -> str:
    """Bits without their bytes: "EMV mode, online PIN"."""
    return ", ".join(
        line.partition(": ")[2] if line.startswith("byte ") else line for line in text
    )


def _step(event: Json, begin: float) -> Json | None:
    t_ms = round(event["t_ms"] - begin, 1)
    what = event["is"]
    if what == "rule":
        return {"kind": "rule", "rule": event["rule"], "text": event["what"], "t_ms": t_ms}
    if what == "ppse" and event.get("sw") != "9000":
        return None
    if what == "outcome":
        text = f"outcome: {_OUTCOMES.get(event['kind'], event['kind'])}"
    elif what in _NOTES:
        text = _NOTES[what].format_map(_Facts(event)).replace("_", " ")
    else:
        return None
    return {"kind": "note", "text": text, "t_ms": t_ms}


class _Facts(dict[str, Any]):
    """An event's facts; one that it does not have is a question mark."""

    def __missing__(self, key: str) -> str:
        return "?"


# -- why it ended so


def _outcome(tap: Json) -> Json:
    outcome = tap["outcome"]
    if outcome is None:
        return {"text": "the tap came to no outcome", "good": False, "why": _why(tap)}
    kind = outcome["kind"]
    text = _OUTCOMES.get(kind, str(kind))
    good = kind == "approved"
    if kind == "online_request":
        text, good = _asked_online(tap)
    elif kind == "end_application" and outcome.get("start") == "B":
        text += ", and the card is asked for once more"
    return {"text": text, "good": good, "why": _why(tap)}


def _asked_online(tap: Json) -> tuple[str, bool]:
    codes = [event.get("code") for event in tap["events"] if event["is"] == "answer"]
    states = [event.get("state") for event in tap["events"] if event["is"] == "state"]
    if codes:
        code = str(codes[-1])
        if "unknown" in states:
            return f"the host answered {_code(code)}, but the terminal took it back", False
        if code == "00":
            return "approved by the host", True
        return f"declined by the host: {_code(code)}", False
    if states and states[-1] in _APPROVED_STATES:
        return "taken without the host, to be told later (deferred authorisation)", True
    if "requested" in states:
        silent = any(event["is"] == "no answer" for event in tap["events"])
        return "the host was asked and " + (
            "did not answer" if silent else "has not answered"
        ), False
    if states and states[-1] == "declined":
        return "declined: the host could not be asked", False
    return _OUTCOMES["online_request"], False


def _why(tap: Json) -> list[str]:
    """The rules in the order they fired, the card's word, the error, what the host said."""
    why = [
        f"{rule}: {'; '.join(dict.fromkeys(event['what'] for event in events))}"
        for rule, events in groupby(
            (event for event in tap["events"] if event["is"] == "rule"), lambda e: e["rule"]
        )
    ]
    cryptogram = _find(tap, _CRYPTOGRAM_TAG)
    if cryptogram is not None and cryptogram["text"]:
        why.append(f"the card answered {cryptogram['text'][0]}")
    outcome = tap["outcome"] or {}
    if error := outcome.get("error"):
        sw = f" ({outcome['sw']})" if outcome.get("sw") else ""
        why.append(f"{error}{sw}")
    lost = tap["exchanges"] and tap["exchanges"][-1]["response"] is None
    if lost:
        why.append("the card left the field before it had answered")
    for event in tap["events"]:
        if event["is"] == "answer":
            why.append(f"the host answered {_code(str(event.get('code')))}")
    if tap["screens"]:
        why.append("the terminal showed: " + " / ".join(_said(_result(tap["screens"]))))
    return why


def _result(screens: list[Json]) -> Json:
    """The first screen that says how it ended, else the last."""
    return next((each for each in screens if each["name"] not in _ON_THE_WAY), screens[-1])


def _said(screen: Json) -> list[str]:
    """A screen's own words: without the merchant above them."""
    return screen["words"][1:] or screen["words"]


def _find(tap: Json, tag: str) -> Json | None:
    found = None
    for exchange in tap["exchanges"]:
        answer = exchange["response"]
        stack = list(answer["fields"]) if answer else []
        while stack:
            field = stack.pop()
            stack += field["fields"]
            if field["tag"] == tag:
                found = field
    return found


def _code(code: str) -> str:
    known = RESPONSE_CODES.get(code)
    return f"{code} ({known})" if known else code


# -- what the host said


def _message(message: Json, begin: float) -> Json:
    told = host_lens.iso_message(message)
    arrow = {"request": "→", "answer": "←"}.get(told["direction"], "·")
    facts = " ".join(fact["text"] for fact in told["facts"])
    good = [fact["ok"] for fact in told["facts"] if "ok" in fact]
    words = [arrow, told["mti"], told["title"], facts]
    note = f": {told['note']}" if told["note"] else ""
    return {
        "text": " ".join(word for word in words if word) + note,
        "good": good[0] if good else None,
        "t_ms": round(message["t_ms"] - begin, 1),
    }
