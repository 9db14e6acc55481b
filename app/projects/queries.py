"""Reads about projects."""

import json
from functools import lru_cache

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.errors import DomainError, NotFound, message
from app.projects.forms import RatingForm
from app.projects.models import FormVersion, Guidelines, Project


class NoSuchProject(DomainError):
    sentence = message("There is no project named {name}. Make it with: rondo projects create '{name}'")


def projects(session: Session) -> list[Project]:
    return list(session.scalars(select(Project).order_by(Project.archived, Project.name)))


def project(session: Session, number: int) -> Project:
    found = session.get(Project, number)
    if found is None:
        raise NotFound(what="project", number=number)
    return found


def project_named(session: Session, name: str) -> Project | None:
    return session.scalar(select(Project).where(Project.name == name))


def require_project(session: Session, name: str) -> Project:
    """Raises `NoSuchProject`."""
    found = project_named(session, name)
    if found is None:
        raise NoSuchProject(name=name)
    return found


def guidelines_versions(session: Session, project: Project) -> list[Guidelines]:
    """Newest first."""
    query = select(Guidelines).where(Guidelines.project_id == project.id).order_by(Guidelines.version.desc())
    return list(session.scalars(query))


def form_versions(session: Session, project: Project) -> list[FormVersion]:
    """Newest first; the project's own alone."""
    return list(session.scalars(select(FormVersion).where(*_own(project)).order_by(FormVersion.version.desc())))


def current_guidelines(session: Session, project: Project) -> Guidelines:
    query = select(Guidelines).where(Guidelines.project_id == project.id).order_by(Guidelines.version.desc())
    return session.scalars(query.limit(1)).one()


def current_form(session: Session, project: Project) -> FormVersion:
    query = select(FormVersion).where(*_own(project)).order_by(FormVersion.version.desc())
    return session.scalars(query.limit(1)).one()


def labels_in(session: Session, project: Project) -> dict[str, str]:
    """What is asked of outputs on all forms of the project, by the names in answers; a newer form speaks first."""
    versions = select(FormVersion).where(FormVersion.project_id == project.id)
    forms = session.scalars(versions.order_by(FormVersion.imported.desc(), FormVersion.version)).all()
    return {asked.name: asked.label for form in forms for asked in rating_form(form).output}


def _own(project: Project) -> list[ColumnElement[bool]]:
    """Not what describes imported annotations, a rule's form, or a ready-made one that a campaign asked for."""
    return [
        FormVersion.project_id == project.id,
        ~FormVersion.imported,
        FormVersion.rule_id.is_(None),
        FormVersion.ready_made.is_(None),
    ]


def rating_form(version: FormVersion) -> RatingForm:
    """Every page and every submission needs it, so what was read is kept by what is written there."""
    return _form_of(json.dumps(version.definition))


@lru_cache
def _form_of(definition: str) -> RatingForm:
    return RatingForm.model_validate_json(definition)
