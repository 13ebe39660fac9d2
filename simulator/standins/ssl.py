"""`ssl` as the ESP32 port has it: the frozen wrapper over mbedTLS, TLS 1.2.

The virtual network carries no encrypted records, so what a handshake would refuse is checked here
and in `simulator.network_tls`: certificates must parse and belong together, and a context without
verification, CA or server name gets no connection at all.  That is stricter than the device, which
would connect to anybody.
"""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from simulator.network_tls import ClientTls
from simulator.standins.seam import here

__all__ = [
    "CERT_NONE",
    "CERT_OPTIONAL",
    "CERT_REQUIRED",
    "MBEDTLS_VERSION",
    "PROTOCOL_DTLS_CLIENT",
    "PROTOCOL_DTLS_SERVER",
    "PROTOCOL_TLS_CLIENT",
    "PROTOCOL_TLS_SERVER",
    "SSLContext",
    "wrap_socket",
]

PROTOCOL_TLS_CLIENT = 0
PROTOCOL_TLS_SERVER = 1
PROTOCOL_DTLS_CLIENT = 2
PROTOCOL_DTLS_SERVER = 3
CERT_NONE = 0
CERT_OPTIONAL = 1
CERT_REQUIRED = 2
MBEDTLS_VERSION = "Mbed TLS 3.6.5"

_EOPNOTSUPP = 95
_EPOCH = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)


class SSLContext:
    """Certificates and how strictly to look at the peer's.  `verify_mode` starts as CERT_NONE."""

    def __init__(self, protocol, /):
        if protocol not in (PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER):
            raise OSError(_EOPNOTSUPP)
        self.verify_mode = CERT_NONE
        self._server_side = protocol == PROTOCOL_TLS_SERVER
        self._certificate = None
        self._ca = None

    def load_cert_chain(self, certfile, keyfile):
        """Our certificate and its private key: DER or PEM bytes, or a path to such a file."""
        certificate = _certificate(_content(certfile))
        key = _private_key(_content(keyfile))
        if _public(certificate.public_key()) != _public(key.public_key()):
            raise ValueError("invalid key")
        self._certificate = certificate.public_bytes(serialization.Encoding.DER)

    def load_verify_locations(self, cafile=None, cadata=None):
        """The one CA that we trust: DER or PEM."""
        content = _content(cafile) if cafile else cadata
        self._ca = _certificate(bytes(content)).public_bytes(serialization.Encoding.DER)

    def wrap_socket(
        self, sock, server_side=False, do_handshake_on_connect=True, server_hostname=None
    ):
        """Speak TLS over a socket that is not connected yet."""
        if server_side:
            raise OSError(_EOPNOTSUPP)
        sock.start_tls(self.client_tls(server_hostname))
        return sock

    def client_tls(self, server_hostname):
        """What goes into the handshake (a stand-in's own method: `asyncio` and `socket` ask).

        ValueError when the connection would be to anybody.
        """
        if self._server_side or self.verify_mode != CERT_REQUIRED:
            raise ValueError("this terminal would not verify its host: verify_mode")
        if self._ca is None:
            raise ValueError("this terminal would not verify its host: no CA")
        if not server_hostname:
            raise ValueError("this terminal would not verify its host: no server_hostname")
        now = _EPOCH + datetime.timedelta(microseconds=here.operate("rtc_get") // 1000)
        return ClientTls(self._ca, self._certificate, server_hostname, now)


def wrap_socket(
    sock,
    server_side=False,
    key=None,
    cert=None,
    cert_reqs=CERT_NONE,
    cadata=None,
    server_hostname=None,
    do_handshake=True,
):
    """A context for one socket."""
    context = SSLContext(PROTOCOL_TLS_SERVER if server_side else PROTOCOL_TLS_CLIENT)
    if cert or key:
        context.load_cert_chain(cert, key)
    if cadata:
        context.load_verify_locations(cadata=cadata)
    context.verify_mode = cert_reqs
    return context.wrap_socket(
        sock,
        server_side=server_side,
        do_handshake_on_connect=do_handshake,
        server_hostname=server_hostname,
    )


def _content(source):
    if isinstance(source, str):
        with here.open(source, "rb") as file:
            return file.read()
    return bytes(source)


def _certificate(content):
    try:
        if content.startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(content)
        return x509.load_der_x509_certificate(content)
    except ValueError:
        raise ValueError("invalid cert") from None


def _private_key(content):
    try:
        if content.startswith(b"-----BEGIN"):
            return serialization.load_pem_private_key(content, password=None)
        return serialization.load_der_private_key(content, password=None)
    except (ValueError, TypeError):
        raise ValueError("invalid key") from None


def _public(key):
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
