"""The lens on the host's side: messages as the acquirer logs them, decoded.

The card's side is `host_tools.lens`.
"""

from __future__ import annotations

from typing import Any

from host_tools import iso8583_fields
from host_tools.lens import Context, fields

Message = dict[str, Any]

_TITLES = {
    "01": "Authorisation",
    "02": "Sale",
    "0220": "Sale advice",
    "0230": "Sale advice",
    "04": "Reversal",
    "0420": "Reversal advice",
    "0430": "Reversal advice",
    "05": "Settlement",
    "08": "Network",
}
_NETWORK = {"001": "Sign-on", "002": "Sign-off", "301": "Echo"}
_STAN, _RESPONSE_CODE, _ICC_DATA, _NETWORK_CODE = "11", "39", "55", "70"
_APPROVED = "00"


def iso_message(message: dict[str, Any]) -> Message:
    """A message of `simulator.acquirer.messages.record`, for the page.

    `direction` is "request", "answer" or "note"; `facts` stand in the title line; `fields` are
    {number, name, value, tree}, the tree being that of DE 55.
    """
    mti: str = message["mti"]
    sent: dict[str, str] = message["fields"]
    direction = {"in": "request", "out": "answer"}.get(message["direction"], "note")
    title = _TITLES.get(mti) or _TITLES.get(mti[:2]) or "Note"
    title = _NETWORK.get(sent.get(_NETWORK_CODE, ""), title)
    facts: list[Message] = []
    if (code := sent.get(_RESPONSE_CODE)) is not None:
        facts.append({"text": code, "ok": code == _APPROVED})
    if (stan := sent.get(_STAN)) is not None:
        facts.append({"text": f"#{stan}"})
    return {
        "direction": direction,
        "mti": mti,
        "title": title,
        "facts": facts,
        "note": message.get("note") or "",
        "card": (message.get("card") or {}).get("pan", ""),
        "fields": [_row(number, sent[number], message.get("emv", {})) for number in sent],
    }


def _row(number: str, value: str, emv: dict[str, str]) -> Message:
    row: Message = {
        "number": number,
        "name": iso8583_fields.name(int(number)),
        "value": value.strip(),
        "tree": [],
    }
    if number == _ICC_DATA and emv:
        row["value"] = ""
        row["tree"] = icc_data(emv)
    return row


def icc_data(emv: dict[str, str]) -> list[Message]:
    """The objects of DE 55, tag to value in hexadecimal, as the lens shows them."""
    objects = [(int(tag, 16), bytes.fromhex(value)) for tag, value in emv.items()]
    context = Context()
    context.survey(objects)
    return [fields.of_value(tag, value, context) for tag, value in objects]
