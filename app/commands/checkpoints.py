"""`rondo checkpoints`: the models there are, where they come from, and what becomes of their files."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from rich.tree import Tree
from sqlalchemy.orm import Session

from app.checkpoints.files import remove_files
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.queries import Listed, checkpoints
from app.checkpoints.queries import checkpoint as checkpoint_numbered
from app.checkpoints.registering import register_outside_model
from app.checkpoints.service import archive as archive_checkpoint
from app.checkpoints.service import bring_back
from app.checkpoints.service import pin as pin_checkpoint
from app.checkpoints.service import unpin as unpin_checkpoint
from app.config import settings
from app.db import transaction
from app.projects.queries import require_project
from app.rounds.dependants import Dependants, delete_files, dependants_of
from app.rounds.lineage import Lineage, lineage_of
from app.runs.queries import datasets_read_by, run_that_produced
from app.storage import storage

app = typer.Typer(add_completion=False, no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="The checkpoint's number in its address, /checkpoints/NUMBER.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


@contextmanager
def _session() -> Iterator[Session]:
    with storage(settings()) as engine, transaction(engine) as session:
        yield session


def _print_json(told: Any) -> None:
    typer.echo(json.dumps(told, indent=2, ensure_ascii=False))


@app.command("list")
def list_them(
    project: Annotated[str | None, typer.Option(help="Of one project alone, by its name.")] = None,
    kind: Annotated[CheckpointKind | None, typer.Option(help="Of one kind alone.")] = None,
    pinned: Annotated[bool, typer.Option(help="Those that are pinned alone.")] = False,
    archived: Annotated[bool, typer.Option(help="With those that were archived.")] = False,
    as_json: AsJson = False,
) -> None:
    """Newest first."""
    with _session() as session:
        chosen = require_project(session, project) if project is not None else None
        found = checkpoints(session, chosen, kind=kind, pinned=pinned, archived=archived)
        if as_json:
            _print_json([_told(line.checkpoint) | {"project": line.project} for line in found])
        else:
            Console().print(_table(found))


def _table(found: list[Listed]) -> Table:
    table = Table("Number", "Name", "Kind", "Made from", "Project", "Size", "SHA-256", "State")
    for line in found:
        each, parent = line.checkpoint, line.parent.name if line.parent else ""
        named = [each.name, each.kind.value, parent, line.project, _size(each), (each.digest or "")[:12], _state(each)]
        table.add_row(str(each.id), *map(escape, named))
    return table


def _size(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.size / 1e6:,.1f} MB" if checkpoint.size is not None else ""


def _state(checkpoint: Checkpoint) -> str:
    marks = {
        "pinned": checkpoint.pinned,
        "archived": checkpoint.archived_at,
        "files deleted": checkpoint.files_deleted_at,
    }
    return ", ".join(name for name, holds in marks.items() if holds)


def _told(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "id": checkpoint.id,
        "name": checkpoint.name,
        "kind": checkpoint.kind.value,
        "parent": checkpoint.parent_id,
        "location": checkpoint.location,
        "digest": checkpoint.digest,
        "size": checkpoint.size,
        "pinned": checkpoint.pinned,
        "archived": checkpoint.archived_at is not None,
        "files_deleted": checkpoint.files_deleted_at is not None,
        "made": checkpoint.created_at.isoformat(),
        "metrics": checkpoint.metrics,
    }


@app.command()
def show(number: Number, as_json: AsJson = False) -> None:
    """One checkpoint: where it is, what made it, from which data and with which settings."""
    with _session() as session:
        checkpoint = checkpoint_numbered(session, number)
        run = run_that_produced(session, checkpoint)
        told = _told(checkpoint) | {
            "run": run.id if run else None,
            "settings": run.settings if run else {},
            "datasets": {each.name: each.digest for each in datasets_read_by(session, run)} if run else {},
        }
    if as_json:
        _print_json(told)
    else:
        _print_facts(told)


def _print_facts(told: dict[str, Any]) -> None:
    table = Table(show_header=False)
    for name, value in told.items():
        said = ", ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else str(value)
        table.add_row(name.replace("_", " "), "" if value is None else escape(said))
    Console().print(table)


@app.command()
def register(
    project: Annotated[str, typer.Argument(help="The project's name.")],
    name: Annotated[str, typer.Argument(help="How it is to be called here.")],
    location: Annotated[str, typer.Argument(help="An absolute path that workers can read, or owner/name on the hub.")],
    kind: Annotated[CheckpointKind, typer.Option(help="What it is.")] = CheckpointKind.BASE,
    parent: Annotated[int | None, typer.Option(help="The number of the checkpoint that it was made from.")] = None,
) -> None:
    """Make a model from elsewhere known, to start rounds from."""
    with _session() as session:
        found = checkpoint_numbered(session, parent) if parent is not None else None
        made = register_outside_model(session, require_project(session, project), kind, name, location, parent=found)
        typer.echo(f"Checkpoint {made.id}: {made.name}")


@app.command()
def pin(number: Number) -> None:
    """Keep its files from being deleted."""
    with _session() as session:
        pin_checkpoint(session, checkpoint_numbered(session, number))


@app.command()
def unpin(number: Number) -> None:
    """Let its files be deleted again."""
    with _session() as session:
        unpin_checkpoint(checkpoint_numbered(session, number))


@app.command()
def archive(number: Number) -> None:
    """Take it out of the lists."""
    with _session() as session:
        archive_checkpoint(checkpoint_numbered(session, number))


@app.command()
def unarchive(number: Number) -> None:
    """Bring it back into the lists."""
    with _session() as session:
        bring_back(checkpoint_numbered(session, number))


@app.command()
def delete(
    number: Number,
    yes: Annotated[bool, typer.Option("--yes", help="Without asking.")] = False,
) -> None:
    """Delete its files, after showing what depends on them. What is known of it stays."""
    files = settings().files
    with storage(settings()) as engine:
        with transaction(engine) as session:
            checkpoint = checkpoint_numbered(session, number)
            _print_dependants(dependants_of(session, checkpoint))
        if not yes:
            typer.confirm(f"Delete the files of {checkpoint.name}?", abort=True)
        with transaction(engine) as session:
            delete_files(session, files, checkpoint_numbered(session, number))
        remove_files(files, str(checkpoint.location))  # now, and not when a worker comes to it


def _print_dependants(found: Dependants) -> None:
    for what, named in {
        "Rounds under way that need it": [str(each.number) for each in found.rounds],
        "Runs that have yet to read it": [str(each.id) for each in found.runs],
        "Checkpoints made from it": [each.name for each in found.children],
        "Past runs that could not be repeated": [str(each.id) for each in found.past],
    }.items():
        if named:
            typer.echo(f"{what}: {', '.join(named)}")


@app.command()
def lineage(number: Number, as_json: AsJson = False) -> None:
    """What it was made from: checkpoints, datasets, campaigns and labelers."""
    with _session() as session:
        found = lineage_of(session, checkpoint_numbered(session, number))
        if as_json:
            _print_json(found.as_json())
        else:
            Console().print(_tree(found, found.root, None, set()))


def _tree(found: Lineage, number: int, above: Tree | None, seen: set[object], setting: str = "") -> Tree:
    """Each checkpoint and dataset is opened once; where it comes again, its name alone."""
    node = found.checkpoints[number]
    run = f", run {node.run.id}" if node.run else ""
    label = f"{setting}{': ' if setting else ''}{node.checkpoint.name} ({node.checkpoint.kind.value}{run})"
    tree = above.add(Text(label)) if above else Tree(Text(label))
    if number not in seen:
        seen.add(number)
        for each, below in node.datasets:
            _add_dataset(tree, found, below, each, seen)
        for each, below in node.checkpoints:
            _tree(found, below, tree, seen, each)
    return tree


def _add_dataset(tree: Tree, found: Lineage, number: int, setting: str, seen: set[object]) -> None:
    node = found.datasets[number]
    label = f"{setting}: {node.dataset.name} ({node.dataset.rows} rows, {node.dataset.digest[:12]})"
    branch = tree.add(Text(label))
    people_of = {} if node.dataset in seen else node.campaigns
    seen.add(node.dataset)
    for campaign, people in people_of.items():
        named = ", ".join(f"{each.user.name} {each.annotations}" for each in people)
        branch.add(Text(f"{campaign.name}: {named}"))
