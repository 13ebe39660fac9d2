"""The shop's own certificate authority: it says to the acquirer which terminals are the shop's.

    $KASSA_HOME/ca/ca.pem       its certificate, which the acquirer is given
    $KASSA_HOME/ca/ca.key.pem   its private key, for its owner alone
    $KASSA_HOME/ca/issued/      a copy of each certificate that it gave to a terminal

ECDSA on P-256 with SHA-256 throughout: small on the chip, fast in the handshake, and what the
mbedTLS of stock MicroPython takes.  A terminal's private key is made here, goes to the terminal
over the cable, and is kept nowhere else.
"""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from host_tools import shop
from host_tools.shop import ShopError

_CA_YEARS, _TERMINAL_YEARS = 20, 5
_RENEW_DAYS = 60
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Credentials:
    """A terminal's certificate and private key (PKCS#8), both DER."""

    certificate: bytes
    key: bytes


class ShopCa:
    """The CA in `folder`, by default the shop's; made at first need.  Raises ShopError."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or shop.home() / "ca"
        self.path = self.folder / "ca.pem"
        self._key_path = self.folder / "ca.key.pem"
        try:
            (self.folder / "issued").mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.path.exists():
                self._make()
            self.certificate = x509.load_pem_x509_certificate(self.path.read_bytes())
            key = serialization.load_pem_private_key(self._key_path.read_bytes(), password=None)
        except OSError as error:
            raise ShopError(f"{error.filename or self.folder}: {error.strerror}") from error
        except ValueError as error:
            raise ShopError(f"{self.folder}: no certificate and key of a CA: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or (
            key.public_key() != self.certificate.public_key()
        ):
            raise ShopError(f"{self._key_path}: not the key of {self.path}")
        self._key = key

    def issue(self, terminal_id: str) -> Credentials:
        """A new key and a certificate for a terminal, whose common name is its identifier."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(terminal_id, self.certificate.subject, key.public_key(), _TERMINAL_YEARS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage(signs=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        name = f"{terminal_id}-{certificate.serial_number:x}.pem"
        write_private(
            self.folder / "issued" / name, certificate.public_bytes(serialization.Encoding.PEM)
        )
        return Credentials(
            certificate.public_bytes(serialization.Encoding.DER),
            key.private_bytes(
                serialization.Encoding.DER,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )

    def still_good(self, certificate: bytes, terminal_id: str) -> bool:
        """Whether a terminal may go on with its certificate (DER): ours, its own, not near its
        end.
        """
        try:
            found = x509.load_der_x509_certificate(certificate)
            found.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        left = found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
        return common_name(found) == terminal_id and left > _RENEW_DAYS * _DAY

    def issued(self) -> list[x509.Certificate]:
        """Every certificate given to a terminal, the oldest first."""
        found = [
            x509.load_pem_x509_certificate(path.read_bytes())
            for path in (self.folder / "issued").glob("*.pem")
        ]
        return sorted(found, key=lambda one: one.not_valid_before_utc)

    def _make(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Kassa shop CA")])
        certificate = (
            _builder("Kassa shop CA", name, public, _CA_YEARS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(key_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_private(self._key_path, private)
        write_private(self.path, certificate.public_bytes(serialization.Encoding.PEM))


def common_name(certificate: x509.Certificate) -> str:
    """Whose certificate it is."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _builder(
    name: str, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, years: int
) -> x509.CertificateBuilder:
    # From yesterday on: a terminal's clock may be a little behind.
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + years * 365 * _DAY)
    )


def key_usage(signs: bool) -> x509.KeyUsage:
    """What the key of a certificate is for: to sign certificates, or to prove who its owner is."""
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def write_private(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, for its owner alone."""
    new = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    new.replace(path)
