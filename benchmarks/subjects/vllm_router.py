"""vLLM's router: Rust, in front of engines that speak OpenAI's API."""

from benchmarks.process import free_port
from benchmarks.subjects.peer import PythonPeer
from benchmarks.subjects.subject import Site


class VllmRouter(PythonPeer):
    name = "vllm-router"
    package = "vllm-router"
    release = "0.1.17"
    command_name = "vllm-router"
    ready_path = "/readiness"

    def command(self, site: Site) -> list[str]:
        # Its default policy, cache_aware, keeps a tree of the prompts: about half as fast, for what nobody else does.
        options = {
            "host": "127.0.0.1",
            "port": site.port,
            "prometheus-port": free_port(),
            "worker-urls": f"http://127.0.0.1:{site.upstream}",
            "policy": "round_robin",
        }
        flags = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return [str(self.program), *flags]
