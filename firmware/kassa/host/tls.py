"""TLS towards the host: our certificate, our one CA, and never without verification.

Stock MicroPython speaks TLS 1.2.  `ssl.SSLContext` there starts without verification, so it is
switched on here, in the one place that makes contexts.
"""

import ssl

from kassa.host.errors import NotProvisioned

FOLDER = "/tls"


def client_context(folder: str = FOLDER) -> ssl.SSLContext:
    """A context from ca.der, client.der and key.der in `folder`.  Raises NotProvisioned."""
    certificate = _read(folder + "/client.der")
    key = _read(folder + "/key.der")
    ca = _read(folder + "/ca.der")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(cadata=ca)
    except (OSError, ValueError):
        raise NotProvisioned(folder + " holds no valid certificates; provision the terminal")
    return context


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        raise NotProvisioned(path + " is missing; provision the terminal")
