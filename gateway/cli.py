"""The command line. Every failure is one clear sentence and a non-zero exit status."""

import asyncio
import gc
import os
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway import __version__
from gateway.configuration import ConfigError, load
from gateway.settings import Settings

app = typer.Typer(
    name="arkway",
    help="An OpenAI-compatible gateway for Volcengine Ark and Huawei ModelArts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The configuration file; else $ARKWAY_CONFIG or config/gateway.yaml."
    ),
]


@app.command()
def serve(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(help="How many processes serve.")] = None,
) -> None:
    """Run the gateway."""
    # Worker processes read the same configuration, so what the options say travels in the environment.
    overrides = {"CONFIG": config, "SERVER__HOST": host, "SERVER__PORT": port, "SERVER__WORKERS": workers}
    os.environ |= {f"ARKWAY_{name}": str(value) for name, value in overrides.items() if value is not None}
    settings = _settings(config)
    _check_backends(settings)
    _check_exposure(settings)
    gc.disable()  # a thousand modules come now and none of them is garbage; the server turns it on again
    from gateway import server
    from gateway.storage.database import DatabaseError

    try:
        server.serve(settings)
    except (DatabaseError, ValueError) as error:
        _fail(str(error))


@app.command()
def simulate(
    port: Annotated[int, typer.Option(help="The port to listen on (127.0.0.1).")] = 8090,
) -> None:
    """Run a simulated Ark (/api/v3) and ModelArts (/v2/infer/ID/v1 and /v1) on this machine; any key is accepted."""
    import uvicorn

    from gateway.simulator import create_simulator

    typer.echo(f"Simulated Ark:       http://127.0.0.1:{port}/api/v3", err=True)
    typer.echo(f"Simulated ModelArts: http://127.0.0.1:{port}/v2/infer/any/v1", err=True)
    uvicorn.run(
        create_simulator(),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=1,  # a scripted stall would otherwise hold the stop until its caller leaves
    )


@app.command()
def demo() -> None:
    """Ask the simulator a streamed question about a picture, through the gateway and the OpenAI SDK."""
    try:
        from gateway import demo
    except ImportError as error:
        _fail(f"The demo needs the OpenAI SDK ({error.name} is missing): pip install 'arkway[demo]'.")
    asyncio.run(demo.run())


@app.command()
def check(config: ConfigOption = None) -> None:
    """Is the configuration right, are the keys set, does each backend answer: what is wrong, and how to mend it."""
    settings = _settings(config)
    _check_backends(settings)
    from gateway import check

    if not asyncio.run(check.run(settings)):
        raise typer.Exit(1)


@app.command()
def explain(
    body: Annotated[str, typer.Argument(help="A file with a request body, or - for standard input.")],
    config: ConfigOption = None,
    api: Annotated[
        str | None, typer.Option(help="chat, responses, images or embeddings; else told by the body.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what would be sent upstream for a request, and each change with its reason. Sends nothing."""
    settings = _settings(config)
    _check_backends(settings)
    from gateway import explain
    from gateway.errors import GatewayError

    try:
        raw = typer.get_binary_stream("stdin").read() if body == "-" else Path(body).read_bytes()
        explain.run(settings, raw, api, as_json=json)
    except OSError as error:
        _fail(f"{body} cannot be read: {error.strerror}.")
    except GatewayError as error:
        where = f" ({error.param})" if error.param else ""
        _fail(f"The gateway would answer {error.status}{where}: {error.message}")


def _settings(config: Path | None) -> Settings:
    try:
        return load(config)
    except ConfigError as error:
        _fail(str(error))


def _check_backends(settings: Settings) -> None:
    if not settings.backends:
        _fail(
            "No backend is configured: set ARK_API_KEY (Volcengine Ark), or MODELARTS_API_KEY and MODELARTS_BASE_URL "
            "(Huawei ModelArts), or write config/gateway.yaml. `arkway demo` needs none of them."
        )


def _check_exposure(settings: Settings) -> None:
    if settings.access.mode == "open" and settings.listens_beyond_loopback:
        _fail(
            f"access.mode is open, so anyone who reaches {settings.server.host} could spend your keys. Listen on 127.0.0.1, "
            "or set access.mode to keys (with access.keys) or to passthrough."
        )


def _fail(sentence: str) -> NoReturn:
    typer.echo(f"arkway: {sentence}", err=True)
    raise typer.Exit(2)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"arkway {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


def main() -> None:
    app()
