"""The command line `kassa-sim`: scenarios, the page, the sandbox acquirer, virtual boards."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from simulator import micropython

app = typer.Typer(
    no_args_is_help=True,
    help="The world around the terminal.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

RuntimeOption = Annotated[
    str | None,
    typer.Option(
        help="cpython (virtual time) or micropython (the real binary); default: the real one"
    ),
]
_RUNTIMES = ("cpython", "micropython")
_FAILED, _WRONG_FILE = 1, 2


def choose_runtime(asked: str | None) -> str:
    """The runtime asked for, or the best there is; a plain line and exit 2 when it
    cannot be had.
    """
    available = micropython.binary() is not None
    if asked is None:
        return "micropython" if available else "cpython"
    if asked not in _RUNTIMES:
        _fail(f"--runtime {asked}: choose cpython or micropython", _WRONG_FILE)
    if asked == "micropython" and not available:
        _fail(
            "--runtime micropython: there is no MicroPython binary on this machine; use cpython",
            _WRONG_FILE,
        )
    return asked


def _fail(message: str, status: int) -> None:
    print(message, file=sys.stderr)
    raise typer.Exit(status)


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="A scenario file (YAML).")],
    runtime: RuntimeOption = None,
    json_output: Annotated[
        str | None,
        typer.Option(
            "--json", help="Write the result as JSON to this file; - is standard output."
        ),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Folder for the last screen and the receipt as PNG.")
    ] = None,
) -> None:
    """Run a scripted customer.  Exit status 0: it passed, 1: a step failed, 2: the file
    is wrong.
    """
    from host_tools.board import BoardFileError
    from simulator.provisioning import ProvisioningError
    from simulator.run import run_blocking
    from simulator.scenario import ScenarioError, load

    chosen = choose_runtime(runtime)
    try:
        scenario = load(file)
        result = run_blocking(scenario, chosen, pictures=pictures)
    except (ScenarioError, BoardFileError, ProvisioningError) as error:
        _fail(str(error), _WRONG_FILE)
        return
    text = json.dumps(result, indent=2, ensure_ascii=False)
    if json_output == "-":
        print(text)
    else:
        if json_output is not None:
            try:
                Path(json_output).write_text(text + "\n", encoding="utf-8")
            except OSError as error:
                _fail(f"--json {json_output}: cannot be written: {error.strerror}", _WRONG_FILE)
        _tell(result)
    if not result["passed"]:
        raise typer.Exit(_FAILED)


def _tell(result: dict) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for step in result["steps"]:
        mark = "[green]ok[/]" if step["ok"] else "[red]FAILED[/]"
        console.print(f"{step['t_ms'] / 1000:8.3f} s  {step['do']:8} {mark} {step['detail']}")
    phases = ", ".join(f"{name} {ms:g}" for name, ms in result["timings_ms"].items())
    console.print(
        f"{'passed' if result['passed'] else 'failed'} on {result['runtime']}; ms: {phases}"
    )


@app.command()
def explain(
    file: Annotated[
        Path, typer.Argument(metavar="RUN.json", help="What `run --json` wrote; - reads it.")
    ],
    tap: Annotated[int | None, typer.Option(min=1, help="Only this tap of the run.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Tell each tap of a run as a story: commands, answers, rules, bits, and why it ended so.

    Exit status 0, or 2 when the file is no run.
    """
    from simulator import explain as telling

    try:
        result = telling.load(file)
        stories = telling.explain(result)
        if tap is not None:
            stories = [told for told in stories if told["number"] == tap]
            if not stories:
                raise telling.ExplainError(f"--tap {tap}: the run has {len(result['taps'])} taps")
    except telling.ExplainError as error:
        _fail(str(error), _WRONG_FILE)
        return
    if as_json:
        print(json.dumps(stories, indent=2, ensure_ascii=False))
    else:
        telling.tell(result, stories)


@app.command()
def web(
    runtime: RuntimeOption = None,
    board: Annotated[str, typer.Option(help="A board's name or file.")] = "esp32s3_devkitc",
    port: Annotated[int | None, typer.Option(help="Port; default KASSA_PORT or 8000.")] = None,
    seed: Annotated[int, typer.Option(help="Seed for everything random.")] = 0,
) -> None:
    """The terminal in a browser."""
    from host_tools.board import BoardFileError
    from simulator.bench import Bench
    from simulator.web import serve

    chosen = choose_runtime(runtime)
    try:
        serve.run(
            lambda: Bench(board=board, runtime=chosen, seed=seed, realtime=True),
            serve.chosen_port(port),
        )
    except (serve.ServeError, BoardFileError) as error:
        _fail(str(error), _FAILED)


@app.command()
def acquirer(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8583,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    database: Annotated[str, typer.Option(help="SQLAlchemy URL of the ledger.")] = "sqlite://",
    profile: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml", help="Write what `kassa provision` needs for a terminal here."
        ),
    ] = None,
) -> None:
    """The sandbox acquirer alone, for a terminal on the desk.

    Terminals of the shop (`kassa ca`) may come, beside the sandbox's own.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from host_tools.ca import ShopCa
    from host_tools.shop import ShopError
    from simulator import sandbox_profile
    from simulator.acquirer import server

    def listening(serving: server.Server, certificates: server.Pki) -> None:
        if profile is not None:
            sandbox_profile.write(profile, host, serving.port, certificates)
            print(f"{profile}: kassa provision --profile {profile}", flush=True)

    try:
        clients_ca = ShopCa().path.read_text("ascii")
    except ShopError as error:
        _fail(str(error), _FAILED)
    try:
        server.main(
            host=host,
            port=port,
            database=database,
            clients_ca=clients_ca,
            listening=listening,
        )
    except OSError as error:
        _fail(f"{host}:{port} cannot be used: {error.strerror or error}", _FAILED)
    except SQLAlchemyError as error:
        reason = str(error).splitlines()[0]
        _fail(f"--database {database}: {reason}", _FAILED)


@app.command("update-server")
def serve_updates(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What `kassa build` wrote.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8443,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Newer versions for terminals of the sandbox, over HTTPS."""
    import asyncio
    import contextlib

    from host_tools.ca import ShopCa
    from host_tools.image_check import MANIFEST, SIGNATURE
    from host_tools.shop import ShopError
    from simulator import update_server
    from simulator.acquirer.pki import SERVER_NAME, Pki

    if not all((folder / name).is_file() for name in (MANIFEST, SIGNATURE)):
        _fail(f"{folder}: no signed image; make one with `kassa build BOARD --key KEY.pem`", 1)

    async def run() -> None:
        files = update_server.Files.of(folder)
        clients_ca = ShopCa().path.read_text("ascii")
        server = await update_server.serve(files, Pki(), host, port, clients_ca)
        at = server.sockets[0].getsockname()[1]
        print(f"update server on https://{host}:{at}/, its name is {SERVER_NAME}", flush=True)
        await server.serve_forever()

    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(run())
    except OSError as error:
        _fail(f"{host}:{port} cannot be used: {error.strerror or error}", _FAILED)
    except ShopError as error:
        _fail(str(error), _FAILED)


@app.command()
def board(
    pty: Annotated[bool, typer.Option("--pty", help="Behind a pseudo-terminal.")] = False,
    tcp: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Behind a TCP port on 127.0.0.1; 0 takes any."),
    ] = None,
    board: Annotated[str, typer.Option(help="A board's name or file.")] = "esp32s3_devkitc",
    state: Annotated[
        Path | None, typer.Option(help="Folder that keeps the flash between two runs.")
    ] = None,
    heap: Annotated[
        int, typer.Option(min=64, help="KiB for MicroPython; the chip needs about half.")
    ] = micropython.HEAP >> 10,
    bare: Annotated[
        bool,
        typer.Option("--bare", help="Without MicroPython, until `kassa flash` puts it there."),
    ] = False,
) -> None:
    """A virtual board for mpremote: stock MicroPython with REPL, on the chips of a board file.

    Without --pty and --tcp it gets a pseudo-terminal.  Type `help` for keys, cards and the plug.
    """
    import asyncio

    from host_tools.board import BoardFileError
    from simulator import board_run
    from simulator.board_state import StateError

    wishes = board_run.Wishes(board, pty or tcp is None, tcp, state, heap << 10, bare)
    try:
        asyncio.run(board_run.run(wishes, board_run.say))
    except (BoardFileError, StateError, micropython.MicroPythonMissing) as error:
        _fail(str(error), _FAILED)
    except OSError as error:
        _fail(f"--tcp {tcp}: cannot be used: {error.strerror or error}", _FAILED)


def main() -> None:
    app()
