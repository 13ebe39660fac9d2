"""The sandbox's certificates: one CA, the acquirer's server certificate, one client certificate a
terminal.

ECDSA on P-256 with SHA-256 throughout: small on the chip, fast in the handshake, and accepted by
the mbedTLS that MicroPython ships.  Everything lives in one folder and is made once; the private
keys never leave the machine that made them, which is why none of them is in the repository.

    ca.der  ca.key.der  server.der  server.key.der  server.pem
    terminals/KASSA001.der  terminals/KASSA001.key.der

Validity is 2020-01-01 to 2049-12-31, so that a chip whose clock was restored to any sensible date
can connect.
"""

from __future__ import annotations

import datetime
import fcntl
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from host_tools.ca import key_usage, write_private

DEFAULT_FOLDER = Path("build/sandbox-pki")
SERVER_NAME = "acquirer.kassa.test"
NOT_BEFORE = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
NOT_AFTER = datetime.datetime(2049, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class TerminalFiles:
    """What a terminal needs under /tls, all DER: the CA it pins, its certificate and its private
    key (PKCS#8).
    """

    ca: bytes
    client: bytes
    key: bytes

    def as_files(self) -> dict[str, bytes]:
        """Path on the device -> content."""
        return {
            "/tls/ca.der": self.ca,
            "/tls/client.der": self.client,
            "/tls/key.der": self.key,
        }


class Pki:
    """The certificates in `folder`; what is missing is made."""

    def __init__(self, folder: Path | str = DEFAULT_FOLDER) -> None:
        self.folder = Path(folder)
        (self.folder / "terminals").mkdir(parents=True, exist_ok=True)
        # Two simulators may start at once on one machine; only one of them makes the CA.
        with open(self.folder / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (self.folder / "server.pem").exists():
                self._make_ca()
                self._make_server()

    @property
    def ca_pem(self) -> str:
        """The CA certificate, for `ssl.SSLContext.load_verify_locations(cadata=)`."""
        return self.ca.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def ca(self) -> x509.Certificate:
        return x509.load_der_x509_certificate((self.folder / "ca.der").read_bytes())

    @property
    def server_pem(self) -> Path:
        """Certificate and private key in one PEM file, for `ssl.SSLContext.load_cert_chain`."""
        return self.folder / "server.pem"

    @property
    def server(self) -> x509.Certificate:
        return x509.load_der_x509_certificate((self.folder / "server.der").read_bytes())

    def terminal(self, terminal_id: str) -> TerminalFiles:
        """The files for `/tls` of one terminal; its certificate's common name is the terminal
        identifier.
        """
        stem = self.folder / "terminals" / terminal_id
        with open(self.folder / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not stem.with_suffix(".key.der").exists():
                self._issue(stem, terminal_id, ExtendedKeyUsageOID.CLIENT_AUTH, [])
        return TerminalFiles(
            (self.folder / "ca.der").read_bytes(),
            stem.with_suffix(".der").read_bytes(),
            stem.with_suffix(".key.der").read_bytes(),
        )

    def _make_ca(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Kassa sandbox CA")
        public = key.public_key()
        certificate = (
            _builder(name, name, public)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(key_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(key, hashes.SHA256())
        )
        write_private(self.folder / "ca.der", certificate.public_bytes(serialization.Encoding.DER))
        write_private(self.folder / "ca.key.der", _private_der(key))

    def _make_server(self) -> None:
        names: list[x509.GeneralName] = [
            x509.DNSName(SERVER_NAME),
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
        stem = self.folder / "server"
        certificate, key = self._issue(stem, SERVER_NAME, ExtendedKeyUsageOID.SERVER_AUTH, names)
        pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_private(self.folder / "server.pem", pem)

    def _issue(
        self,
        stem: Path,
        common_name: str,
        usage: x509.ObjectIdentifier,
        names: list[x509.GeneralName],
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        ca_key = serialization.load_der_private_key(
            (self.folder / "ca.key.der").read_bytes(), password=None
        )
        assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(_name(common_name), self.ca.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()),
                critical=False,
            )
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(ca_key, hashes.SHA256())
        write_private(
            stem.with_suffix(".der"), certificate.public_bytes(serialization.Encoding.DER)
        )
        write_private(stem.with_suffix(".key.der"), _private_der(key))
        return certificate, key


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
    )


def _private_der(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
