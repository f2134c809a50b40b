"""The scripted upstream beside the load that reads it, over real sockets."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from benchmarks import bodies, load
from benchmarks.axes.trial import ask
from benchmarks.bodies import HEADERS, Call
from benchmarks.load import CHAT, RESPONSES, Form
from benchmarks.process import free_port, running

ROOT = Path(__file__).parents[2]
FEW, FAST = 5, 1000


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    with running(
        [sys.executable, "-m", "benchmarks.upstream", "--port", str(port)],
        cores=os.sched_getaffinity(0),
        port=port,
        ready_path="/stats",
        ready_limit=20.0,
        log=tmp_path_factory.mktemp("upstream") / "output.log",
        env={"PYTHONPATH": str(ROOT)},
    ) as program:
        yield program.port


@pytest.mark.parametrize(
    ("call", "form"),
    [(bodies.stream, CHAT), (bodies.responses_over_chat, RESPONSES)],
    ids=["chat", "responses"],
)
def test_every_token_of_a_stream_is_read(upstream: int, call: Callable[[int, int], Call], form: Form) -> None:
    request = call(FEW, FAST).request(HEADERS)
    tally = load.streams(upstream, request, 3, each=2, spread=0.0, form=form)
    assert (len(tally.delays), len(tally.firsts), tally.open) == (3 * 2 * FEW, 6, 0)
    assert not tally.failures
    assert min(tally.delays) > 0


@pytest.mark.parametrize("call", [bodies.picture, bodies.ark_picture])
def test_it_tells_which_picture_it_got(upstream: int, call: Callable[[str, str], Call]) -> None:
    data = bodies.png(bodies.SIZES["100k"], salt=7)
    assert bodies.text_digest(data).encode() in post(upstream, call(bodies.data_url(data), bodies.DIGEST))


def test_a_large_body_is_weighed_to_the_byte(upstream: int) -> None:
    call = bodies.picture(bodies.data_url(bodies.png(bodies.SIZES["1m"])))
    before = stats(upstream)
    tally = load.one_by_one(upstream, [call.request(HEADERS)] * 3)
    after = stats(upstream)
    assert len(tally.latencies) == after["pictures"] - before["pictures"] == 3
    assert after["body_bytes"] - before["body_bytes"] == 3 * len(call.body)


def test_an_uploaded_picture_is_known_by_its_id(upstream: int) -> None:
    data = bodies.png(bodies.SIZES["100k"], salt=8)
    head = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    form = {"content-type": "multipart/form-data; boundary=b"}
    told = orjson.loads(ask(upstream, "POST", "/api/v3/files", head + data + b"\r\n--b--\r\n", form))
    parts = [{"type": "input_text", "text": "digest"}, {"type": "input_image", "file_id": told["id"]}]
    assert bodies.file_digest(data).encode() in post(upstream, bodies.responses(parts, "ark-vision"))


def post(port: int, call: Call) -> bytes:
    return ask(port, "POST", call.path, call.body, HEADERS)


def stats(port: int) -> dict[str, int]:
    counts: dict[str, int] = orjson.loads(ask(port, "GET", "/stats", None, {}))
    return counts
