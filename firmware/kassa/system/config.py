"""The terminal's configuration: read once at start, checked field by field, errors name the
key."""

import json
from typing import TYPE_CHECKING

from kassa.system.currency import CURRENCIES
from kassa.system.errors import KassaError

if TYPE_CHECKING:
    from typing import Any


class ConfigError(KassaError):
    """A configuration file is missing or wrong; the message names file, key and remedy."""


class Merchant:
    """Who sells: `id` (15 characters, ISO 8583 DE 42), `name`, address `lines`, `category` (MCC, 4
    digits)."""

    def __init__(self, source: "Section") -> None:
        self.id = source.text("id", 15, 15)
        self.name = source.text("name", 1, 32)
        self.lines = source.texts("lines", 4, 32)
        self.category = source.digits("category", 4)


class Network:
    """Wi-Fi name and password (empty for an open network)."""

    def __init__(self, source: "Section") -> None:
        self.ssid = source.text("ssid", 1, 32)
        self.password = source.text("password", 0, 63)


PATH = "/config/terminal.json"
PREFER_ONLINE = "prefer_online"
FORCE_OFFLINE = "force_offline"
ONLINE_ONLY = "online_only"
_MODES = (PREFER_ONLINE, FORCE_OFFLINE, ONLINE_ONLY)


class Offline:
    """Sales without the bank, at the merchant's risk.

    mode         "prefer_online": when the host cannot be reached; "force_offline": always;
    "online_only": never
    per_sale, total   most minor units a sale, and of all that wait to be sent
    count, max_age_h  most sales that may wait, and how old the oldest of them may be, in hours
    patience_ms  how long a sale waits for a connection before it goes offline
    """

    def __init__(self, source: "Section") -> None:
        # Limits without a mode mean that offline sales are wanted; no table at all, that they are
        # not.
        self.mode = source.word("mode", _MODES, PREFER_ONLINE if source.values else ONLINE_ONLY)
        self.per_sale = source.integer("per_sale", 0, 99999999, 0)
        self.total = source.integer("total", 0, 999999999, 0)
        self.count = source.integer("count", 0, 1000, 0)
        self.max_age_h = source.integer("max_age_h", 1, 720, 72)
        self.patience_ms = source.integer("patience_ms", 0, 30000, 2000)


class Care:
    """How the terminal looks after itself.

    restart_minute  minutes after midnight, local time, from which the daily self-test and restart
    may be; None for never.  In the file: `restart_at`, "03:30" if it says nothing, or "off"
    """

    def __init__(self, source: "Section") -> None:
        self.restart_minute = source.minute_of_day("restart_at", "03:30")


class Update:
    """Where newer versions of the firmware are: `url` (https://HOST:PORT/FOLDER/, "" for nowhere),
    `server_name` where the certificate has another than the host's, `every_hours`."""

    def __init__(self, source: "Section") -> None:
        wanted = bool(source.values)
        self.url = source.text("url", 10, 200) if wanted else ""
        if wanted and not (self.url.startswith("https://") and self.url.endswith("/")):
            raise source.fail("url", "must be like https://HOST:PORT/FOLDER/")
        named = "server_name" in source.values
        self.server_name = source.text("server_name", 1, 64) if named else ""
        self.every_hours = source.integer("every_hours", 1, 120, 24)


class Service:
    """Who may open the service menu: `hash`, 32 bytes of PBKDF2-HMAC-SHA256 over the service code
    with `salt` (16 bytes) and `rounds`; in the file in hexadecimal.  No hash, no service menu."""

    def __init__(self, source: "Section") -> None:
        wanted = bool(source.values)
        self.salt = source.hexadecimal("salt", 16) if wanted else b""
        self.hash = source.hexadecimal("hash", 32) if wanted else b""
        self.rounds = source.integer("rounds", 1, 20000) if wanted else 0


class TerminalConfig:
    """Everything a merchant or technician may set.  `host` stays a plain dict for the host
    floor."""

    def __init__(self, document: "dict[str, Any]", path: str) -> None:
        top = Section(document, path, "")
        self.terminal_id = top.text("terminal_id", 8, 8)
        self.merchant = Merchant(top.section("merchant"))
        self.currency = top.currency("currency")
        self.country = top.integer("country", 1, 999)
        self.language = top.text("language", 2, 5)
        self.utc_offset_minutes = top.integer("utc_offset_minutes", -840, 840, 0)
        self.host = top.section("host").values
        self.network = Network(top.section("network"))
        self.offline = Offline(top.optional_section("offline"))
        self.care = Care(top.optional_section("care"))
        self.service = Service(top.optional_section("service"))
        self.update = Update(top.optional_section("update"))


class Section:
    """One table of a configuration document, with checked access."""

    def __init__(self, values: "dict[str, Any]", path: str, prefix: str) -> None:
        self.values = values
        self._path = path
        self._prefix = prefix

    def fail(self, key: str, problem: str) -> ConfigError:
        """What is wrong with a key of this table."""
        return ConfigError(self._path + ": " + self._prefix + key + ": " + problem)

    def _value(self, key: str, default: "Any" = None) -> "Any":
        value = self.values.get(key, default)
        if value is None:
            raise self.fail(key, "missing; add it and provision again")
        return value

    def section(self, key: str) -> "Section":
        value = self._value(key)
        if not isinstance(value, dict):
            raise self.fail(key, "must be a table")
        return Section(value, self._path, self._prefix + key + ".")

    def optional_section(self, key: str) -> "Section":
        """The table `key`; an empty one when it is not there."""
        if key not in self.values:
            return Section({}, self._path, self._prefix + key + ".")
        return self.section(key)

    def word(self, key: str, words: "tuple[str, ...]", default: str) -> str:
        value = self._value(key, default)
        if value not in words:
            raise self.fail(key, "must be one of " + ", ".join(words))
        return value

    def text(self, key: str, shortest: int, longest: int) -> str:
        value = self._value(key)
        if not isinstance(value, str) or not shortest <= len(value) <= longest:
            raise self.fail(key, "must be text of %d to %d characters" % (shortest, longest))
        return value

    def texts(self, key: str, most: int, longest: int) -> "list[str]":
        value = self._value(key)
        if not isinstance(value, list) or len(value) > most:
            raise self.fail(key, "must be a list of at most %d lines" % most)
        for line in value:
            if not isinstance(line, str) or len(line) > longest:
                raise self.fail(key, "each line must be text of at most %d characters" % longest)
        return value

    def digits(self, key: str, length: int) -> str:
        value = self.text(key, length, length)
        if not value.isdigit():
            raise self.fail(key, "must be %d digits" % length)
        return value

    def minute_of_day(self, key: str, default: str) -> "int | None":
        """A time such as "03:30" in minutes after midnight; None for "off"."""
        value = self._value(key, default)
        if value == "off":
            return None
        parts = value.split(":") if isinstance(value, str) else ()
        if len(parts) == 2 and len(value) == 5 and parts[0].isdigit() and parts[1].isdigit():
            hour, minute = int(parts[0]), int(parts[1])
            if hour < 24 and minute < 60:
                return 60 * hour + minute
        raise self.fail(key, 'must be a time of day such as "03:30", or "off"')

    def hexadecimal(self, key: str, size: int) -> bytes:
        """`size` bytes."""
        try:
            return bytes.fromhex(self.text(key, 2 * size, 2 * size))
        except ValueError:
            raise self.fail(key, "must be %d bytes in hexadecimal" % size)

    def currency(self, key: str) -> str:
        """An ISO 4217 code that the terminal knows the minor digits of."""
        value = self.text(key, 3, 3)
        if value not in CURRENCIES:
            known = ", ".join(sorted(CURRENCIES))
            raise self.fail(key, value + " is not known; choose one of " + known)
        return value

    def integer(self, key: str, lowest: int, highest: int, default: "int | None" = None) -> int:
        value = self._value(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise self.fail(key, "must be a whole number from %d to %d" % (lowest, highest))
        return value


def read_json(path: str) -> "dict[str, Any]":
    """The JSON object in a file; ConfigError when it is missing or is no object."""
    try:
        with open(path) as file:
            document = json.load(file)
    except OSError:
        raise ConfigError(path + " is missing; provision the terminal")
    except ValueError:
        raise ConfigError(path + " is not valid JSON; provision the terminal again")
    if not isinstance(document, dict):
        raise ConfigError(path + " must hold an object")
    return document


def load(path: str = PATH) -> TerminalConfig:
    """Read and check the terminal's configuration."""
    return TerminalConfig(read_json(path), path)
