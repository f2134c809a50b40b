"""Requests with a picture: kept as data URL, uploaded once and named by its id, or fetched from its address."""

from collections.abc import Callable

import orjson

from benchmarks import bodies, load
from benchmarks.axes.round_trips import counted, round_trips
from benchmarks.axes.trial import AxisError, Trial, Values
from benchmarks.bodies import DIGEST, Call

CONNECTIONS = 4
BODY_WITHOUT_PICTURE = 2048


def kept(trial: Trial, size: int) -> Values:
    """The picture arrives as the data URL as which it came."""
    url = bodies.data_url(bodies.png(size))
    check(trial, bodies.picture(url, DIGEST), bodies.text_digest(bodies.png(size)))
    call = bodies.picture(url)
    trial.warm_up([call], CONNECTIONS, answers=3)
    return round_trips(trial, [call], CONNECTIONS, trial.scale.brief, with_pictures(size))


def fetched(trial: Trial, size: int, name: str) -> Values:
    """The picture stands at the upstream, each caller's at an address of its own: concurrent fetches of one address
    may be made once."""
    addresses = [
        f"http://127.0.0.1:{trial.upstream.port}/pictures/{name}.png?caller={i}" for i in range(CONNECTIONS)
    ]
    check(trial, bodies.picture(addresses[0], DIGEST), bodies.text_digest(bodies.png(size)))
    calls = [bodies.picture(address) for address in addresses]
    trial.warm_up(calls, CONNECTIONS, answers=3)
    whole = with_pictures(size)
    return round_trips(
        trial, calls, CONNECTIONS, trial.scale.brief, lambda seen: min(whole(seen), seen["fetches"])
    )


def uploaded(trial: Trial, size: int) -> Values:
    """Ark takes file ids: a picture is uploaded the first time, and named from then on."""
    warm = bodies.ark_picture(bodies.data_url(bodies.png(size)), DIGEST)
    check(trial, warm, bodies.file_digest(bodies.png(size)))
    calls = [
        bodies.ark_picture(bodies.data_url(bodies.png(size, salt + 1))) for salt in range(trial.scale.firsts)
    ]
    first = first_time(trial, calls, size)
    again = round_trips(trial, calls[:1], 1, trial.scale.brief, by_file_id)
    return {"first_ms": first["p50_ms"], **again, "failed": first["failed"] + again["failed"]}


def first_time(trial: Trial, calls: list[Call], size: int) -> Values:
    requests = [trial.request(call) for call in calls]
    length = size * 3 // 4
    observed = trial.observe(lambda port: load.one_by_one(port, requests))
    return counted(
        observed, lambda seen: min(seen["uploads"], seen["upload_bytes"] // length, seen["file_ids"])
    )


def sent_along(trial: Trial, size: int) -> Values:
    """The same body by one caller, for those who relay it as it is."""
    call = bodies.ark_picture(bodies.data_url(bodies.png(size)))
    trial.warm_up([call], 1, answers=3)
    return round_trips(trial, [call], 1, trial.scale.brief, with_pictures(size))


def upload(trial: Trial, size: int) -> Values:
    return uploaded(trial, size) if trial.subject.name == "arkway" else sent_along(trial, size)


def check(trial: Trial, call: Call, digest: str) -> None:
    """The picture that arrives is the one that was sent: told by the upstream, once per start."""
    answer = orjson.loads(trial.ask(call))
    told = answer["choices"][0]["message"]["content"] if "choices" in answer else text(answer)
    if told != digest:
        raise AxisError("the picture did not arrive as it was sent")


def text(response: dict[str, list[dict[str, list[dict[str, str]]]]]) -> str:
    return response["output"][0]["content"][0]["text"]


def with_pictures(size: int) -> Callable[[Values], float]:
    return lambda seen: min(seen["pictures"], seen["body_bytes"] // size)


def by_file_id(seen: Values) -> float:
    """How many requests named a file and sent no picture; none, where one was sent."""
    if seen["uploads"] or seen["pictures"] or seen["body_bytes"] > seen["responses"] * BODY_WITHOUT_PICTURE:
        return 0
    return seen["file_ids"]
