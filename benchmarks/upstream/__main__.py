"""`python -m benchmarks.upstream --port N`."""

import asyncio
from argparse import ArgumentParser

import uvloop

from benchmarks import upstream
from benchmarks.upstream.exchange import Exchange
from benchmarks.upstream.files import Shelf
from benchmarks.upstream.seen import Seen


async def serve(port: int) -> None:
    seen, shelf = Seen(), Shelf()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Exchange(seen, shelf), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    parser = ArgumentParser(description=upstream.__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))
