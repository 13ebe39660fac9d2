"""The real TLS server: who gets in, and who does not."""

from __future__ import annotations

import asyncio
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from simulator.acquirer.acquirer import Acquirer
from simulator.acquirer.pki import SERVER_NAME, Pki
from simulator.acquirer.server import serve, server_context
from tests.acquirer.terminal import NOW, Terminal


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


def client_context(
    pki: Pki, credentials: Pki | None = None, trusted: Pki | None = None
) -> ssl.SSLContext:
    """A terminal's side: certificate from `credentials` (None: none), CA from `trusted`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=(trusted or pki).ca_pem)
    if credentials is not None:
        files = credentials.terminal("KASSA001")
        certificate = ssl.DER_cert_to_PEM_cert(files.client)
        key = ssl.DER_cert_to_PEM_cert(files.key).replace("CERTIFICATE", "PRIVATE KEY")
        chain = credentials.folder / "chain.pem"
        chain.write_text(certificate + key)
        context.load_cert_chain(chain)
    return context


def exchange(
    pki: Pki, context: ssl.SSLContext, name: str = SERVER_NAME, terminal_id: str = "KASSA001"
) -> str:
    """Sign on over a real connection; the response code.  Raises what the connection raises."""

    async def run() -> str:
        acquirer = Acquirer(now=lambda: NOW)
        server = await serve(acquirer, pki, port=0)
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", server.port, ssl=context, server_hostname=name
            )
            terminal = Terminal(acquirer, terminal_id)
            message = terminal.seal("0800", terminal.common(1) | {70: "001"})
            writer.write(len(message).to_bytes(2) + message)
            prefix = await reader.readexactly(2)
            answer = prefix + await reader.readexactly(int.from_bytes(prefix))
            writer.close()
            return terminal.read(answer).get(39)
        finally:
            await server.close()
            acquirer.ledger.close()

    return asyncio.run(asyncio.wait_for(run(), 10))


REFUSED = (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)


def test_a_terminal_with_its_certificate_gets_in(pki: Pki) -> None:
    assert exchange(pki, client_context(pki, pki)) == "00"


def test_tls_1_2_is_spoken(pki: Pki) -> None:
    context = client_context(pki, pki)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert exchange(pki, context) == "00"


def test_without_a_certificate_nobody_gets_in(pki: Pki) -> None:
    with pytest.raises(REFUSED):
        exchange(pki, client_context(pki))


def test_a_certificate_of_another_ca_does_not_get_in(pki: Pki, tmp_path: Path) -> None:
    with pytest.raises(REFUSED):
        exchange(pki, client_context(pki, Pki(tmp_path)))


def test_a_terminal_that_trusts_another_ca_refuses_the_server(pki: Pki, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        exchange(pki, client_context(pki, pki, trusted=Pki(tmp_path)))


def test_a_terminal_that_expects_another_name_refuses_the_server(pki: Pki) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        exchange(pki, client_context(pki, pki), name="acquirer.example")


def test_the_server_itself_asks_for_tls_1_2_and_a_certificate(pki: Pki) -> None:
    context = server_context(pki)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_tls_1_1_is_refused(pki: Pki) -> None:
    context = client_context(pki, pki)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(REFUSED):
        exchange(pki, context)


def test_a_certificate_speaks_for_its_own_terminal_only(pki: Pki) -> None:
    assert exchange(pki, client_context(pki, pki), terminal_id="KASSA002") == "58"


def test_certificates_are_made_once_and_last_until_2049(pki: Pki) -> None:
    files = pki.terminal("KASSA001")
    assert Pki(pki.folder).terminal("KASSA001") == files
    for content in (files.ca, files.client, (pki.folder / "server.der").read_bytes()):
        certificate = x509.load_der_x509_certificate(content)
        assert certificate.not_valid_before_utc.year == 2020
        assert certificate.not_valid_after_utc.year == 2049


def test_private_keys_are_for_their_owner_only(pki: Pki) -> None:
    pki.terminal("KASSA001")
    keys = [*pki.folder.rglob("*key.der"), pki.server_pem]
    assert len(keys) >= 4
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in keys)
