"""Reads about datasets."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.annotations.models import Annotation
from app.campaigns.models import Campaign
from app.datasets.filtering import DatasetFilter, prompts_taken
from app.datasets.models import Dataset, DatasetAnnotation, DatasetKind
from app.datasets.rows import annotations_of
from app.errors import NotFound
from app.projects.models import Project
from app.prompts.models import Prompt, Split
from app.tasks.models import Task


@dataclass(frozen=True)
class Listed:
    dataset: Dataset
    project: str


def dataset(session: Session, number: int) -> Dataset:
    found = session.get(Dataset, number)
    if found is None:
        raise NotFound(what="dataset", number=number)
    return found


def datasets(session: Session, project: Project | None = None) -> list[Listed]:
    """Newest first."""
    query = select(Dataset, Project.name).join(Project, Project.id == Dataset.project_id)
    if project is not None:
        query = query.where(Dataset.project_id == project.id)
    return [Listed(dataset, name) for dataset, name in session.execute(query.order_by(Dataset.id.desc()))]


def dataset_named(session: Session, name: str, project: Project | None = None) -> Dataset | None:
    """By name, or by number where the name is one; newest first where projects share a name."""
    query = select(Dataset).where(Dataset.name == name).order_by(Dataset.id.desc())
    if project is not None:
        query = query.where(Dataset.project_id == project.id)
    found = session.scalars(query.limit(1)).first()
    return found or (session.get(Dataset, int(name)) if name.isdecimal() else None)


def counts_by_split(session: Session, project: Project, kind: DatasetKind, chosen: DatasetFilter) -> dict[Split, int]:
    """How many rows a filter takes now, before `at_most`."""
    if kind is DatasetKind.PROMPTS:
        query = select(Prompt.split, func.count()).where(*prompts_taken(project, chosen))
    else:
        query = annotations_of(project, kind, chosen).add_columns(Prompt.split, func.count())
    found = {split: int(count) for split, count in session.execute(query.group_by(Prompt.split))}
    return {split: found.get(split, 0) for split in Split}


def sources_of(session: Session, dataset: Dataset) -> list[tuple[Campaign, int]]:
    """The campaigns that its rows came from, with how many."""
    query = (
        select(Campaign, func.count())
        .join(Task, Task.campaign_id == Campaign.id)
        .join(Annotation, Annotation.task_id == Task.id)
        .join(DatasetAnnotation, DatasetAnnotation.annotation_id == Annotation.id)
        .where(DatasetAnnotation.dataset_id == dataset.id)
        .group_by(Campaign.id)
        .order_by(Campaign.id)
    )
    return [(campaign, count) for campaign, count in session.execute(query)]
