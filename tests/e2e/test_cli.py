"""The command line: each failure is one sentence and a status other than 0, never a traceback."""

import asyncio
import re
from pathlib import Path
from typing import Any

import orjson

from .conftest import ARK_KEY, MAAS_KEY, VISION, Http, Simulated, sections, until
from .pictures import asked, base64_of, data_url, small, text_part, url_part
from .process import Process, arkway, written
from .servers import unused_port


def sentence(done: Any) -> str:
    """The one sentence of a failure."""
    assert done.returncode != 0
    text: str = done.stderr.decode()
    assert "Traceback" not in text + done.stdout.decode()
    assert text.startswith("arkway: ")
    assert text.count("\n") == 1
    return text


async def test_check(sim: Simulated, tmp_path: Path) -> None:
    config = written(tmp_path, sections(sim.url, tmp_path))
    done = await asyncio.to_thread(arkway, "check", "--config", str(config), cwd=tmp_path)
    told = done.stdout.decode()
    assert done.returncode == 0, told
    assert re.search(r"ok +ark: answers; the key is taken; \d+ models are listed", told)
    assert "ok   maas: answers" in told
    assert ARK_KEY not in told


async def test_check_finds_what_is_wrong(sim: Simulated, tmp_path: Path) -> None:
    dead = f"http://127.0.0.1:{unused_port()}/api/v3"
    backends = {
        "ark": {"kind": "ark", "base_url": dead, "api_key": "k"},
        "maas": {"kind": "modelarts", "base_url": f"{sim.url}/v1", "api_key": "wrong"},
        "bare": {"kind": "ark", "base_url": f"{sim.url}/api/v3"},
    }
    await sim.fault(path="/v1/models", status=401)
    more = {"backends": backends, "upstream": {"retries": 0}}
    config = written(tmp_path, sections(sim.url, tmp_path, **more))
    done = await asyncio.to_thread(arkway, "check", "--config", str(config), cwd=tmp_path)
    told = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 1
    assert "fail ark: Volcengine Ark cannot be reached" in told
    assert "fail maas: refuses the key" in told
    assert "fail bare: no key: set backends.bare.api_key" in told
    assert "Traceback" not in told


async def test_explain(sim: Simulated, tmp_path: Path) -> None:
    config = written(tmp_path, sections(sim.url, tmp_path))
    picture = url_part("responses", data_url(small(), "image/gif"))
    body = {"model": "strawberry-counter", "user": "u", **asked("responses", picture)}
    (tmp_path / "body.json").write_bytes(orjson.dumps(body))
    arguments = ("explain", "--config", str(config), "--json", "body.json")
    done = await asyncio.to_thread(arkway, *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (told,) = orjson.loads(done.stdout)
    assert (told["backend"], told["url"]) == ("ark", f"{sim.url}/api/v3/responses")
    assert told["headers"]["ark-beta-image-process"] == "true"
    assert told["body"]["model"] == VISION
    assert [change["what"] for change in told["changes"]] == [
        "add-tool:image_process",
        "add-header:ark-beta-image-process",
        "drop:user",
    ]
    assert all(change["why"] for change in told["changes"])
    assert told["media"][0].startswith("input[0].content[0].image_url: image/png 64x48, ")
    assert ARK_KEY not in done.stdout.decode()
    assert not await sim.requests()


async def test_explain_a_compaction(sim: Simulated, tmp_path: Path) -> None:
    config = written(tmp_path, sections(sim.url, tmp_path))
    for content, status, told in (
        ("arkway1.YWxsIGlzIHdlbGw=", 0, b"all is well"),
        ("x", 2, b"not made by this gateway"),
    ):
        item = {"type": "compaction", "encrypted_content": content}
        (tmp_path / "body.json").write_bytes(orjson.dumps({"model": "qwen-vl", "input": [item]}))
        arguments = ("explain", "--config", str(config), "body.json")
        done = await asyncio.to_thread(arkway, *arguments, cwd=tmp_path)
        assert done.returncode == status
        assert told in done.stdout + done.stderr


async def test_explain_for_people(sim: Simulated, tmp_path: Path) -> None:
    config = written(tmp_path, sections(sim.url, tmp_path))
    body = orjson.dumps({"model": "qwen-vl", **asked("chat", text_part("chat", "x" * 500))})
    done = await asyncio.to_thread(arkway, "explain", "-c", str(config), "-", cwd=tmp_path, stdin=body)
    told = done.stdout.decode()
    assert done.returncode == 0
    assert f"POST {sim.url}/v2/infer/any/v1/chat/completions" in told
    assert "Nothing was sent." in told
    assert MAAS_KEY not in told
    assert not await sim.requests()


async def test_explain_tells_the_plan_of_each_picture(sim: Simulated, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.sgi").write_bytes(small(format="SGI"))
    heic = small(size=(640, 480), format="HEIC")
    urls = [
        data_url(heic, "image/heic"),
        base64_of(small()),
        str(folder / "a.sgi"),
        "https://example.org/a.png",
    ]
    body = orjson.dumps({"model": "qwen-vl", **asked("chat", *[url_part("chat", url) for url in urls])})
    config = written(tmp_path, sections(sim.url, tmp_path))
    done = await asyncio.to_thread(arkway, "explain", "-c", str(config), "-", cwd=tmp_path, stdin=body)
    told = [line.strip() for line in done.stdout.decode().splitlines() if ".image_url:" in line]
    assert done.returncode == 0, done.stderr
    placed = "sent along as a data URL of its real type"
    parts = [line.partition(".content[")[2] for line in told]
    assert parts[0].startswith(
        f"0].image_url: image/heic 640x480, {len(heic)} bytes; image/heic is converted; a data URL; "
    )
    assert parts[1] == f"1].image_url: image/png 64x48, {len(small())} bytes; decoded, then {placed}"
    assert (
        f"2].image_url: image/sgi 64x48, {len(small(format='SGI'))} bytes; image/sgi is converted; "
        in parts[2]
    )
    assert parts[2].endswith(f"read from disk, then {placed}")
    assert parts[3] == f"3].image_url: fetched, then {placed}"
    assert not await sim.requests()


EXPLAINED = {
    "no file": (("missing.json",), b"", "missing.json cannot be read"),
    "no JSON": (("-",), b"{", "400"),
    "unknown model": (("-",), b'{"model":"nothing","input":"x"}', "404 (model)"),
    "too small": (
        ("-",),
        orjson.dumps(
            {"model": "doubao-vision", **asked("chat", url_part("chat", data_url(small(size=(9, 64)))))}
        ),
        "400 (messages[0].content[0].image_url): The picture is 9x64 pixels; Volcengine Ark takes sides of at least 15.",
    ),
    "not there": (("--api", "multimodal", "-"), b'{"model":"qwen-vl","input":[]}', "ModelArts"),
}


async def test_explain_fails_in_one_sentence(tmp_path: Path) -> None:
    config = written(tmp_path, sections("http://127.0.0.1:1", tmp_path))

    def fail(case: str) -> None:
        arguments, stdin, says = EXPLAINED[case]
        done = arkway("explain", "--config", str(config), *arguments, cwd=tmp_path, stdin=stdin)
        assert says in sentence(done), case

    await asyncio.gather(*(asyncio.to_thread(fail, case) for case in EXPLAINED))


WRONG = {
    "nothing configured": (None, {}, "No backend is configured: set ARK_API_KEY"),
    "misspelt key": ("server: {prot: 1}", {}, "'port'"),
    "no YAML": ("a: [", {}, "not valid YAML"),
    "unset variable": ('backends: {ark: {kind: ark, base_url: "${NOT_SET}"}}', {}, "NOT_SET"),
    "unknown backend": (
        "models: {a: {backend: arc}}\nbackends: {ark: {kind: ark, base_url: 'http://a'}}",
        {},
        "'ark'",
    ),
    "keys without keys": (
        "access: {mode: keys}\nbackends: {ark: {kind: ark, base_url: 'http://a'}}",
        {},
        "access.keys",
    ),
    "half of ModelArts": (None, {"MODELARTS_API_KEY": "k"}, "MODELARTS_BASE_URL"),
    "other database": (
        "storage: {database: 'mysql://h/d'}\nbackends: {ark: {kind: ark, base_url: 'http://a'}}",
        {},
        "sqlite",
    ),
    "bad host list": (
        "images: {allow_hosts: ['not a host']}\nbackends: {ark: {kind: ark, base_url: 'http://a'}}",
        {},
        "not a host",
    ),
}


async def test_serve_fails_in_one_sentence(tmp_path: Path) -> None:
    def fail(number: int, case: str) -> None:
        text, env, says = WRONG[case]
        arguments = ["serve", "--port", "0"]
        if text is not None:
            (tmp_path / f"{number}.yaml").write_text(text, "utf-8")
            arguments += ["--config", f"{number}.yaml"]
        assert says in sentence(arkway(*arguments, cwd=tmp_path, **env)), case

    await asyncio.gather(*(asyncio.to_thread(fail, number, case) for number, case in enumerate(WRONG)))


def test_serve_without_its_file(tmp_path: Path) -> None:
    assert "nowhere.yaml" in sentence(arkway("serve", "--config", "nowhere.yaml", cwd=tmp_path))


async def test_serve_from_the_environment_alone(http: Http, sim: Simulated, tmp_path: Path) -> None:
    env = {
        "ARK_API_KEY": "from-env",
        "ARK_BASE_URL": f"{sim.url}/api/v3",
        "ARKWAY_STORAGE__DATABASE": f"sqlite:///{tmp_path}/env.db",
        "ARKWAY_SERVER__KEEP_ALIVE": "0.05s",
    }
    process = Process.start("serve", "--port", "0", cwd=tmp_path, **env)
    try:
        await sim.fault(stall_after=0, stall=0.3)
        body = {"model": "any-name-at-all", "input": "hello", "stream": True}
        answer = await http.post(f"{process.url}/v1/responses", body)
        assert b": keep-alive" in answer.body
        sent = await sim.last()
        assert sent["headers"]["authorization"] == "Bearer from-env"
        assert sent["body"]["model"] == "any-name-at-all"
        assert (tmp_path / "env.db").exists()
    finally:
        process.end()


async def test_simulate(http: Http, tmp_path: Path) -> None:
    port = unused_port()
    process = Process.start("simulate", "--port", str(port), cwd=tmp_path, ready=re.compile("ModelArts"))
    try:

        async def listens() -> bool:
            try:
                return (await http.get(f"http://127.0.0.1:{port}/")).status == 200
            except OSError:
                return False

        await until(listens, "the simulator listens")
        body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
        for base in ("api/v3", "v2/infer/mine/v1", "v1"):
            url = f"http://127.0.0.1:{port}/{base}/chat/completions"
            answer = await http.post(url, body, authorization="Bearer any")
            assert '"hello"' in answer.text
        process.signal()
        await asyncio.to_thread(process.wait)
        assert "Traceback" not in process.text
    finally:
        process.end()


def test_demo(tmp_path: Path) -> None:
    done = arkway("demo", cwd=tmp_path)
    told = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert "(point of image 0)" in told
    assert "The gateway changed on the way: add-tool:image_process, add-header:ark-beta-image-process" in told
    assert "image:inlined=1" in told
    assert done.stderr == b""
    assert not list(tmp_path.iterdir())


def test_version_and_help(tmp_path: Path) -> None:
    assert arkway("--version", cwd=tmp_path).stdout.startswith(b"arkway ")
    told = arkway("--help", cwd=tmp_path).stdout.decode()
    assert all(command in told for command in ("serve", "simulate", "demo", "check", "explain"))
