"""curl, as people paste it from a vendor's page."""

import asyncio


async def curl(*arguments: str) -> bytes:
    """What curl prints; it fails the test where curl itself fails."""
    command = ("curl", "--silent", "--show-error", "--max-time", "20", *arguments)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out
