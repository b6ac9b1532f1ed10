"""The servers' TLS certificate. A site that has none gets a self-signed one: it encrypts, but proves nobody's name."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sharedbook.domain.errors import InvalidSetting

OWN = "tls.crt"
"""The self-signed certificate's file in the data folder."""

DAYS = 397
"""How long it is valid: longer ones are refused by Apple's systems."""

RENEW_BEFORE = timedelta(days=30)


def self_signed(folder: Path, hosts: Iterable[str]) -> tuple[Path, Path]:
    """Paths of certificate and key (PEM) in ``folder``, made when missing, run out, or without one of ``hosts``."""
    cert, key = folder / OWN, folder / "tls.key"
    names = {"localhost", "127.0.0.1", "::1", socket.gethostname(), *hosts} - {"", "0.0.0.0", "::"}
    if not (cert.exists() and key.exists() and _serves(cert, names)):
        private = ec.generate_private_key(ec.SECP256R1())
        _write(key, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)
        _write(cert, _certificate(private, names).public_bytes(Encoding.PEM), mode=0o644)
    return cert, key


def context(cert: Path, key: Path | None) -> ssl.SSLContext:
    """TLS of a server with this certificate chain and private key. Raises InvalidSetting when they cannot be used."""
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        made.load_cert_chain(cert, key)
    except OSError as error:
        raise InvalidSetting(
            f"tls.cert or tls.key cannot be used: {error.strerror or error}",
            name="tls.cert",
            hint="name a certificate chain and its private key, both PEM, that this user may read",
        ) from None
    return made


def expires(cert: Path) -> datetime:
    """When a certificate (PEM) runs out. Raises OSError, ValueError when it cannot be read."""
    return x509.load_pem_x509_certificate(cert.read_bytes()).not_valid_after_utc


def _serves(cert: Path, names: set[str]) -> bool:
    try:
        found = x509.load_pem_x509_certificate(cert.read_bytes())
        held = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    fresh = found.not_valid_after_utc - RENEW_BEFORE > datetime.now(UTC)
    return fresh and {_general_name(name) for name in names} <= set(held)


def _certificate(private: ec.EllipticCurvePrivateKey, names: set[str]) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sharedbook")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(map(_general_name, sorted(names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return builder.sign(private, hashes.SHA256())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode())


def _write(path: Path, data: bytes, *, mode: int) -> None:
    """Replaces the file in one step; it has its mode from its first byte on."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    beside.replace(path)
