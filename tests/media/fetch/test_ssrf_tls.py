"""Rows 65 and 85 of the table in test_ssrf_table: certificates, and no way from https to http.

The fetches run in a child process: which authorities are trusted is read when a process starts.
"""

import asyncio
import datetime
import json
import os
import ssl
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.media.fetch.fetcher import UNREACHABLE
from tests.media.fetch.servers import OK, World, redirect

x509 = pytest.importorskip("cryptography.x509")
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

CHILD = """
import asyncio, json, sys
from gateway.media.fetch.fetcher import Fetcher, FetchFailed
from gateway.media.fetch.guard import AllowList
from tests.media.fetch.servers import LIMITS, Names

async def main():
    fetcher = Fetcher(LIMITS, AllowList.parse(["host.test"]), resolver=Names(host_test=[["127.0.0.1"]]))
    for url in sys.argv[1:]:
        try:
            print(json.dumps((await fetcher.fetch(url)).content_type))
        except FetchFailed as failed:
            print(json.dumps(failed.reason))
    await fetcher.close()

asyncio.run(main())
"""
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
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
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


@dataclass
class Named:
    """The names by which a server was asked for in the TLS handshake."""

    names: list[str | None] = field(default_factory=list)

    def __call__(self, _: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        self.names.append(name)


async def fetched(authority: Path, *urls: str) -> list[str]:
    """What a process that trusts the authority says of each URL: the type of its body, or the reason."""
    root = Path(__file__).parents[3]
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CHILD, *urls),
        cwd=root,
        env=os.environ | {"SSL_CERT_FILE": str(authority)},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await child.communicate()
    return [json.loads(line) for line in out.splitlines()]


async def test_rows_65_85_certificates_and_downgrades(world: World, tmp_path: Path) -> None:
    (tmp_path / "stranger").mkdir()
    authority, stranger = Authority(tmp_path), Authority(tmp_path / "stranger")
    good, named = authority.server("host.test"), Named()
    good.sni_callback = named
    plain = await world.server(OK)
    trusted = await world.server(OK, ssl=good)
    downgrade = await world.server(redirect(f"http://host.test:{plain.port}/"), ssl=good)
    refused = [
        await world.server(OK, ssl=context)
        for context in (
            authority.server("other.test"),
            authority.server("host.test", -DAY),
            stranger.server("host.test"),
        )
    ]
    urls = [f"https://host.test:{server.port}/" for server in (trusted, downgrade, *refused)]
    assert await fetched(authority.file, *urls) == [
        "image/png",
        "it redirects from https to http",
        *[UNREACHABLE] * 3,
    ]
    assert named.names == ["host.test"] * 2
    assert [len(server.requests) for server in (trusted, downgrade, *refused, plain)] == [1, 1, 0, 0, 0, 0]
