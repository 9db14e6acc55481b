"""What there is to choose from where agreement is looked at."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.models import Annotation
from app.annotations.review.conditions import by_its_labeler
from app.campaigns.models import Campaign
from app.errors import DomainError, message
from app.projects.models import Project
from app.tasks.models import Task


class NoSuchLabeler(DomainError):
    sentence = message("Nobody named {name} has answered a task of the project.")


def labelers_in(session: Session, project: Project) -> Sequence[User]:
    """Who has submitted anything in the project. Of each the index is read until the first is found."""
    campaigns = session.scalars(select(Campaign.id).where(Campaign.project_id == project.id)).all()
    first = (
        select(Annotation.id)
        .join(Task, Task.id == Annotation.task_id)
        .where(Annotation.labeler_id == User.id, Task.campaign_id.in_(campaigns), by_its_labeler())
        .limit(1)
        .correlate(User)
        .scalar_subquery()
    )
    return session.scalars(select(User).where(first.is_not(None)).order_by(User.name, User.id)).all()


def labelers_named(session: Session, project: Project, names: Sequence[str]) -> tuple[int, ...]:
    """Their ids; of an imported labeler the name in the file will do. Raises `NoSuchLabeler`."""
    people = labelers_in(session, project)
    found = {name: [user.id for user in people if name in (user.name, user.name.rpartition("/")[2])] for name in names}
    for name, ids in found.items():
        if not ids:
            raise NoSuchLabeler(name=name)
    return tuple(number for ids in found.values() for number in ids)
