"""What image_process did, as a chat caller reads it."""

from typing import Any

from gateway.wire.translate.translation import Json

# Characters at which Markdown would end the URL; a signature is made of what they stand for.
_ENDING = str.maketrans({"(": "%28", ")": "%29", "<": "%3C", ">": "%3E", " ": "%20", "\n": "", "\r": ""})


def markdown(item: Json) -> str:
    """A picture on a line of its own, or a word on why there is none; empty for a call that made neither."""
    action = item.get("action")
    action = action if isinstance(action, dict) else {}
    name = _name(action.get("type"))
    url = action.get("result_image_url")
    if isinstance(url, str) and url:
        return f"![{name}]({url.translate(_ENDING)})\n\n"
    error = item.get("error")
    if error or item.get("status") == "failed":
        return f"*{name} failed{_reason(error)}*\n\n"
    return ""


def _name(action: Any) -> str:
    return action if isinstance(action, str) and action.isidentifier() else "image"


def _reason(error: Any) -> str:
    message = error.get("message") if isinstance(error, dict) else error
    return f": {' '.join(message.split())}" if isinstance(message, str) and message.strip() else ""
