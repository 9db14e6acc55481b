"""`rondo demo`: the whole loop on a small model, with simulated labelers, then the result to look at."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from app.config import settings
from app.db import transaction
from app.demo.outcome import Outcome, outcome_of
from app.demo.playing import Place, Watch, play
from app.demo.scripts import e2e_script, own_script
from app.demo.setting_up import visitors_links
from app.demo.site import site

app = typer.Typer(add_completion=False)
console = Console()

WORDS = {
    "import": "Importing people's demonstrations",
    "demonstrate": "Labelers write demonstrations",
    "pretrain": "Pretraining a small model",
    "sft": "Supervised fine-tuning",
    "candidates": "Sampling K outputs a prompt",
    "compare": "Labelers rank them",
    "reward": "Training the reward model",
    "ppo": "Optimising the policy (PPO)",
    "samples": "Sampling the new policy",
    "earlier_samples": "Sampling the earlier policy",
    "test_samples": "New policy on held-out prompts",
    "earlier_test_samples": "Earlier policy on held-out prompts",
    "evaluation": "Held-out labelers compare them",
    "score": "Scoring held-out rankings",
}


@app.command()
def demo(
    e2e: Annotated[Path | None, typer.Option(help="A folder with the E2E data (CSV files with mr and ref).")] = None,
    seed: Annotated[int, typer.Option(help="Of the corpus, the models and the labelers' mistakes.")] = 1,
    port: Annotated[int | None, typer.Option(help="The port to serve on [RONDO_PORT].")] = None,
    keep_serving: Annotated[bool, typer.Option(help="Go on serving when the round has ended.")] = True,
) -> None:
    """Play one full round with simulated labelers, print what was gained, and serve the result."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    script = e2e_script(e2e, seed) if e2e else own_script(seed)
    now = settings() if port is None else settings().model_copy(update={"port": port})
    started = time.monotonic()
    with site(now) as place:
        console.print(f"Rondo serves {place.base_url}; everything lives in {now.home}.")
        with bars() as watch:
            number = play(place, script, watch)
        with transaction(place.engine) as session:
            outcome = outcome_of(session, place.files, number, script.checker)
        show(outcome, time.monotonic() - started)
        if keep_serving:
            invite_reader(place, number)
            signal.pause()


@contextmanager
def bars() -> Iterator[Watch]:
    """A bar for each thing that is done, in the order in which they begin."""
    columns = (TextColumn("{task.description:<38}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        shown: dict[str, int] = {}

        def watch(what: str, share: float) -> None:
            if what not in WORDS:
                return  # done in a moment
            if what not in shown:
                if not console.is_terminal:
                    console.print(WORDS[what])
                for earlier in shown.values():
                    progress.update(earlier, completed=1)  # type: ignore[arg-type]
                    progress.stop_task(earlier)  # type: ignore[arg-type]
                shown[what] = progress.add_task(WORDS[what], total=1)
            progress.update(shown[what], completed=share)  # type: ignore[arg-type]

        yield watch
        for task in progress.task_ids:
            progress.update(task, completed=1)


def show(outcome: Outcome, seconds: float) -> None:
    console.print(_gained(outcome))
    console.print(_examples(outcome))
    console.print(f"The run took {seconds / 60:.1f} minutes.")


def _gained(outcome: Outcome) -> Table:
    table = Table("Held-out prompts, temperature 1", "SFT", "PPO", title="What was gained", title_style="bold")
    for label, name, form in (
        ("Errors per output", "errors", "{:.2f}"),
        ("Outputs without an error", "perfect", "{:.0%}"),
        ("Words per output", "words", "{:.1f}"),
    ):
        table.add_row(label, *(form.format(getattr(quality, name)) for quality in (outcome.sft, outcome.ppo)))
    win_rate, accuracy = outcome.win_rate, outcome.accuracy
    if win_rate and win_rate.low is not None and win_rate.high is not None:
        interval = f"{win_rate.low:.1%} to {win_rate.high:.1%}"
        table.add_row("Preferred by held-out labelers (95 %)", "", f"{win_rate.rate:.1%} ({interval})")
    table.add_section()
    table.add_row("Reward model, pairs as labelers ranked them", f"{accuracy.labelers:.1%}", "")
    table.add_row(f"Reward model, {accuracy.pairs} pairs without mistakes", f"{accuracy.noiseless:.1%}", "")
    return table


def _examples(outcome: Outcome) -> Table:
    table = Table("Facts", "SFT", "PPO", title="The same held-out prompts before and after", show_lines=True)
    for example in outcome.examples:
        table.add_row(*map(Text, (example.facts, example.before, example.after)))  # whose brackets are not markup
    return table


def invite_reader(place: Place, number: int) -> None:
    """Links that sign in once, for the reader to look round."""
    with transaction(place.engine) as session:
        links = visitors_links(session, place.base_url)
    console.print(f"\nThe round: {place.base_url}/rounds/{number}. Sign in once as")
    for role, link in links.items():
        console.print(f"  {role.value:<10} {link}", soft_wrap=True)
    console.print("The labeler finds the new policy's outputs to rank. Ctrl-C ends the demo.")
