"""What `rondo demo` prints: bars while it plays, then tables of what was gained."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from app.demo.outcome import Outcome, RoundOutcome
from app.demo.playing import Watch
from app.evaluation.win_rate import WinRate

WORDS = {
    "import": "Importing people's demonstrations",
    "demonstrate": "Labelers write demonstrations",
    "next_compare": "Labelers rank the policy before",
    "pretrain": "Pretraining a small model",
    "sft": "Supervised fine-tuning",
    "candidates": "Sampling K outputs a prompt",
    "compare": "Labelers rank them",
    "reward": "Training the reward model",
    "ppo": "Optimising the policy (PPO)",
    "samples": "Sampling the new policy",
    "earlier_samples": "Sampling the earlier policy",
    "test_samples": "New policy on held-out prompts",
    "earlier_test_samples": "Earlier policies on held-out prompts",
    "evaluation": "Held-out labelers compare them",
    "score": "Scoring held-out rankings",
}


@contextmanager
def bars(console: Console) -> Iterator[Watch]:
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


def show(console: Console, outcome: Outcome) -> None:
    console.print(_gained(outcome))
    console.print(_examples(outcome))


def policy_names(rounds: int) -> list[str]:
    return ["PPO"] if rounds == 1 else [f"Round {number}" for number in range(1, rounds + 1)]


def _gained(outcome: Outcome) -> Table:
    rounds, names = outcome.rounds, policy_names(len(outcome.rounds))
    table = Table("Held-out prompts, temperature 1", "SFT", *names, title="What was gained", title_style="bold")
    qualities = [outcome.sft, *(each.policy for each in rounds)]
    for label, name, form in (
        ("Errors per output", "errors", "{:.2f}"),
        ("Outputs without an error", "perfect", "{:.0%}"),
        ("Words per output", "words", "{:.1f}"),
    ):
        table.add_row(label, *(form.format(getattr(quality, name)) for quality in qualities))
    _add(table, rounds, "Preferred to SFT by held-out labelers (95 %)", lambda each: _rate(each.win_rate))
    if len(rounds) > 1:
        _add(table, rounds, "Preferred to the policy before", lambda each: _rate(each.over_earlier))
    table.add_section()
    _add(table, rounds, "Reward model, pairs as labelers ranked them", lambda each: _share(each.accuracy.labelers))
    _add(table, rounds, "Reward model, pairs without mistakes", lambda each: _share(each.accuracy.noiseless))
    return table


def _add(table: Table, rounds: Sequence[RoundOutcome], label: str, tell: Callable[[RoundOutcome], str]) -> None:
    table.add_row(label, "", *map(tell, rounds))


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _rate(rate: WinRate | None) -> str:
    if rate is None or rate.low is None or rate.high is None:
        return "–"
    return f"{rate.rate:.1%} ({rate.low:.1%} to {rate.high:.1%})"


def _examples(outcome: Outcome) -> Table:
    last = policy_names(len(outcome.rounds))[-1]
    table = Table("Facts", "SFT", last, title="The same held-out prompts before and after", show_lines=True)
    for example in outcome.examples:
        table.add_row(*map(Text, (example.facts, example.before, example.after)))  # whose brackets are not markup
    return table
