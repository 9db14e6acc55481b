"""`rondo serve`: the web application, in this process and others beside it, a worker, and the database below."""

import gc
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Annotated

import typer
import uvicorn
from sqlalchemy import Engine

from app.beside import beside
from app.commands.users import show_first_admin_link
from app.config import Settings, settings
from app.errors import DomainError, message
from app.main import create_app
from app.storage import storage
from app.web.addresses import served_address
from app.web.balance import Balanced, Ledger, blank_ledger, counting
from app.web.broadcast import Broadcast

MOST_BY_DEFAULT = 4  # each takes memory, and connections of the database
OBJECTS_BETWEEN_LOOKS = 20_000  # about what a page makes, nearly all of which goes with it

app = typer.Typer(add_completion=False)


class AddressNotFree(DomainError):
    sentence = message(
        "Rondo cannot listen on {host}, port {port}: {reason}. "
        "Choose with --host and --port, or RONDO_HOST and RONDO_PORT."
    )


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on [RONDO_HOST].")] = None,
    port: Annotated[int | None, typer.Option(help="The port, 0 for a free one [RONDO_PORT].")] = None,
    worker: Annotated[
        bool | None,
        typer.Option("--worker/--no-worker", help="Run a worker too. By default on the embedded database only."),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="How many serve pages. By default one a processor, 4 at most.")
    ] = None,
    beside_others: Annotated[str | None, typer.Option("--beside", hidden=True)] = None,
) -> None:
    """Run the web application, and on the embedded database a worker beside it."""
    ending = Ending()
    options = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    now = settings().model_copy(update=options)
    wanted = now.database_url is None if worker is None else worker
    with ExitStack() as stack:
        engine = stack.enter_context(storage(now))
        if beside_others is not None:
            door, ledger, place = map(int, beside_others.split(":"))
            answer(now, engine, stack.enter_context(socket.socket(fileno=door)), Ledger(ledger, place), ending)
            return
        own = stack.enter_context(listening(now))
        database = engine.url.render_as_string(hide_password=False)
        now = now.model_copy(update={"port": own.getsockname()[1], "database_url": database})
        if wanted:
            stack.enter_context(beside("worker", database=database))
        number = processes or by_default()
        ledger = stack.enter_context(blank_ledger(number)).fileno()
        for place in range(1, number):
            stack.enter_context(helping(now, own.fileno(), ledger, place))
        show_first_admin_link(engine, now)
        typer.echo(f"Rondo is at {served_address(now, '')} (Ctrl+C ends it).", err=True)
        answer(now, engine, own, Ledger(ledger, 0), ending)


def by_default() -> int:
    return min(MOST_BY_DEFAULT, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)


@contextmanager
def helping(now: Settings, door: int, ledger: int, place: int) -> Iterator[None]:
    """One more process behind the same door, with a place of its own in the ledger of connections."""
    options = ["--host", now.host, "--port", str(now.port), "--beside", f"{door}:{ledger}:{place}"]
    with beside("serve", *options, database=now.database_url or "", keeping=[door, ledger]):
        yield


class Ending:
    """SIGTERM and Ctrl-C unwind what was begun: other processes, then the database.

    An exception that is raised in a finaliser is lost, so whoever is about to serve looks whether there was one.
    """

    def __init__(self) -> None:
        self.asked: BaseException | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.ask)

    def ask(self, number: int, _frame: FrameType | None) -> None:
        self.asked = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(0)
        raise self.asked

    def look(self) -> None:
        if self.asked:
            raise self.asked


def answer(now: Settings, engine: Engine, door: socket.socket, ledger: Ledger, ending: Ending) -> None:
    """Until a signal comes."""
    web = create_app(now, engine)
    gc.collect()
    gc.freeze()  # what is here now lives as long as we do: no later collection has to look at it
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS)
    config = uvicorn.Config(
        Balanced(web, ledger),
        http=counting(ledger),
        host=now.host,
        port=now.port,
        proxy_headers=False,  # ours to read, with the addresses that the settings trust
        server_header=False,
        access_log=False,
    )
    ending.look()
    Server(config, web.state.broadcast, ledger).run(sockets=[door])


class Server(uvicorn.Server):
    """Ends although readers follow a run: their streams are closed first, which uvicorn would wait for."""

    def __init__(self, config: uvicorn.Config, broadcast: Broadcast, ledger: Ledger) -> None:
        super().__init__(config)
        self.broadcast = broadcast
        self.ledger = ledger

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.ledger.leave()
        self.broadcast.close()
        super().handle_exit(sig, frame)


def listening(wanted: Settings) -> socket.socket:
    """Port 0 becomes a free one, known before anything is printed. Raises `AddressNotFree`."""
    family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
    try:
        return socket.create_server((wanted.host, wanted.port), family=family)
    except OSError as error:
        raise AddressNotFree(host=wanted.host, port=wanted.port, reason=error.strerror) from error
