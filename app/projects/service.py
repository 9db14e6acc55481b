"""Projects, and new versions of their guidelines and rating form."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.errors import DomainError, InvalidInput, message
from app.projects.forms import RatingForm
from app.projects.models import FormVersion, Guidelines, Project
from app.projects.ready_made import INSTRUCT_GPT, READY_MADE


class ProjectNameTaken(DomainError):
    sentence = message("There is already a project named {name}.")


class NoSuchForm(InvalidInput):
    sentence = message("There is no ready-made form named {name}.")


def create_project(
    session: Session,
    name: str,
    *,
    author: User | None = None,
    guidelines: str = "",
    form: RatingForm = INSTRUCT_GPT,
    default_k: int = 4,
    default_overlap: int = 1,
) -> Project:
    """A project with the first version of its guidelines (Markdown) and rating form."""
    if session.scalar(select(Project.id).where(Project.name == name)):
        raise ProjectNameTaken(name=name)
    project = Project(name=name, default_k=default_k, default_overlap=default_overlap)
    session.add(project)
    session.flush()
    publish_guidelines(session, project, guidelines, author=author)
    publish_form(session, project, form, author=author)
    return project


def publish_guidelines(session: Session, project: Project, text: str, *, author: User | None = None) -> Guidelines:
    guidelines = Guidelines(
        project_id=project.id,
        version=_next_version(session, Guidelines, project),
        text=text,
        author_id=author.id if author else None,
    )
    session.add(guidelines)
    session.flush()
    return guidelines


def publish_form(session: Session, project: Project, form: RatingForm, *, author: User | None = None) -> FormVersion:
    """The form that campaigns opened from now on will freeze."""
    return add_form(session, project, FormVersion(author_id=author.id if author else None), form)


def keep_imported_form(session: Session, project: Project, form: RatingForm) -> FormVersion:
    """A form that describes imported annotations, kept once; it never becomes the project's current one."""
    query = select(FormVersion).where(FormVersion.project_id == project.id, FormVersion.imported)
    known = session.scalars(query.where(FormVersion.definition == _definition(form)).limit(1)).first()
    return known or add_form(session, project, FormVersion(imported=True), form)


def keep_ready_made_form(session: Session, project: Project, name: str) -> FormVersion:
    """For campaigns that ask for it; kept once, never the project's current one. Raises `NoSuchForm`."""
    if name not in READY_MADE:
        raise NoSuchForm(name=name)
    query = select(FormVersion).where(FormVersion.project_id == project.id, FormVersion.ready_made == name)
    known = session.scalars(query.where(FormVersion.definition == _definition(READY_MADE[name])).limit(1)).first()
    return known or add_form(session, project, FormVersion(ready_made=name), READY_MADE[name])


def _definition(form: RatingForm) -> dict[str, Any]:
    return form.model_dump(mode="json", exclude_defaults=True)


def add_form(session: Session, project: Project, version: FormVersion, form: RatingForm) -> FormVersion:
    """`version` says whose form it is; it gets the project's next number."""
    version.project_id = project.id
    version.version = _next_version(session, FormVersion, project)
    version.definition = _definition(form)
    session.add(version)
    session.flush()
    return version


def _next_version(session: Session, kind: type[Guidelines] | type[FormVersion], project: Project) -> int:
    # two editors at once: the second waits here instead of failing on the unique version
    session.execute(select(Project.id).where(Project.id == project.id).with_for_update())
    latest = session.scalar(select(func.max(kind.version)).where(kind.project_id == project.id))
    return (latest or 0) + 1
