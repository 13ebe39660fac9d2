"""A profile: the document that makes a board a certain terminal of a certain shop.

    sandbox = true                      # keys are given in clear; a real acquirer never does that

    [terminal]                          # /config/terminal.json, see kassa.system.config
    terminal_id = "KASSA001"
    currency = "EUR"
    ...
    [terminal.update]                   # may be left out: then newer versions come over USB only
    url = "https://HOST:PORT/FOLDER/"   # what `kassa build` wrote, behind a server with ranges
    server_name = "..."                 # where the certificate has another name than HOST
    every_hours = 24                    # 1 to 120
    [tls]
    host_ca = "acquirer_ca.pem"         # whom the terminal believes, PEM or DER
    [emv]
    document = "emv.toml"               # compiled and signed on the way; TOML or JSON
    [keys]                              # of a sandbox only
    initial_key_id = "..."              # 8 bytes
    initial_key = "..."                 # 16 bytes, AES-128
    [service]                           # may be left out: then it is the shop's, see `shop`
    code = "12345678"                   # opens the service menu, 6 to 10 digits

Files are named relative to the profile.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from kassa.system import config

from host_tools import emv, service, toml_lines
from host_tools.emv_signing import SigningKey

_TABLES = ("sandbox", "terminal", "tls", "emv", "keys", "service")


class ProfileError(Exception):
    """A profile that makes no terminal; the message names file, line and key."""


@dataclass(frozen=True)
class Profile:
    """What a profile says, read and checked.

    terminal: the content of terminal.json.  host_ca: DER.  keys: (initial key identifier, initial
    key) of a sandbox, or None.  service_code: the profile's own, or None for the shop's.
    """

    path: Path
    terminal: dict[str, Any]
    host_ca: bytes
    emv_document: emv.Document
    keys: tuple[bytes, bytes] | None
    service_code: str | None = None

    @property
    def terminal_id(self) -> str:
        return self.terminal["terminal_id"]

    def files(
        self, key: SigningKey, service_table: dict[str, Any] | None = None
    ) -> dict[str, bytes]:
        """What goes onto the terminal, by path, but for its own credentials.

        service_table: what the terminal keeps of the service code (`host_tools.service`); without
        one it has no service menu.

        Raises DocumentError for an EMV configuration that is not right.
        """
        compiled = emv.compile_document(self.emv_document, key)
        terminal = dict(self.terminal)
        if service_table is not None:
            terminal["service"] = service_table
        text = json.dumps(terminal, ensure_ascii=False, sort_keys=True)
        return {
            "/config/terminal.json": text.encode(),
            **{f"/config/{name}": content for name, content in compiled.files().items()},
            "/tls/ca.der": self.host_ca,
        }


def read(path: Path, changes: dict[str, Any] | None = None) -> Profile:
    """A profile from its file.  changes: fields of `terminal` that replace the file's, such as
    {"terminal_id": "KASSA002", "network": {"password": "..."}}.  Raises ProfileError.
    """
    try:
        text = path.read_text("utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProfileError(f"{path}: not UTF-8 text at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{path}: not TOML: {error}") from error
    return _Reader(path, document, toml_lines.find(text)).read(changes or {})


@dataclass(frozen=True)
class _Reader:
    path: Path
    document: dict[str, Any]
    lines: dict[toml_lines.Path, int]

    def read(self, changes: dict[str, Any]) -> Profile:
        for name in self.document:
            if name not in _TABLES:
                raise self._error((name,), f"no part of a profile; these are: {_TABLES}")
        terminal = _merged(self._table("terminal"), changes)
        try:
            config.TerminalConfig(terminal, "")
        except config.ConfigError as error:
            _, key, problem = str(error).split(": ", 2)
            problem = problem.replace(" and provision again", "")
            raise self._error(("terminal", *key.split(".")), problem) from error
        if "service" in terminal:
            raise self._error(
                ("terminal", "service"), "made by `kassa provision`; give `code` in [service]"
            )
        self._routes(terminal["host"].get("routes"))
        return Profile(
            self.path,
            terminal,
            self._host_ca(),
            emv.read(self._file("emv", "document")),
            self._keys(),
            self._service_code(),
        )

    def _routes(self, routes: Any) -> None:
        place = ("terminal", "host", "routes")
        if not isinstance(routes, list) or not routes:
            raise self._error(place, "at least one route to the host is needed")
        for route in routes:
            for key, kind in (("name", str), ("host", str), ("server_name", str), ("port", int)):
                if not isinstance(route, dict) or not isinstance(route.get(key), kind):
                    raise self._error(place, f"each route needs `{key}`")
            if not 0 < route["port"] < 65536:
                raise self._error(place, "port must be from 1 to 65535")

    def _host_ca(self) -> bytes:
        path = self._file("tls", "host_ca")
        try:
            content = path.read_bytes()
            if content.startswith(b"-----"):
                certificate = x509.load_pem_x509_certificate(content)
            else:
                certificate = x509.load_der_x509_certificate(content)
        except OSError as error:
            raise self._error(("tls", "host_ca"), f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise self._error(("tls", "host_ca"), f"{path}: no certificate") from error
        return certificate.public_bytes(serialization.Encoding.DER)

    def _keys(self) -> tuple[bytes, bytes] | None:
        if "keys" not in self.document:
            return None
        if self.document.get("sandbox") is not True:
            raise self._error(
                ("keys",),
                "keys in clear are for a sandbox (`sandbox = true`); real ones never are",
            )
        table = self._table("keys")
        found = []
        for name, size in (("initial_key_id", 8), ("initial_key", 16)):
            try:
                value = bytes.fromhex(table[name])
            except (KeyError, TypeError, ValueError):
                value = b""
            if len(value) != size:
                raise self._error(("keys", name), f"must be {size} bytes in hexadecimal")
            found.append(value)
        return found[0], found[1]

    def _service_code(self) -> str | None:
        if "service" not in self.document:
            return None
        code = self._table("service").get("code")
        if not isinstance(code, str) or not service.is_code(code):
            raise self._error(("service", "code"), f"must be text of {service.CODE}")
        return code

    def _table(self, name: str) -> dict[str, Any]:
        table = self.document.get(name)
        if not isinstance(table, dict):
            raise self._error((name,), "missing; it must be a table")
        return table

    def _file(self, table: str, key: str) -> Path:
        name = self._table(table).get(key)
        if not isinstance(name, str):
            raise self._error((table, key), "must name a file")
        return self.path.parent / name

    def _error(self, place: tuple[str, ...], problem: str) -> ProfileError:
        line = toml_lines.line_of(self.lines, place)
        where = f"{self.path}:{line}" if line else f"{self.path}"
        return ProfileError(f"{where}: {'.'.join(place)}: {problem}")


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with what `changes` names, tables inside tables."""
    merged = dict(base)
    for key, value in changes.items():
        inner = base.get(key)
        both = isinstance(inner, dict) and isinstance(value, dict)
        merged[key] = _merged(inner, value) if both else value
    return merged
