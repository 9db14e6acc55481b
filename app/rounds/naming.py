"""Free names for what a round makes: a project has each name once, and people name theirs as they like."""

from itertools import count

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.campaigns.models import Campaign
from app.datasets.models import Dataset
from app.projects.models import Project


def free_name(session: Session, project: Project, kind: type[Campaign | Dataset], wanted: str) -> str:
    """`wanted`, or the first of "wanted (2)", "wanted (3)" and so on that nothing of this kind has."""
    query = select(kind.name).where(kind.project_id == project.id, kind.name.startswith(wanted, autoescape=True))
    taken = set(session.scalars(query))
    names = (wanted if number == 1 else f"{wanted} ({number})" for number in count(1))
    return next(name for name in names if name not in taken)
