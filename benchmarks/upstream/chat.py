"""Chat completions in ModelArts' form: usage stands in every chunk unless the caller declines it."""

import orjson

from benchmarks.upstream import http

ANSWER = orjson.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1765193821,
        "model": "bench-vision",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "reasoning_content": None,
                    "content": "CONTENT",
                    "tool_calls": [],
                },
                "logprobs": None,
                "finish_reason": "stop",
                "stop_reason": None,
            }
        ],
        "usage": {"prompt_tokens": 283, "total_tokens": 301, "completion_tokens": 18},
        "prompt_logprobs": None,
    }
)


def answer(content: bytes) -> bytes:
    return http.response(ANSWER.replace(b"CONTENT", content))


def frame(delta: bytes, finish: bytes) -> bytes:
    return http.chunk(
        b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1765193821,"model":"bench-vision",'
        b'"choices":[{"index":0,"delta":{%b},"logprobs":null,"finish_reason":%b}],'
        b'"usage":{"prompt_tokens":283,"total_tokens":301,"completion_tokens":18}}\n\n' % (delta, finish)
    )


START = http.STREAM_HEAD + frame(b'"role":"assistant","content":""', b"null")
END = frame(b"", b'"stop"') + http.chunk(b"data: [DONE]\n\n") + http.LAST_CHUNK
# The token is the moment of sending, at a fixed width: the frame's length stays and the reader sees the delay.
TOKEN_START, TOKEN_END = frame(b'"content":"%b "' % (b"@" * 18), b"null").split(b"@" * 18)


class ChatStream:
    """One stream's frames."""

    def start(self) -> bytes:
        return START

    def token(self, stamp: int) -> bytes:
        return b"%b%018d%b" % (TOKEN_START, stamp, TOKEN_END)

    def end(self) -> bytes:
        return END
