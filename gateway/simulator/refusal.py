"""The simulated vendors' way to say no; each vendor shapes its own."""

from gateway.simulator.reply import Whole


class Refusal(Exception):
    def reply(self, request_id: str, *, streamed: bool) -> Whole:
        raise NotImplementedError
