"""Rows 65 and 85 of the table in test_ssrf_table: certificates, and no way from https to http.

The fetches run in a child process: which authorities are trusted is read when a process starts.
"""

import asyncio
import json
import os
import ssl
import sys
from dataclasses import dataclass, field
from pathlib import Path

from gateway.media.fetch.fetcher import UNREACHABLE
from tests.authority import DAY, Authority
from tests.media.fetch.servers import OK, World, redirect

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
