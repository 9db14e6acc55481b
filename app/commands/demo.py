"""`rondo demo`: the whole loop on a small model, with simulated labelers, then the result to look at."""

import json
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.commands.demo_words import bars, show
from app.config import settings
from app.db import transaction
from app.demo.outcome import outcome_of
from app.demo.playing import Place, Script, play_round, prepare
from app.demo.scripts import e2e_script, own_script
from app.demo.setting_up import visitors_links
from app.demo.site import site

app = typer.Typer(add_completion=False)
MOST_ROUNDS = 9


@app.command()
def demo(
    e2e: Annotated[Path | None, typer.Option(help="A folder with the E2E data (CSV files with mr and ref).")] = None,
    rounds: Annotated[int, typer.Option(min=1, max=MOST_ROUNDS, help="Each goes on from the policy before.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the corpus, the models and the labelers' mistakes.")] = 1,
    port: Annotated[int | None, typer.Option(help="The port to serve on [RONDO_PORT].")] = None,
    serve: Annotated[bool, typer.Option(help="Go on serving when the last round has ended.")] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Each round's win rate over the first SFT as JSON; all else on stderr.")
    ] = False,
) -> None:
    """Play full rounds with simulated labelers, print what was gained, and serve the result."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    console = Console(stderr=as_json)
    script = e2e_script(e2e, seed, rounds) if e2e else own_script(seed, rounds)
    now = settings() if port is None else settings().model_copy(update={"port": port})
    started = time.monotonic()
    with site(now) as place:
        console.print(f"Rondo serves {place.base_url}; everything lives in {now.home}.")
        numbers = play(place, script, rounds, console)
        with transaction(place.engine) as session:
            outcome = outcome_of(session, place.files, numbers, script.checker)
        show(console, outcome)
        console.print(f"The run took {(time.monotonic() - started) / 60:.1f} minutes.")
        if as_json:
            typer.echo(json.dumps(outcome.as_json()))
        if serve:
            invite_reader(place, numbers[-1], console)
            signal.pause()


def play(place: Place, script: Script, rounds: int, console: Console) -> list[int]:
    """The numbers of the rounds that were played, each with bars of its own."""
    with bars(console) as watch:
        scene = prepare(place, script, watch)
    numbers: list[int] = []
    for number in range(1, rounds + 1):
        if rounds > 1:
            console.print(f"[bold]Round {number} of {rounds}[/bold]")
        with bars(console) as watch:
            numbers.append(play_round(place, script, scene, watch, before=numbers[-1] if numbers else None))
    return numbers


def invite_reader(place: Place, number: int, console: Console) -> None:
    """Links that sign in once, for the reader to look round."""
    with transaction(place.engine) as session:
        links = visitors_links(session, place.base_url)
    console.print(f"\nThe round: {place.base_url}/rounds/{number}. Sign in once as")
    for role, link in links.items():
        console.print(f"  {role.value:<10} {link}", soft_wrap=True)
    console.print("The labeler finds the new policy's outputs to rank. Ctrl-C ends the demo.")
