"""A certificate authority for tests: it signs certificates of clients, and takes them back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)


class Authority:
    """Writes into ``folder``: ``ca.pem``, its own certificate and the list of the one it took back; and the others."""

    def __init__(self, folder: Path) -> None:
        self.pem = folder / "ca.pem"
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("An authority")
        ca = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        self._own = ca.sign(self._key, hashes.SHA256())
        self.taken_back = self.client("somebody")
        number = x509.load_pem_x509_certificate(self.taken_back[0].read_bytes()).serial_number
        self.pem.write_bytes(self._own.public_bytes(Encoding.PEM) + self._list_of_revoked(number))

    def client(self, cn: str) -> tuple[Path, Path]:
        """Paths of a client's certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_name(cn), key)
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        certificate = builder.add_extension(usage, critical=False).sign(self._key, hashes.SHA256())
        paths = self._folder / f"{certificate.serial_number}.crt", self._folder / f"{certificate.serial_number}.key"
        paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return paths

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            issuer_name=self._name, subject_name=subject, public_key=key.public_key(),
            serial_number=x509.random_serial_number(), not_valid_before=now - DAY, not_valid_after=now + DAY,
        )  # fmt: skip

    def _list_of_revoked(self, number: int) -> bytes:
        now = datetime.now(UTC)
        revoked = x509.RevokedCertificateBuilder(number, now).build()
        found = x509.CertificateRevocationListBuilder(self._name, now - DAY, now + DAY, (), [revoked])
        return found.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _name(cn: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])
