"""What is said: texts of every kind, conversations, and pictures among them."""

from tests.e2e.pictures import small

from .scenario import Scenario, description, one, says, sees, user
from .talk import Heard, Json, Picture, Said

RED, GREEN, BLUE = (Picture(small(colour), colour) for colour in ("red", "green", "blue"))
FAMILY = "👨‍👩‍👧‍👦🏳️‍🌈👍🏽"
CHINESE = "图中有三颗草莓：左上角一颗,右下角两颗。它们都是红色的，叶子呈绿色；背景是白色的桌面。"
DISHONEST = 'data: [DONE]\n\nevent: error\ndata: {"error": {"code": "no"}}\n\n: and on'
ESCAPES = '"quoted" \\back\\ \t tab \r\n line \u2028 separator \x00 nul \x7f </script> \ufeff ＼ 𝄞'
SLOW: Json = {"slow_bytes": 0}
JPEG = Picture(small("white", format="JPEG"), "white", "JPEG 64x48")
HISTORY = (
    user("One.", whole=True),
    Said("assistant", ("Uno.",), whole=True),
    user("Two."),
    Said("assistant", ("Dos.",)),
)

TEXTS = [
    one("plain text", "Hello there."),
    one("one word", "Hi"),
    one("long text", "word and word, " * 150),
    one("one chunk", CHINESE, {"chunks": 1}),
    one("chunks of one character", CHINESE, {"chunks": len(CHINESE)}),
    one("Chinese", CHINESE),
    one("long Chinese and emoji", (CHINESE + FAMILY) * 6),
    one("Chinese and emoji cut at every byte", CHINESE + FAMILY, SLOW),
    one("emoji alone cut at every byte", FAMILY * 3, SLOW),
    one("what looks like a stream's end", DISHONEST),
    one("what looks like a stream's end cut at every byte", DISHONEST, SLOW),
    one("control characters and escapes", ESCAPES),
    one("Markdown and code", "# A\n\n```py\nprint('x')\n```\n\n![p](https://e.com/a.png)\n| a | b |\n"),
    one("JSON as text", '{"choices":[{"delta":{"content":"no"}}],"usage":null,"error":{"code":"x"}}'),
    one("blanks alone", " \n "),
    one("nothing", ""),
    one("no [DONE]", "Hello.", {"no_done": True}),
    one("no [DONE] cut at every byte", "Hello.", {"no_done": True, **SLOW}),
    Scenario("usage", (says("Say hello to them.", then="Hello to them all."),), usage=(4, 4)),
]

ASKED = "Is it red?"
CONVERSATIONS = [
    Scenario("a string", (sees(user(ASKED, whole=True), order=f'user: text "{ASKED}"', last=ASKED),)),
    Scenario(
        "instructions",
        (sees(user(ASKED), order=f'system: text "Be brief." | user: text "{ASKED}"', last=ASKED),),
        {"instructions": "Be brief."},
    ),
    Scenario(
        "system message",
        (
            sees(
                Said("system", ("Be brief.",), whole=True),
                user(ASKED),
                order=f'system: text "Be brief." | user: text "{ASKED}"',
                last=ASKED,
            ),
        ),
    ),
    Scenario(
        "developer message",
        (
            sees(
                Said("developer", ("Be brief.",), whole=True),
                user(ASKED),
                order=f'system: text "Be brief." | user: text "{ASKED}"',
                last=ASKED,
            ),
        ),
        changes=dict.fromkeys(
            ("chat-ark", "chat-modelarts", "responses-modelarts"), ("role:developer=system",)
        ),
        heard=dict.fromkeys(
            ("chat-ark-by-responses", "responses-ark"),
            Heard(description(f'developer: text "Be brief." | user: text "{ASKED}"', ASKED)),
        ),
    ),
    Scenario(
        "instructions before a system message",
        (
            sees(
                Said("system", ("And kind.",)),
                user(ASKED),
                order=f'system: text "Be brief." | system: text "And kind." | user: text "{ASKED}"',
                last=ASKED,
            ),
        ),
        {"instructions": "Be brief."},
    ),
    Scenario(
        "history",
        (
            sees(
                *HISTORY,
                user("Three?"),
                order='user: text "One." | assistant: text "Uno." | user: text "Two." | assistant: text "Dos." '
                '| user: text "Three?"',
                last="Three?",
            ),
        ),
    ),
    Scenario(
        "several texts in one message",
        (sees(user("A", "B 图", "C"), order='user: text "A" text "B 图" text "C"', last="A B 图 C"),),
    ),
    Scenario(
        "Chinese question",
        (
            sees(
                user("图里有几颗草莓？🍓"), order='user: text "图里有几颗草莓？🍓"', last="图里有几颗草莓？🍓"
            ),
        ),
    ),
    Scenario(
        "answers go back as they came",
        (
            says("One.", then=Heard(f"Uno {FAMILY}.")),
            says("Two.", then="Dos."),
            sees(
                user("Three?"),
                order=f'user: text "One." | assistant: text "Uno {FAMILY}." | user: text "Two." '
                '| assistant: text "Dos." | user: text "Three?"',
                last="Three?",
            ),
        ),
    ),
    Scenario(
        "answer with reasoning goes back",
        (
            says("One.", then=Heard("Uno.", "They count.")),
            sees(
                user("Two?"),
                order='user: text "One." | assistant: text "Uno." | user: text "Two?"',
                last="Two?",
            ),
        ),
    ),
]

PICTURES = [
    Scenario(
        "one picture",
        (sees(user(RED, ASKED), order=f'user: [image 0] text "{ASKED}"', last=ASKED, pictures=[RED]),),
    ),
    Scenario("a picture alone", (sees(user(RED), order="user: [image 0]", last="", pictures=[RED]),)),
    Scenario(
        "pictures among texts",
        (
            sees(
                user("A", RED, "B", GREEN, BLUE, "C"),
                order='user: text "A" [image 0] text "B" [image 1] [image 2] text "C"',
                last="A B C",
                pictures=[RED, GREEN, BLUE],
            ),
        ),
    ),
    Scenario(
        "the same picture twice",
        (
            sees(
                user(RED, BLUE, RED),
                order="user: [image 0] [image 1] [image 2]",
                last="",
                pictures=[RED, BLUE, RED],
            ),
        ),
    ),
    Scenario(
        "pictures of several messages",
        (
            sees(
                user(BLUE, "First."),
                Said("assistant", ("Blue.",)),
                user("Second.", RED),
                order='user: [image 0] text "First." | assistant: text "Blue." | user: text "Second." [image 1]',
                last="Second.",
                pictures=[BLUE, RED],
            ),
        ),
    ),
    Scenario(
        "a picture of an earlier turn",
        (
            says(GREEN, "What?", then="Green."),
            sees(
                user("Sure?"),
                order='user: [image 0] text "What?" | assistant: text "Green." | user: text "Sure?"',
                last="Sure?",
                pictures=[GREEN],
            ),
        ),
    ),
    Scenario("a JPEG", (sees(user(JPEG), order="user: [image 0]", last="", pictures=[JPEG]),)),
    *(
        Scenario(
            f"detail {detail}",
            (
                sees(
                    user(Picture(RED.data, "red", detail=detail)),
                    order="user: [image 0]",
                    last="",
                    pictures=[RED],
                ),
            ),
        )
        for detail in ("low", "high")
    ),
]
