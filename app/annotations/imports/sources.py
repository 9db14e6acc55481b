"""Where imported annotations say they come from: pseudonymous labelers and closed campaigns."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin, Role, User
from app.campaigns.models import Campaign, CampaignKind, CampaignState
from app.clock import now
from app.projects.models import FormVersion, Project


@dataclass(frozen=True)
class ImportSource:
    """`name` stands in the names of the campaign and of the pseudonymous labelers."""

    name: str
    form: FormVersion
    by: User | None


class Labelers:
    """Pseudonymous labelers of one source, made when first met."""

    def __init__(self, session: Session, prefix: str) -> None:
        self.made = 0
        self._session = session
        self._prefix = prefix
        self._ids: dict[str, int] = {}

    def number(self, name: str, cohort: str) -> int:
        if name not in self._ids:
            self._ids[name] = self._find(name) or self._make(name, cohort)
        return self._ids[name]

    def _pseudonym(self, name: str) -> str:
        return f"{self._prefix}/{name}" if name else self._prefix

    def _find(self, name: str) -> int | None:
        query = select(User.id).where(User.origin == Origin.IMPORTED, User.name == self._pseudonym(name))
        return self._session.scalar(query)

    def _make(self, name: str, cohort: str) -> int:
        user = User(
            name=self._pseudonym(name), role=Role.LABELER, cohort=Cohort(cohort), origin=Origin.IMPORTED, active=False
        )
        self._session.add(user)
        self._session.flush()
        self.made += 1
        return user.id


class Campaigns:
    """The closed campaigns that a file becomes, one a kind, made when first needed."""

    def __init__(self, session: Session, project: Project, source: ImportSource) -> None:
        self._session = session
        self._project = project
        self._source = source
        self._made: dict[CampaignKind, Campaign] = {}

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(campaign.id for campaign in self._made.values())

    def of(self, kind: CampaignKind) -> Campaign:
        if kind not in self._made:
            self._made[kind] = self._make(kind)
        return self._made[kind]

    def _make(self, kind: CampaignKind) -> Campaign:
        campaign = Campaign(
            project_id=self._project.id,
            name=self._free_name(f"Imported: {self._source.name} ({kind.value})"),
            kind=kind,
            state=CampaignState.CLOSED,
            imported=True,
            form_version_id=self._source.form.id,
            created_by_id=self._source.by.id if self._source.by else None,
            opened_at=now(),
            closed_at=now(),
        )
        self._session.add(campaign)
        self._session.flush()
        return campaign

    def _free_name(self, wanted: str) -> str:
        query = select(Campaign.name).where(
            Campaign.project_id == self._project.id, Campaign.name.startswith(wanted, autoescape=True)
        )
        taken = set(self._session.scalars(query))
        names = [wanted, *(f"{wanted} {number}" for number in range(2, len(taken) + 2))]
        return next(name for name in names if name not in taken)
