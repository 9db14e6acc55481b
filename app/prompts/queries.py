"""Reads about prompts."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, String, cast, func, select
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.projects.models import Project
from app.prompts.models import Prompt, Source, Split

PAGE = 50


@dataclass(frozen=True)
class PromptSearch:
    """`words` are looked for anywhere in the messages, small or capital."""

    project_id: int | None = None
    words: str = ""
    split: Split | None = None
    source: Source | None = None


@dataclass(frozen=True)
class Listed:
    prompt: Prompt
    project: str


def prompt(session: Session, number: int) -> Prompt:
    found = session.get(Prompt, number)
    if found is None:
        raise NotFound(what="prompt", number=number)
    return found


def prompts_found(session: Session, search: PromptSearch, page: int = 1) -> list[Listed]:
    """Fifty at a time, newest first; `page` counts from 1."""
    query = (
        select(Prompt, Project.name)
        .join(Project, Project.id == Prompt.project_id)
        .where(*_conditions(search))
        .order_by(Prompt.id.desc())
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    )
    return [Listed(found, name) for found, name in session.execute(query)]


def count_found(session: Session, search: PromptSearch) -> int:
    return session.scalars(select(func.count()).select_from(Prompt).where(*_conditions(search))).one()


def counts_by_project(session: Session) -> dict[int, int]:
    rows = session.execute(select(Prompt.project_id, func.count()).group_by(Prompt.project_id))
    return {project_id: int(count) for project_id, count in rows}


def counts_by_split(session: Session, project: Project) -> dict[Split, int]:
    query = select(Prompt.split, func.count()).where(Prompt.project_id == project.id).group_by(Prompt.split)
    found = {split: int(count) for split, count in session.execute(query)}
    return {split: found.get(split, 0) for split in Split}


def _conditions(search: PromptSearch) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if search.project_id is not None:
        conditions.append(Prompt.project_id == search.project_id)
    if search.words:
        conditions.append(cast(Prompt.messages, String).icontains(search.words, autoescape=True))
    if search.split is not None:
        conditions.append(Prompt.split == search.split)
    if search.source is not None:
        conditions.append(Prompt.source == search.source)
    return conditions


def use_cases_of(session: Session, project: Project) -> list[str]:
    query = select(Prompt.use_case).where(Prompt.project_id == project.id, Prompt.use_case.is_not(None)).distinct()
    return [name for name in session.scalars(query.order_by(Prompt.use_case)) if name]
