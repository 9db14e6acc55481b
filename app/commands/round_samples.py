"""`rondo round samples|approve|reject|again`: what was sampled, and whether it may reach labelers."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.config import settings
from app.db import transaction
from app.rounds.approval.deciding import approve_samples, reject_samples, sample_again
from app.rounds.approval.queries import approvals_of, asked_now, seen_by, texts_of
from app.rounds.approval.seen import Figures, Remark, Seen, Spread
from app.rounds.queries import round_by_id
from app.storage import storage

Number = Annotated[int, typer.Argument(help="The round's number in its address, /rounds/NUMBER.")]
NOT_KNOWN = "–"


def samples(
    number: Number,
    as_json: Annotated[bool, typer.Option("--json", help="JSON with every row of the tables.")] = False,
) -> None:
    """Figures of what was sampled last, beside the earlier policy's, and outputs drawn at random."""
    with storage(settings()) as engine, transaction(engine) as session:
        asked = approvals_of(session, round_by_id(session, number))
        if not asked:
            typer.echo("Nothing was sampled yet, or the plan asks for no approval.")
            return
        if as_json:
            typer.echo(json.dumps(asked[0].approval.seen, ensure_ascii=False))
            return
        seen = seen_by(asked[0].approval)
        outputs = texts_of(session, seen.drawn).outputs
        Console().print(_figures(seen))
        for row in seen.drawn[:10]:
            typer.echo(f"prompt {row.prompt}: {' '.join(outputs.get(row.ours.completion, '').split())[:200]}")


def approve(number: Number) -> None:
    """Let the samples that wait become tasks."""
    with storage(settings()) as engine, transaction(engine) as session:
        found = round_by_id(session, number)
        approve_samples(session, found, asked_now(session, found))


def reject(number: Number, reason: Annotated[str, typer.Option(help="Why; it is kept with the round.")]) -> None:
    """Stop the round: no labeler sees the samples that wait."""
    with storage(settings()) as engine, transaction(engine) as session:
        found = round_by_id(session, number)
        reject_samples(session, found, asked_now(session, found), reason)


def again(number: Number) -> None:
    """After a rejection: answer the same prompts anew, to be approved anew."""
    with storage(settings()) as engine, transaction(engine) as session:
        sample_again(session, round_by_id(session, number))


def _figures(seen: Seen) -> Table:
    voices = [each for each in (seen.ours, seen.theirs) if each]
    table = Table("", seen.policy, *[seen.earlier or "people"][: len(voices) - 1])
    for name, cells in _lines(voices):
        table.add_row(name, *cells)
    return table


def _lines(voices: list[Figures]) -> list[tuple[str, list[str]]]:
    return [
        ("outputs", [str(each.outputs) for each in voices]),
        ("prompts", [str(each.prompts) for each in voices]),
        ("alike", [str(each.alike) for each in voices]),
        ("words", [_spread(each.words) for each in voices]),
        ("reward", [_spread(each.reward) for each in voices]),
        ("nats a token", [_spread(each.likelihood) for each in voices]),
        ("KL", [NOT_KNOWN if each.kl is None else f"{each.kl:.3g}" for each in voices]),
        *((remark.value.replace("_", " "), [_share(each, remark) for each in voices]) for remark in Remark),
    ]


def _spread(spread: Spread | None) -> str:
    return NOT_KNOWN if spread is None else f"{spread.mean:.3g} ({spread.low:.3g} to {spread.high:.3g})"


def _share(figures: Figures, remark: Remark) -> str:
    return f"{figures.shares[remark]:.1%}" if remark in figures.shares else NOT_KNOWN
