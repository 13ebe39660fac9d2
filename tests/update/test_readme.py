"""The README's way from a newer version to terminals that fetch it, as far as it needs no board.

What a terminal does with the same settings is in test_by_itself.py.
"""

from __future__ import annotations

import ssl
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from host_tools import emv_signing
from host_tools.ca import ShopCa
from host_tools.image_check import MANIFEST, verify_image
from simulator import sandbox_profile
from simulator.acquirer.pki import Pki
from tests.readme_commands import Start, starting
from tests.update import readme

WITHIN_S = 120


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts one of the README's commands in an empty folder, at home there."""
    with starting(tmp_path, KASSA_HOME="", HOME=str(tmp_path)) as start:
        yield start


def test_a_version_is_built_served_and_named_in_a_profile(start: Start, tmp_path: Path) -> None:
    build, serve, provision = readme.commands()
    (tmp_path / ".kassa").mkdir()
    key = emv_signing.create(tmp_path / ".kassa" / "signing.pem")  # as the first deploy does
    building = start(build)
    said, _ = building.communicate(timeout=WITHIN_S)
    assert building.returncode == 0, said
    image = tmp_path / build[-1]
    verify_image(image, key.signer(), board=build[2])

    server = start([*serve, "--port", "0"])  # many tests may run on this machine
    assert server.stdout is not None
    words = server.stdout.readline().split()
    url = next(word.strip(",") for word in words if word.startswith("https://"))
    settings = tomllib.loads(readme.profile())["terminal"]["update"]
    assert words[-1] == settings["server_name"]
    assert url.rsplit(":", 1)[0] == settings["url"].rsplit(":", 1)[0]
    context = as_terminal(tmp_path)
    with urlopen(url + MANIFEST, timeout=WITHIN_S, context=context) as answer:
        assert answer.read() == (image / MANIFEST).read_bytes()

    document = tmp_path / provision[-1]
    sandbox_profile.write(document, "127.0.0.1", 8583, Pki(tmp_path / "build/sandbox-pki"))
    with document.open("a", encoding="utf-8") as file:
        file.write(readme.profile())
    provisioning = start([*provision, "--check"])
    said, _ = provisioning.communicate(timeout=WITHIN_S)
    assert provisioning.returncode == 0, said


def as_terminal(home: Path) -> ssl.SSLContext:
    """TLS as a terminal of the shop speaks it: its own certificate, and the sandbox's CA."""
    context = ssl.create_default_context(cadata=Pki(home / "build/sandbox-pki").ca_pem)
    made = ShopCa(home / ".kassa" / "ca").issue("KASSA001")
    certificate, key = home / "client.pem", home / "key.pem"
    certificate.write_bytes(
        x509.load_der_x509_certificate(made.certificate).public_bytes(Encoding.PEM)
    )
    key.write_text(ssl.DER_cert_to_PEM_cert(made.key).replace("CERTIFICATE", "PRIVATE KEY"))
    context.load_cert_chain(certificate, key)
    return context
