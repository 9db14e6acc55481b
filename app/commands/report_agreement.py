"""`rondo report agreement`: how far labelers agree, as tables in the terminal or as JSON."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from app.accounts.models import Cohort
from app.config import settings
from app.db import transaction
from app.projects.queries import require_project
from app.quality.agreement.as_given import PairCounts, outputs_as_given, pair_counts
from app.quality.agreement.coefficients import Figure
from app.quality.agreement.queries import labelers_named
from app.quality.agreement.questions import Part
from app.quality.agreement.rows import MEASURES, PARTS, REASONS, rows_of_figures, rows_of_pairs
from app.quality.agreement.scope import People, Scope
from app.quality.agreement.tables import Agreement, LabelerPair, agreement_in
from app.rounds.queries import campaigns_of_round, round_by_id
from app.storage import storage

COLUMNS = ("value", "95 % interval", "items", "comparisons", "prompts")


def agreement(
    project: Annotated[str, typer.Argument(help="The project's name.")],
    campaign: Annotated[list[int] | None, typer.Option(help="A campaign's number; may be given again.")] = None,
    round_number: Annotated[int | None, typer.Option("--round", help="The number in a round's address.")] = None,
    cohort: Annotated[Cohort | None, typer.Option(help="Of one cohort alone, as stamped on the answers.")] = None,
    people: Annotated[People, typer.Option(help="Whose answers.")] = "people",
    use_case: Annotated[str | None, typer.Option(help="Of prompts of one use case alone.")] = None,
    labeler: Annotated[list[str] | None, typer.Option(help="A labeler's name; twice for a pair.")] = None,
    about: Annotated[Part | None, typer.Option(help="One kind of question alone.")] = None,
    pairs: Annotated[int, typer.Option(min=0, help="So many pairs of labelers a question, most shared first.")] = 0,
    excluded: Annotated[bool, typer.Option(help="Count what reviewers excluded or sent back too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as one JSON object.")] = False,
) -> None:
    """How far labelers agree, by every coefficient that suits the question, with 95 % intervals over prompts."""
    with storage(settings()) as engine, transaction(engine) as session:
        found = require_project(session, project)
        scope = Scope(
            project=found.id,
            campaigns=_campaigns(session, campaign, round_number),
            cohort=cohort,
            people=people,
            use_case=use_case,
            labelers=labelers_named(session, found, labeler) if labeler else None,
            excluded=excluded,
        )
        figures = _only(agreement_in(session, scope, most_pairs=pairs), about)
        counts = pair_counts(outputs_as_given(session, scope))
    say = _as_json if as_json else _as_tables
    say(figures, counts)


def _campaigns(session: Session, numbers: list[int] | None, round_number: int | None) -> tuple[int, ...] | None:
    chosen = tuple(numbers or ())
    if round_number is not None:
        chosen += campaigns_of_round(session, round_by_id(session, round_number))
    return chosen if chosen or round_number is not None else None


def _only(figures: Agreement, part: Part | None) -> Agreement:
    if part is None:
        return figures
    lines = [line for line in figures.lines if line.part is part]
    return replace(figures, lines=lines, pairs=[pair for pair in figures.pairs if pair.part is part])


def _as_json(figures: Agreement, counts: PairCounts) -> None:
    whole = {
        "labelers": figures.labelers,
        "excluded": figures.excluded,
        "pairs_of_outputs": {"first": counts.first, "second": counts.second, "tied": counts.tied},
        "figures": rows_of_figures(figures.lines),
        "labeler_pairs": rows_of_pairs(figures.pairs),
    }
    typer.echo(json.dumps(whole, ensure_ascii=False, indent=1))


def _as_tables(figures: Agreement, counts: PairCounts) -> None:
    typer.echo(f"{figures.labelers} labelers; {counts.tied} of {counts.pairs} pairs of outputs tied")
    if figures.excluded:
        typer.echo(f"{figures.excluded} answers are kept out by reviewers; --excluded counts them")
    table = Table("question", "coefficient", *COLUMNS)
    for line in figures.lines:
        table.add_row(line.label or PARTS[line.part], MEASURES[line.measure], *_cells(line.figure))
    Console().print(table)
    if figures.pairs:
        Console().print(_table_of_pairs(figures.pairs))


def _table_of_pairs(pairs: Iterable[LabelerPair]) -> Table:
    table = Table("labelers", "question", "coefficient", *COLUMNS)
    for pair in pairs:
        for measure, figure in pair.figures.items():
            names = f"{pair.first}, {pair.second}"
            table.add_row(names, pair.label or PARTS[pair.part], MEASURES[measure], *_cells(figure))
    return table


def _cells(figure: Figure) -> tuple[str, ...]:
    interval = f"{figure.low:.3f} to {figure.high:.3f}" if figure.low is not None else "not enough"
    value = f"{figure.value:.3f}" if figure.value is not None else REASONS[figure.undefined] if figure.undefined else ""
    return value, interval, str(figure.items), str(figure.comparisons), str(figure.clusters)
