"""A finding about a board, and the remedies that a technician has."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARN, FAIL = "ok", "warn", "fail"

# The terminal itself advises a shop assistant (`remedy.*` of the catalogues); a technician has a
# computer and tools.
REMEDIES = {
    "remedy.memory": "restart it; if it stays so, `kassa logs` and `kassa deploy` a newer version",
    "remedy.flash": "`kassa deploy` sweeps what does not belong there",
    "remedy.temperature": "cool and dry; away from the printer's heat",
    "remedy.clock": "`kassa provision` sets it, and so does the host",
    "remedy.journal": "`kassa backup`, then `kassa journal verify`; do not erase it",
    "remedy.wear": "`kassa backup`, and put another board there soon",
    "remedy.pending": "connect it to its host, and the payments are sent; else `kassa backup`",
    "remedy.keys": "`kassa provision --new-keys` with fresh keys",
    "remedy.no_keys": "`kassa provision` with keys in the profile",
    "remedy.reader": "check its plug, its switches (transport) and its 3.3 V; else replace it",
    "remedy.paper": "put in a new roll, the printable side to the head",
    "remedy.printer": "check its power, its cover and its serial wires, crossed",
    "remedy.keypad": "free the key; look for a short between its row and column; else replace it",
    "remedy.panel": "check its plug and its wires, SDO included; else replace it",
    "remedy.sound": "check the wires of buzzer and lamps, and each lamp's resistor",
    "remedy.case": "close it, and find out who opened it",
    "remedy.wifi": "check network name, password and reception; `kassa provision --wifi-ssid`",
    "remedy.host": "check its address, its port, and that it is running; `kassa provision`",
    "remedy.tls": "a certificate is not believed: check the CAs of both sides, and the time",
    "remedy.slot": "`kassa deploy`",
    # Of this computer's own findings.
    "remedy.board": "name the board that it is: --board",
    "remedy.micropython": "`kassa flash` a newer image; `kassa backup` first",
    "remedy.psram": "`kassa flash` the MicroPython image for boards with PSRAM",
    "remedy.partitions": "`kassa flash`; `kassa backup` first where there is money",
    "remedy.files": "`kassa backup`, then `kassa deploy --format`, then provision it again",
    "remedy.firmware": "`kassa deploy`",
    "remedy.configuration": "`kassa provision`",
    "remedy.certificates": "`kassa provision` gives it a new one",
    "remedy.host_ca": "ask the acquirer for its CA, put it into the profile, `kassa provision`",
    "remedy.fetching": "wait until it is whole; `kassa logs` tells what keeps it",
    "remedy.trial": "wait until it has come up, or `kassa deploy` again",
    "remedy.errors": "`kassa logs` shows them all",
    "remedy.connection": "check power and cable, and that nothing else uses the port; then again",
    "remedy.card": "take it away",
    "remedy.network": "check the configuration; `kassa provision`",
    "remedy.seen": "check its wires against `kassa board wiring`",
}


@dataclass(frozen=True)
class Finding:
    """name: of the part, the same every time; verdict: OK, WARN (works, but somebody should look)
    or FAIL; detail: figures or the error; remedy: what to do, "" when all is well.
    """

    name: str
    verdict: str
    detail: str
    remedy: str = ""


def remedy(key: str) -> str:
    """A technician's remedy by its key; "" for "" and for what has none."""
    return REMEDIES.get(key, "")
