"""ModelArts' list of models."""

from gateway.simulator.call import Call
from gateway.simulator.reply import Reply, answer

_MODELS = ("Qwen3-VL-30B-A3B", "qwen2.5-vl-72b", "qwen-image", "qwen_image_edit", "bge-m3")
_MADE = 1_735_689_600


async def list_models(call: Call) -> Reply:
    data = [{"id": id, "object": "model", "created": _MADE, "owned_by": "modelarts"} for id in _MODELS]
    return answer({"object": "list", "data": data})
