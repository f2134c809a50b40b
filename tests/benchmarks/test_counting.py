"""What does not count: answers, tokens and pictures that the upstream did not see, and numbers that mislead."""

from collections import Counter

import pytest

from benchmarks.axes import pictures, round_trips, streams
from benchmarks.axes.streams import RELAYED, Pace
from benchmarks.axes.trial import Observation, Values
from benchmarks.load import Tally
from benchmarks.samples import Sample, Samples
from benchmarks.targets import DOUBTFUL, MISS, PASS, UNKNOWN, Figure, Target, ratio, verdict

CPU = ratio("CPU per chunk", "streams-200", "cpu_us", "nginx", most=2)
RATE = ratio("requests/s", "json", "rate", "nginx", least=0.5)
PACED = {"pace": 1.0, "p50_ms": 1.0, "cpu_us": 10.0}


def samples(axis: str, **subjects: Values) -> Samples:
    return Samples(Sample(0, name, axis, values, 1.0) for name, values in subjects.items())


def observed(tally: Tally, **seen: float) -> Observation:
    return Observation(tally, seen, subject_seconds=1.0, cores={})


def test_an_answer_that_the_upstream_did_not_see_fails() -> None:
    tally = Tally(seconds=2.0, latencies=[0.1] * 10)
    values = round_trips.counted(observed(tally, chats=8), lambda seen: seen["chats"])
    assert (values["rate"], values["failed"]) == (4.0, 2)


def test_a_token_that_the_upstream_did_not_send_is_lost() -> None:
    tally = Tally(delays=[0.001] * 100, firsts=[0.01], paces=[50.0])
    values = streams.counted(observed(tally, chunks=90, chats=1), Pace(1), RELAYED)
    assert (values["lost"], values["failed"], values["cpu_us"]) == (10, 0, 1e6 / 90)


def test_a_stream_of_another_api_than_expected_fails() -> None:
    tally = Tally(delays=[0.001] * 100, firsts=[0.01], paces=[50.0], failures=Counter({"HTTP 500": 1}))
    assert streams.counted(observed(tally, chunks=100, chats=0), Pace(1), RELAYED)["failed"] == 2


REPEATED = {"uploads": 0, "pictures": 0, "body_bytes": 400, "responses": 2, "file_ids": 2}


@pytest.mark.parametrize(
    ("seen", "counted"),
    [
        ({}, 2),
        ({"uploads": 1}, 0),
        ({"pictures": 1}, 0),
        ({"body_bytes": 1 << 20}, 0),
        ({"file_ids": 1}, 1),
    ],
)
def test_a_repeated_picture_counts_by_its_id_alone(seen: Values, counted: int) -> None:
    assert pictures.by_file_id({**REPEATED, **seen}) == counted


def test_a_target_is_met_or_missed() -> None:
    assert verdict(CPU, samples("streams-200", arkway={**PACED, "cpu_us": 19}, nginx=PACED)).word == PASS
    assert verdict(CPU, samples("streams-200", arkway={**PACED, "cpu_us": 21}, nginx=PACED)).word == MISS


@pytest.mark.parametrize("late", [{"pace": 0.94}, {"p50_ms": 12.0}])
def test_the_cpu_of_held_back_tokens_does_not_count(late: Values) -> None:
    direct = {"p50_ms": 1.0}
    slow_peer = samples("streams-200", direct=direct, arkway=PACED, nginx={**PACED, **late})
    assert (verdict(CPU, slow_peer).word, verdict(CPU, slow_peer).value) == (UNKNOWN, None)
    slow = samples("streams-200", direct=direct, arkway={**PACED, **late}, nginx=PACED)
    assert (verdict(CPU, slow).word, verdict(CPU, slow).value) == (MISS, None)


def test_a_lost_token_is_a_miss_whatever_the_figure() -> None:
    target = Target("KB for each stream", Figure("streams-1000", "each_kb"), most=60)
    fine = {**PACED, "each_kb": 20.0, "open": 1000.0, "streams": 1000.0}
    assert verdict(target, samples("streams-1000", arkway=fine)).word == PASS
    assert verdict(target, samples("streams-1000", arkway={**fine, "lost": 1.0})).word == MISS
    assert verdict(target, samples("streams-1000", arkway={**fine, "open": 999.0})).word == MISS


def test_a_peer_that_the_load_held_down_leaves_a_doubt() -> None:
    peer = {"rate": 100.0, "load_cpu": 0.99, "subject_cpu": 0.8}
    assert verdict(RATE, samples("json", arkway={"rate": 90.0}, nginx=peer)).word == DOUBTFUL
    assert verdict(RATE, samples("json", arkway={"rate": 90.0}, nginx={**peer, "load_cpu": 0.5})).word == PASS


def test_a_shared_machine_leaves_a_doubt() -> None:
    shared = {"rate": 90.0, "others_cpu": 0.5}
    assert verdict(RATE, samples("json", arkway=shared, nginx={"rate": 100.0})).word == DOUBTFUL


def test_what_is_added_is_told_within_each_round() -> None:
    rounds = [
        ("direct", 0, 1.0),
        ("arkway", 0, 3.0),
        ("arkway", 1, 9.0),
        ("direct", 2, 5.0),
        ("arkway", 2, 6.0),
    ]
    found = Samples(Sample(number, name, "latency", {"p50_ms": ms}, 1.0) for name, number, ms in rounds)
    assert found.added("latency", "arkway", "p50_ms") == [2.0, 1.0]
