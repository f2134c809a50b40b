"""From the caller's model name to its places: names, patterns, weights, what an entry adds, and who is left out."""

import copy
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.ark import Ark
from gateway.backends.modelarts import ModelArts
from gateway.errors import InvalidRequest
from gateway.routing import Candidate, Router, drawn_first, matcher
from tests.strategies import json_values

ARK = Ark("ark", "https://ark.example.com", None)
MAAS = ModelArts("maas", "https://maas.example.com", None)
IMAGE_PROCESS = {"type": "image_process", "point": {"type": "enabled"}}


def places(
    router: Router, name: str, api: str = "chat", chance: float = 0.0, **body: object
) -> list[tuple[str, str]]:
    found = router.resolve(name, api, body, chance)  # type: ignore[arg-type]
    return [(one.backend.name, one.model) for one in found]


ROUTER = Router(
    {
        "vision": [Candidate(ARK, "doubao-seed-1-6-vision-250815")],
        "doubao-*": [Candidate(ARK, "")],
        "doubao-seed-*": [Candidate(ARK, "all-seeds")],
        "*-vl": [Candidate(MAAS, "")],
        "doubao-exact": [Candidate(MAAS, "exact")],
        "mixed": [Candidate(MAAS, "qwen", 2.0), Candidate(ARK, "doubao", 1.0)],
    }
)


def test_an_exact_name_goes_to_its_place_under_the_name_there() -> None:
    assert places(ROUTER, "vision") == [("ark", "doubao-seed-1-6-vision-250815")]


def test_an_exact_name_goes_before_a_pattern() -> None:
    assert places(ROUTER, "doubao-exact") == [("maas", "exact")]


def test_a_pattern_passes_the_name_on() -> None:
    assert places(ROUTER, "doubao-1-5-pro") == [("ark", "doubao-1-5-pro")]
    assert places(ROUTER, "qwen-vl") == [("maas", "qwen-vl")]


def test_the_pattern_with_most_letters_of_its_own_wins() -> None:
    assert places(ROUTER, "doubao-seed-2") == [("ark", "all-seeds")]
    assert places(ROUTER, "doubao-vl") == [("ark", "doubao-vl")]


def test_letters_case_counts() -> None:
    with pytest.raises(InvalidRequest):
        ROUTER.resolve("Vision", "chat", {}, 0.0)


def test_an_unknown_model_is_a_404_that_names_the_nearest() -> None:
    with pytest.raises(InvalidRequest) as caught:
        ROUTER.resolve("visoin", "chat", {}, 0.0)
    error = caught.value
    assert (error.status, error.code, error.param) == (404, "model_not_found", "model")
    assert error.message.startswith("The model `visoin` does not exist. The nearest known: vision")


def test_a_name_like_none_of_them_still_hears_of_some() -> None:
    with pytest.raises(InvalidRequest, match="The nearest known: vision, doubao-exact, mixed"):
        ROUTER.resolve("zzzzzzzzzz", "chat", {}, 0.0)


def test_without_models_that_is_said() -> None:
    with pytest.raises(InvalidRequest, match="No models are configured"):
        Router({}).resolve("x", "chat", {}, 0.0)


def test_only_places_that_have_the_api_are_tried() -> None:
    assert places(ROUTER, "mixed", "multimodal") == [("ark", "doubao")]


def test_a_place_that_serves_the_api_by_another_is_tried() -> None:
    assert places(ROUTER, "mixed", "responses") == [("maas", "qwen"), ("ark", "doubao")]


def test_an_api_that_no_place_has_is_refused_with_the_reason() -> None:
    with pytest.raises(InvalidRequest, match="Huawei ModelArts") as caught:
        ROUTER.resolve("qwen-vl", "multimodal", {}, 0.0)
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "unsupported_api", "model")


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("chance", [0.0, 0.99])
def test_a_place_that_refuses_a_tool_is_left_out_where_another_takes_it(api: str, chance: float) -> None:
    function = {"type": "function", "name": "f"}
    both = [("maas", "qwen"), ("ark", "doubao")]
    found = places(ROUTER, "mixed", api, chance, tools=[function, IMAGE_PROCESS])
    assert found == [("ark", "doubao")]
    assert sorted(places(ROUTER, "mixed", api, chance, tools=[function])) == sorted(both)


def test_a_tool_that_every_place_refuses_leaves_them_all() -> None:
    router = Router({"maas": [Candidate(MAAS, "one"), Candidate(MAAS, "two")]})
    assert places(router, "maas", tools=[IMAGE_PROCESS]) == [("maas", "one"), ("maas", "two")]
    assert places(ROUTER, "qwen-vl", tools=[IMAGE_PROCESS]) == [("maas", "qwen-vl")]


def test_a_place_whose_own_entry_adds_a_tool_that_it_refuses_is_left_out() -> None:
    router = Router({"m": [Candidate(MAAS, "qwen", tools=(IMAGE_PROCESS,)), Candidate(ARK, "doubao")]})
    assert places(router, "m") == [("ark", "doubao")]


def test_an_api_without_tools_has_none_to_refuse() -> None:
    both = [("maas", "qwen"), ("ark", "doubao")]
    assert places(ROUTER, "mixed", "images", tools=[IMAGE_PROCESS]) == both


@given(json_values)
def test_no_tools_crash_the_routing(tools: object) -> None:
    assert places(ROUTER, "mixed", "chat", tools=tools)


@pytest.mark.parametrize(
    ("chance", "first"), [(0.0, "qwen"), (0.66, "qwen"), (0.67, "doubao"), (0.999, "doubao")]
)
def test_the_first_place_is_drawn_by_weight_and_the_rest_fall_back(chance: float, first: str) -> None:
    drawn = [model for _, model in places(ROUTER, "mixed", "chat", chance)]
    assert drawn == [first, *({"qwen", "doubao"} - {first})]


@given(st.lists(st.floats(0, 10), min_size=1, max_size=5), st.floats(0, 1, exclude_max=True))
def test_drawing_loses_no_place_and_keeps_the_order_of_the_others(
    weights: list[float], chance: float
) -> None:
    candidates = [Candidate(ARK, str(i), weight) for i, weight in enumerate(weights)]
    drawn = drawn_first(candidates, chance)
    assert sorted(drawn, key=candidates.index) == candidates
    assert sorted(drawn[1:], key=candidates.index) == drawn[1:]
    assert drawn[0].weight > 0 or sum(weights) < 1e-300 or not any(weights)


def test_draws_follow_the_weights() -> None:
    candidates = [Candidate(ARK, "a", 3.0), Candidate(ARK, "never", 0.0), Candidate(ARK, "b", 1.0)]
    drawn = Counter(drawn_first(candidates, i / 1000)[0].model for i in range(1000))
    assert drawn == {"a": 750, "b": 250}


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("*", ["", "a", "a\nb"], []),
        ("a*", ["a", "ab"], ["ba", "A"]),
        ("*a*", ["bab", "a"], ["b"]),
        ("a.b", ["a.b"], ["axb"]),
        ("[a]", ["[a]"], ["a"]),
    ],
)
def test_in_a_pattern_only_the_star_is_special(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    assert all(matcher(pattern)(name) for name in fits)
    assert not any(matcher(pattern)(name) for name in fits_not)


def test_the_lists_for_users_keep_names_and_patterns_apart() -> None:
    assert ROUTER.names == ("vision", "doubao-exact", "mixed")
    assert ROUTER.patterns == ("doubao-seed-*", "doubao-*", "*-vl")
    assert [backend.name for backend in ROUTER.backends("doubao-*")] == ["ark"]
    assert [backend.name for backend in ROUTER.backends("mixed")] == ["maas", "ark"]


def test_an_entrys_tool_is_added_and_told() -> None:
    prepared = Candidate(ARK, "up", tools=(IMAGE_PROCESS,)).prepare(
        "responses", {"model": "m", "input": "x"}, {}
    )
    assert prepared.body == {"model": "up", "input": "x", "tools": [IMAGE_PROCESS]}
    assert prepared.headers == {"ark-beta-image-process": "true"}
    assert [change.what for change in prepared.changes] == [
        "add-tool:image_process",
        "add-header:ark-beta-image-process",
    ]
    assert all(change.why for change in prepared.changes)


@pytest.mark.parametrize("tools", [None, []])
def test_no_tools_of_the_callers_leave_the_entrys(tools: object) -> None:
    prepared = Candidate(ARK, "up", tools=(IMAGE_PROCESS,)).prepare("responses", {"tools": tools}, {})
    assert prepared.body["tools"] == [IMAGE_PROCESS]


def test_the_callers_tools_come_first_and_its_own_settings_of_a_tool_win() -> None:
    own = [{"type": "function", "name": "f"}, {"type": "image_process", "zoom": {"type": "disabled"}}]
    candidate = Candidate(ARK, "up", tools=(IMAGE_PROCESS,))
    assert candidate.prepare("responses", {"tools": own}, {}).body["tools"] == own
    assert candidate.prepare("responses", {"tools": own[:1]}, {}).body["tools"] == [own[0], IMAGE_PROCESS]


def test_the_entrys_tools_join_those_of_its_extra_fields() -> None:
    function = {"type": "function", "name": "f"}
    candidate = Candidate(ARK, "up", tools=(IMAGE_PROCESS,), extra={"tools": [function]})
    assert candidate.prepare("responses", {}, {}).body["tools"] == [function, IMAGE_PROCESS]


def test_a_rule_of_the_backend_sees_the_entrys_tools() -> None:
    candidate = Candidate(ARK, "up", tools=(IMAGE_PROCESS,))
    assert "caching" not in candidate.prepare("responses", {"caching": {"type": "enabled"}}, {}).body
    with pytest.raises(InvalidRequest) as caught:
        candidate.prepare("responses", {"tools": [{"type": "web_search"}]}, {})
    assert caught.value.param == "tools[0]"


def test_extra_fields_stand_where_the_caller_set_none() -> None:
    candidate = Candidate(
        ARK, "up", extra={"temperature": 0.1, "thinking": {"type": "disabled"}, "model": "not this"}
    )
    body = candidate.prepare(
        "chat", {"model": "m", "temperature": 0.9, "thinking": None, "stop": None}, {}
    ).body
    assert body == {"model": "up", "temperature": 0.9, "thinking": {"type": "disabled"}, "stop": None}


def test_the_callers_own_beta_header_wins() -> None:
    candidate = Candidate(ARK, "up")
    forwarded = {"ark-beta-image-process": "false", "x-client-request-id": "abc"}
    prepared = candidate.prepare("responses", {"tools": [IMAGE_PROCESS]}, forwarded)
    assert (prepared.headers, prepared.changes) == (forwarded, ())


@pytest.mark.parametrize("tools", [True, 5, "image_process", {"type": "image_process"}])
def test_tools_that_are_no_list_are_refused(tools: object) -> None:
    for entry in ((), (IMAGE_PROCESS,)):
        with pytest.raises(InvalidRequest) as caught:
            Candidate(ARK, "up", tools=entry).prepare("responses", {"tools": tools}, {})
        assert (caught.value.param, caught.value.code) == ("tools", "invalid_type")


@given(st.dictionaries(st.sampled_from(["messages", "temperature", "x"]), json_values))
def test_neither_the_callers_body_nor_the_entry_is_changed(body: dict[str, object]) -> None:
    candidate = Candidate(MAAS, "up", tools=({"type": "function"},), extra={"temperature": 1, "y": [1]})
    before, entry = copy.deepcopy(body), copy.deepcopy(candidate.tools)
    candidate.prepare("chat", body, {})
    assert (body, candidate.tools, candidate.extra) == (before, entry, {"temperature": 1, "y": [1]})


def test_a_part_that_points_to_nothing_is_named_as_the_caller_knows_it() -> None:
    body = {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "no picture"}]}]}
    prepared = Candidate(MAAS, "up").prepare("responses", body, {})
    assert prepared.api == "chat"
    with pytest.raises(InvalidRequest) as caught:
        prepared.media("responses")
    assert caught.value.param == "input[0].content[0].image_url"
