"""Certificates for servers of the tests. Where the package that makes them is missing, such tests are skipped."""

import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import pytest

x509 = pytest.importorskip("cryptography.x509")
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

DAY = datetime.timedelta(days=1)


class Authority:
    """Signs certificates of servers. Strict checks want all of these extensions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
        usage = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"), False
        ) | dict.fromkeys(("key_agreement", "crl_sign", "encipher_only", "decipher_only"), False)
        builder = (
            self._builder(self.name, self.key, DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(key_cert_sign=True, **usage), critical=True)
        )
        self.file = folder / "authority.pem"
        self.file.write_bytes(
            builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )

    def server(self, host: str, until: datetime.timedelta = DAY) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        builder = (
            self._builder(name, key, until)
            .add_extension(x509.SubjectAlternativeName([_named(host)]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
        )
        pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        file = self.folder / f"{host}{until.days}.pem"
        file.write_bytes(
            builder.sign(self.key, hashes.SHA256()).public_bytes(pem)
            + key.private_bytes(pem, private, serialization.NoEncryption())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _builder(self, subject: Any, key: Any, until: datetime.timedelta) -> Any:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .issuer_name(self.name)
            .subject_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 3 * DAY)
            .not_valid_after(now + until)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )


def _named(host: str) -> Any:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
