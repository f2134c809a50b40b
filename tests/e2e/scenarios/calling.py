"""What a model does besides talking: it calls functions, keeps to a schema, reasons, refuses, and runs into limits."""

import orjson

from .conversing import BLUE, CHINESE, ESCAPES, FAMILY, GREEN, RED, SLOW
from .scenario import Scenario, Turn, calling, function, one, says, user
from .talk import Heard, Json, Output, Picture

THINKING: Json = {"extra_body": {"thinking": {"type": "enabled"}}}
NOT_THINKING: Json = {"extra_body": {"thinking": {"type": "disabled"}}}
CITY = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Paris"]}}, "required": ["city"]}
FOUND = {"type": "object", "properties": {"colour": {"const": "red"}, "count": {"type": "integer"}}}
FOUND_FORMAT: Json = {"format": {"name": "found", "schema": FOUND, "strict": True}}
TOOLS: Json = {"functions": [function("look", CITY), function("count")]}
LOOK, COUNT = ("look", '{"city":"Paris"}'), ("count", "{}")
LONG = orjson.dumps({"points": [[i, i * i] for i in range(300)], "name": CHINESE}).decode()
UNICODE = orjson.dumps({"city": "北京市 🏙️ " + FAMILY, "note": ESCAPES}).decode()
SPACED = '{\n  "city" : "Paris",\n  "n" : 1.50\n}'


def chosen(name: str, text: str, heard: Heard, **settings: object) -> Scenario:
    """The simulated model calls as it is told by the text and by ``tool_choice``."""
    turn = Turn((user(text),), heard, {"thought": ""})
    return Scenario(name, (turn,), {**TOOLS, **settings})


def given(call: int, *parts: str | Picture) -> Output:
    return Output(call, parts, whole=False)


NOTHING_CALLED = 'I see 0 pictures in 1 message.\norder: user: text "call look"\nlast user text: "call look"'

CALLS = [
    one("one call", calling(LOOK), settings=TOOLS),
    one("one call cut at every byte", calling(LOOK), SLOW, settings=TOOLS),
    one("two calls side by side", calling(LOOK, COUNT), settings=TOOLS),
    one("three calls of one function", calling(LOOK, LOOK, LOOK), settings=TOOLS),
    one("a call after text", calling(LOOK, text="Let me look. 看看。"), settings=TOOLS),
    one("a call after reasoning", calling(LOOK, thought="I must look."), settings=TOOLS),
    one("calls after reasoning and text", calling(COUNT, LOOK, text="Well.", thought="Hm."), settings=TOOLS),
    one("arguments of an empty object", calling(COUNT), settings=TOOLS),
    one("no arguments", calling(("count", "")), settings=TOOLS),
    one("long arguments", calling(("look", LONG)), settings=TOOLS),
    one("arguments of every character", calling(("look", UNICODE)), settings=TOOLS),
    one("arguments cut at every byte", calling(("look", UNICODE), COUNT), SLOW, settings=TOOLS),
    one("arguments with blanks", calling(("look", SPACED)), settings=TOOLS),
    one("arguments cut short", calling(COUNT, ("look", '{"city":"Pa'), finish="length"), settings=TOOLS),
    chosen("a function of the model's choice", "call look", calling(LOOK)),
    chosen("tool_choice auto", "call look", calling(LOOK), choice="auto"),
    chosen("tool_choice of a function", "Go on.", calling(COUNT), choice={"name": "count"}),
    chosen("tool_choice required", "Go on.", calling(LOOK), choice="required"),
    chosen("tool_choice none", "call look", Heard(NOTHING_CALLED), choice="none"),
    chosen("parallel calls", "call look and call count", calling(LOOK, COUNT), parallel_tool_calls=True),
    chosen("one call at a time", "call look and call count", calling(LOOK), parallel_tool_calls=False),
    Scenario(
        "three rounds of calls",
        (
            says("Go on.", then=calling(LOOK)),
            says(Output(0, ("Sunny.",)), then=calling(("look", '{"city":"Rome"}'))),
            says(Output(0, ("雨。",)), then=calling(COUNT, text="And now I count.")),
            says(Output(0, ("2",)), then="Two cities."),
            says("Thanks.", then="Welcome."),
        ),
        TOOLS,
    ),
    Scenario(
        "three rounds of parallel calls with reasoning",
        (
            says("Go on.", then=calling(LOOK, COUNT, thought="First.")),
            says(
                Output(0, ("a",)), Output(1, ("b",)), then=calling(COUNT, LOOK, thought="Second.", text="So.")
            ),
            says(Output(0, ("c",)), Output(1, ("d",)), then=calling(LOOK, LOOK, thought="Third.")),
            says(Output(0, ("e",)), Output(1, ("f",)), then=Heard("Done.", "At last.")),
        ),
        TOOLS,
    ),
    Scenario(
        "outputs in another order than the calls",
        (
            says("Go on.", then=calling(LOOK, COUNT)),
            says(Output(1, ("second",)), Output(0, ("first",)), then="Both."),
        ),
        TOOLS,
    ),
    Scenario(
        "outputs that are empty, long and JSON",
        (
            says("Go on.", then=calling(LOOK, COUNT, LOOK)),
            says(Output(0, ("",)), Output(1, (CHINESE * 20,)), Output(2, ('{"a": [1]}',)), then="All."),
        ),
        TOOLS,
    ),
    Scenario(
        "the user speaks after a call",
        (
            says("Go on.", then=calling(LOOK)),
            says(Output(0, ("Sunny.",)), user("And faster."), then="Sunny."),
        ),
        TOOLS,
    ),
]

PICTURES_OF_FUNCTIONS = [
    Scenario(
        "a picture as a function's output",
        (says("Show it.", then=calling(LOOK)), says(given(0, RED), then="Red.")),
        TOOLS,
    ),
    Scenario(
        "pictures and texts as outputs of two functions",
        (
            says("Show it.", then=calling(LOOK, COUNT)),
            says(given(0, "one", RED, "two", GREEN), given(1, BLUE), then="Many."),
        ),
        TOOLS,
    ),
]

STRUCTURED = [
    one("a schema to keep to", '{"colour":"red","count":1}', settings=FOUND_FORMAT),
    Scenario(
        "a schema that the model keeps to",
        (Turn((user("Go on."),), Heard('{"colour":"red","count":1}'), {"thought": ""}),),
        FOUND_FORMAT,
    ),
    one("a JSON object", '{"图":[1,2.5,null,"🍓"]}', settings={"format": {"type": "json_object"}}),
    one("text as format", "Plain.", settings={"format": {"type": "text"}}),
    one(
        "a schema beside functions",
        calling(LOOK),
        settings={**TOOLS, **FOUND_FORMAT},
    ),
]

THOUGHT = "There are 0 pictures and 1 message; I tell what I see."
DESCRIBED = 'I see 0 pictures in 1 message.\norder: user: text "Go on."\nlast user text: "Go on."'
REASONING = [
    Scenario("reasoning on", (Turn((user("Go on."),), Heard(DESCRIBED, THOUGHT)),), THINKING),
    Scenario("reasoning off", (Turn((user("Go on."),), Heard(DESCRIBED)),), NOT_THINKING),
    one("an effort of reasoning", Heard("Yes.", "Hm."), settings={"effort": "low"}),
    one("Chinese reasoning cut at every byte", Heard(CHINESE, CHINESE + FAMILY), SLOW),
    one("reasoning with odd characters", Heard(ESCAPES, ESCAPES)),
    one("reasoning and nothing said", Heard("", "I have nothing to say.")),
    one("reasoning cut short", Heard("", "I was just", finish="length")),
]

ENDS = [
    one("a limit of tokens that is reached", Heard("I was just", finish="length"), settings={"limit": 5}),
    Scenario(
        "a limit of tokens that the model keeps to",
        (Turn((user("Go on."),), Heard("I see 0 ", finish="length"), {"thought": ""}),),
        {"limit": 3},
        usage=(2, 3),
    ),
    one("filtered content", Heard("One could", finish="content_filter")),
    one("filtered content, nothing said", Heard("", finish="content_filter")),
    one("a refusal", Heard(refusal="I cannot help with this. 不行。")),
    one("a refusal after text", Heard("Let me see.", refusal="No.")),
    one("a refusal cut at every byte", Heard("嗯。", refusal="不行。🙅"), SLOW),
]

LABELS: Json = {"metadata": {"run": "7", "图": "x"}, "user": "u-1"}
SETTINGS = [
    one("temperature and top_p", "Yes.", settings={"temperature": 0.3, "top_p": 0.9}),
    one("a limit that is not reached", "Yes.", settings={"limit": 100}),
    one(
        "an effort of none",
        "Yes.",
        settings={"effort": "none"},
        changes=dict.fromkeys(
            ("chat-modelarts", "responses-modelarts"), ("reasoning_effort:none=thinking:disabled",)
        ),
    ),
    one(
        "labels",
        "Yes.",
        settings=LABELS,
        changes=dict.fromkeys(("chat-ark-by-responses", "responses-ark"), ("drop:metadata", "drop:user")),
    ),
]
