"""Ark fetches http(s) pictures by itself; the simulator does so from this machine alone."""

import asyncio
import ipaddress
from urllib.parse import urlsplit

import aiohttp

from gateway.simulator.ark.errors import ArkError, invalid
from gateway.simulator.ark.gallery import stand_in

_PATIENCE = aiohttp.ClientTimeout(total=5)


async def download(url: str) -> bytes:
    picture = await asyncio.to_thread(stand_in, url)
    if picture is not None:
        return picture
    if not _is_loopback(url):
        raise _timeout(url)
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise invalid(f"Error while downloading url={url}, status code: {response.status}.", type="")
            return await response.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _timeout(url) from error


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _timeout(url: str) -> ArkError:
    return invalid(f"Timeout while downloading url={url}.", type="")
