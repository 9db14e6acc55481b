"""Freezing a dataset: rows to files, files to a folder that is never changed again."""

import json
import re
import uuid
from array import array
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.clock import now
from app.datasets.filtering import DatasetFilter
from app.datasets.folders import FOLDER, removed_on_rollback
from app.datasets.kept_out import counts_kept_out
from app.datasets.models import Dataset, DatasetAnnotation, DatasetKind
from app.datasets.rows import TakenRow, rows_of
from app.db import in_batches
from app.errors import DomainError, message
from app.files.place import Files, here, keep
from app.projects.models import FormVersion, Project
from trainer.manifest import Manifest, file_digest, write_manifest
from trainer.records import Comparison, to_line

FORMS = "forms.json"
SPLIT_RULE = message("by customer, else by prompt; what held-out labelers wrote is test")
BATCH = 5000


class NothingToFreeze(DomainError):
    sentence = message("Nothing matches this filter, so there is nothing to freeze.")


class DatasetNameTaken(DomainError):
    sentence = message("There is already a dataset named {name} in this project.")


@dataclass
class Written:
    """What went into the file: rows, the annotations they came from, the form versions they speak of."""

    rows: int = 0
    annotation_ids: "array[int]" = field(default_factory=lambda: array("q"))
    forms: set[int] = field(default_factory=set)


def freeze_dataset(
    session: Session,
    files: Files,
    project: Project,
    name: str,
    kind: DatasetKind,
    chosen: DatasetFilter,
    *,
    by: User | None = None,
) -> Dataset:
    """Writes a folder below `files`, which goes again if the transaction does.

    Raises `NothingToFreeze`, `DatasetNameTaken`.
    """
    if session.scalar(select(Dataset.id).where(Dataset.project_id == project.id, Dataset.name == name)):
        raise DatasetNameTaken(name=name)
    unfinished = here(files) / FOLDER / f"unfinished-{uuid.uuid4().hex}"
    unfinished.mkdir(parents=True)
    with removed_on_rollback(session, here(files), f"{FOLDER}/{unfinished.name}"):
        written = _write_rows(unfinished / f"{kind}.jsonl", rows_of(session, project, kind, chosen))
        if not written.rows:
            raise NothingToFreeze()
        manifest = _write_manifest(session, unfinished, project, kind, chosen, written)
        dataset = _register(session, project, name, manifest, by)
        _keep_lineage(session, dataset, written)
    dataset.location = f"{FOLDER}/{dataset.id}-{_slug(name)}"
    folder = here(files) / dataset.location
    folder.mkdir()
    with removed_on_rollback(session, files, dataset.location):
        unfinished.rename(folder)
        keep(files, dataset.location)
    session.flush()
    return dataset


def _write_rows(path: Path, rows: Iterable[TakenRow]) -> Written:
    written = Written()
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(to_line(row.record) + "\n")
            written.rows += 1
            if row.annotation_id is not None:
                written.annotation_ids.append(row.annotation_id)
            if isinstance(row.record, Comparison) and row.record.form:
                written.forms.add(int(row.record.form))
    return written


def _write_manifest(
    session: Session, folder: Path, project: Project, kind: DatasetKind, chosen: DatasetFilter, written: Written
) -> Manifest:
    counts = {f"{kind}.jsonl": written.rows}
    if kind is DatasetKind.COMPARISONS:
        counts[FORMS] = _write_forms(session, folder / FORMS, project, written.forms)
    manifest = Manifest(
        kind=kind.value,
        counts=counts,
        sha256={file: file_digest(folder / file) for file in counts},
        filter=chosen.model_dump(mode="json"),
        split_rule=SPLIT_RULE,
        created=now().isoformat(timespec="seconds"),
        excluded=counts_kept_out(session, project, kind, chosen),
    )
    write_manifest(folder, manifest)
    return manifest


def _write_forms(session: Session, path: Path, project: Project, versions: set[int]) -> int:
    """The forms that the comparisons were rated on, by version."""
    query = select(FormVersion).where(FormVersion.project_id == project.id, FormVersion.version.in_(versions))
    forms = {str(form.version): form.definition for form in session.scalars(query)}
    path.write_text(json.dumps(forms, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    return len(forms)


def _register(session: Session, project: Project, name: str, manifest: Manifest, by: User | None) -> Dataset:
    dataset = Dataset(
        project_id=project.id,
        name=name,
        kind=DatasetKind(manifest.kind),
        filter=dict(manifest.filter),
        manifest=asdict(manifest),
        digest=manifest.digest,
        rows=manifest.counts[f"{manifest.kind}.jsonl"],
        location="",
        created_by_id=by.id if by else None,
    )
    session.add(dataset)
    session.flush()
    return dataset


def _keep_lineage(session: Session, dataset: Dataset, written: Written) -> None:
    for batch in in_batches(written.annotation_ids, BATCH):
        rows = [{"dataset_id": dataset.id, "annotation_id": number} for number in batch]
        session.execute(insert(DatasetAnnotation), rows)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "dataset"
