"""Every table of Rondo, for those who need the metadata complete: commands, migrations, tests."""

from app.accounts import models as accounts
from app.annotations import models as annotations
from app.annotations.review import models as reviews
from app.automation import models as automation
from app.campaigns import models as campaigns
from app.checkpoints import models as checkpoints
from app.completions import models as completions
from app.datasets import models as datasets
from app.db import Base
from app.evaluation.cross_validation import models as cross_validation
from app.notifications import models as notifications
from app.projects import models as projects
from app.prompts import models as prompts
from app.quality.gold import models as gold
from app.quality.screening import models as quality
from app.rounds import models as rounds
from app.runs import models as runs
from app.tasks import models as tasks

__all__ = [
    "accounts",
    "annotations",
    "automation",
    "campaigns",
    "checkpoints",
    "completions",
    "cross_validation",
    "datasets",
    "gold",
    "notifications",
    "projects",
    "prompts",
    "quality",
    "reviews",
    "rounds",
    "runs",
    "tasks",
]

metadata = Base.metadata


def is_ours(name: str | None, kind: str, _parents: object = None) -> bool:
    """For Alembic's `include_name`: procrastinate's tables come with a revision and have no models."""
    return kind != "table" or not (name or "").startswith("procrastinate_")
