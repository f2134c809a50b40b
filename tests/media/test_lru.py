"""A store within a budget: never more bytes than it allows, and the one not asked for the longest goes first."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.media.lru import Lru

BUDGET = 100
keys = st.sampled_from("abcdefgh")
actions = st.lists(
    st.tuples(st.just("put"), keys, st.integers(1, 30))
    | st.tuples(st.sampled_from(["get", "drop"]), keys, st.just(0)),
    max_size=60,
)


@given(actions)
def test_it_keeps_what_a_plain_list_by_age_would_keep(steps: list[tuple[str, str, int]]) -> None:
    lru: Lru[str, tuple[str, int]] = Lru(BUDGET)
    kept: dict[str, tuple[str, int]] = {}  # the oldest first
    for number, (action, key, size) in enumerate(steps):
        if action == "get":
            assert lru.get(key) == kept.get(key)
            if key in kept:
                kept[key] = kept.pop(key)
            continue
        kept.pop(key, None)
        if action == "drop":
            lru.drop(key)
            continue
        lru.put(key, (str(number), size), size)
        if size * 4 <= BUDGET:
            kept[key] = (str(number), size)
        while sum(one for _, one in kept.values()) > BUDGET:
            del kept[next(iter(kept))]
    assert {key: lru.get(key) for key in "abcdefgh" if lru.get(key)} == kept


def test_the_oldest_goes_first_and_being_asked_for_makes_young() -> None:
    lru: Lru[str, int] = Lru(100)
    for number, key in enumerate("abcd"):
        lru.put(key, number, 25)
    assert lru.get("a") == 0
    lru.put("e", 4, 25)
    assert [key for key in "abcde" if lru.get(key) is not None] == ["a", "c", "d", "e"]


def test_one_that_is_too_large_pushes_nobody_out_and_is_not_kept_in_its_older_form() -> None:
    lru: Lru[str, int] = Lru(100)
    lru.put("a", 1, 25)
    lru.put("b", 2, 25)
    lru.put("b", 3, 26)
    assert (lru.get("a"), lru.get("b")) == (1, None)


def test_without_a_budget_nothing_is_kept() -> None:
    lru: Lru[str, int] = Lru(0)
    lru.put("a", 1, 1)
    assert lru.get("a") is None


def test_what_is_not_there_can_be_dropped() -> None:
    Lru[str, int](100).drop("a")
