"""Bytes in memory and bytes on disk: nobody can tell them apart, until the disk fails."""

import hashlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import StorageUnavailable
from gateway.media.blob import OFF_LOOP, Blob

LARGE = bytes(range(256)) * (OFF_LOOP // 256) + b"and one more"


async def told(blob: Blob, size: int) -> tuple[int, bytes, bytes, str]:
    return blob.size, await blob.beginning(size), await blob.read(), await blob.digest()


@given(data=st.binary(max_size=200), size=st.integers(0, 250))
async def test_from_memory_and_from_disk_it_reads_the_same(data: bytes, size: int) -> None:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        on_disk = await told(Blob(Path(file.name), len(data)), size)
    assert on_disk == (len(data), data[:size], data, hashlib.sha256(data).hexdigest())
    assert await told(Blob.of(data), size) == on_disk


async def test_large_ones_too(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(LARGE)
    expected = (len(LARGE), LARGE[:5], LARGE, hashlib.sha256(LARGE).hexdigest())
    assert await told(Blob.of(LARGE), 5) == await told(Blob(path, len(LARGE)), 5) == expected


async def test_a_hash_that_is_known_is_not_computed_again(tmp_path: Path) -> None:
    assert await Blob(tmp_path / "never read", 9, "known").digest() == "known"


async def test_a_file_that_is_gone_is_the_gateways_failure_and_no_bug(tmp_path: Path) -> None:
    blob = Blob(tmp_path / "gone", 9)
    for reading in (blob.beginning(3), blob.read(), blob.digest()):
        with pytest.raises(StorageUnavailable) as failed:
            await reading
        assert failed.value.status == 503
        assert isinstance(failed.value.__cause__, FileNotFoundError)
        assert str(tmp_path) not in failed.value.message
