"""What a TLS handshake would find, for connections of the virtual network.

No record is encrypted there; but whoever would be refused in a real handshake is refused here,
with the error that MicroPython's mbedTLS gives: certificates out of date by the chip's clock, of
another CA, for another name, or no verification at all.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

FATAL_ALERT = -0x7780  # MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE: the server refused us


@dataclass(frozen=True)
class ClientTls:
    """The terminal's side: DER certificates, the name it expects, its own clock (UTC)."""

    ca: bytes
    certificate: bytes | None
    server_hostname: str
    now: datetime.datetime


@dataclass(frozen=True)
class ServerTls:
    """The host's side: its certificate, and the CA that client certificates must come from."""

    certificate: x509.Certificate
    client_ca: x509.Certificate


class HandshakeFailed(Exception):
    """`error` is what the terminal sees: an exception, or a number for OSError."""

    def __init__(self, error: Exception | int) -> None:
        super().__init__(str(error))
        self.error = error


def handshake(client: ClientTls | None, server: ServerTls | None) -> str | None:
    """The common name of the client's certificate, None without TLS.  Raises HandshakeFailed."""
    if client is None and server is None:
        return None
    if client is None or server is None:
        # One side sends what the other takes for garbage.
        raise HandshakeFailed(104)
    ca = x509.load_der_x509_certificate(client.ca)
    if not _issued(server.certificate, ca):
        raise _rejected("The certificate is not correctly signed by the trusted CA")
    if not _names(server.certificate, client.server_hostname):
        raise _rejected("The certificate Common Name (CN) does not match with the expected CN")
    if client.now < server.certificate.not_valid_before_utc:
        raise _rejected("The certificate validity starts in the future")
    if client.now > server.certificate.not_valid_after_utc:
        raise _rejected("The certificate validity has expired")
    if client.certificate is None:
        raise HandshakeFailed(FATAL_ALERT)
    certificate = x509.load_der_x509_certificate(client.certificate)
    if not _issued(certificate, server.client_ca):
        raise HandshakeFailed(FATAL_ALERT)
    return _common_name(certificate)


def _rejected(why: str) -> HandshakeFailed:
    """mbedTLS's verdict on the server's certificate comes out of MicroPython as ValueError."""
    return HandshakeFailed(ValueError(f"\n{why}\n"))


def _issued(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _names(certificate: x509.Certificate, hostname: str) -> bool:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return _common_name(certificate) == hostname
    names = extension.value.get_values_for_type(x509.DNSName)
    addresses = extension.value.get_values_for_type(x509.IPAddress)
    return hostname in names or hostname in map(str, addresses)


def _common_name(certificate: x509.Certificate) -> str | None:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else None
