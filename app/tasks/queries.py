"""Reads about tasks and assignments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Row, Select, and_, any_, bindparam, func, select
from sqlalchemy.orm import Session, object_session

from app.accounts.models import User
from app.campaigns.models import Campaign, CampaignMember
from app.campaigns.queries import open_to
from app.completions.models import Completion
from app.db import Base
from app.errors import NotFound
from app.projects.models import FormVersion, Guidelines, GuidelinesAcknowledgement
from app.prompts.models import Prompt
from app.tasks.briefs import Brief
from app.tasks.locks import remember_lock
from app.tasks.models import CHECKS, Assignment, AssignmentState, Task, TaskCompletion

MOST_COUNTED = 1_000  # tasks that wait: nobody needs to know more, and counting 100,000 takes twenty times as long


@dataclass(frozen=True)
class Desk:
    """All that a labeler needs to do one task.

    There is a prompt, or a brief to write one by. `beside` keeps in the session what every desk needs and came in the
    same statement: the form, the guidelines, and that the labeler acknowledged them.
    """

    assignment: Assignment
    task: Task
    campaign: Campaign
    prompt: Prompt | None
    beside: tuple[Base | None, ...] = ()

    @cached_property
    def outputs(self) -> tuple[Completion, ...]:
        """In the order drawn for this assignment. Read when asked for: most of what is sent is taken without them."""
        session, shown = object_session(self.assignment), self.assignment.shown_order
        assert session is not None
        by_id = {completion.id: completion for completion in session.scalars(_shown(), {"shown": shown})}
        return tuple(by_id[number] for number in shown)

    @property
    def brief(self) -> Brief | None:
        return Brief.model_validate(self.task.brief) if self.task.brief is not None else None


@dataclass(frozen=True)
class Offer:
    """A campaign that a labeler may work in, with the tasks that wait there for them; `more` is a `+` or nothing."""

    campaign: Campaign
    waiting: int

    @property
    def more(self) -> str:
        return "+" if self.waiting >= MOST_COUNTED else ""


@dataclass(frozen=True)
class Unfinished:
    """Work begun and not submitted; it may be opened and submitted even after its lease expired."""

    assignment: Assignment
    campaign: Campaign


def task(session: Session, number: int) -> Task:
    found = session.get(Task, number)
    if found is None:
        raise NotFound(what="task", number=number)
    return found


def assignment_of(session: Session, labeler: User, number: int) -> Assignment:
    """Somebody else's is not there at all."""
    found = session.get(Assignment, number)
    if found is None or found.labeler_id != labeler.id:
        raise NotFound(what="assignment", number=number)
    return found


def desk(session: Session, assignment: Assignment) -> Desk:
    its_own = {"assignment": assignment.id, "labeler": assignment.labeler_id}
    return _read(session.execute(_desk(), its_own).one())


def desk_of(session: Session, labeler: User, number: int, *, locked: bool = False) -> Desk:
    """By the number of the assignment, which nobody else may change then if `locked`. Others' are not there at all."""
    query = _desk_to_change() if locked else _desk()
    found = session.execute(query, {"assignment": number, "labeler": labeler.id}).one_or_none()
    if found is None:
        raise NotFound(what="assignment", number=number)
    if locked:
        remember_lock(session, found[0])
    return _read(found)


@cache  # every desk asks it: to put it together takes as long as to have it answered
def _desk() -> Select[*tuple[Any, ...]]:
    """A desk's fields, of one assignment."""
    acknowledged = and_(
        GuidelinesAcknowledgement.guidelines_id == Guidelines.id,
        GuidelinesAcknowledgement.user_id == Assignment.labeler_id,
    )
    return (
        select(Assignment, Task, Campaign, Prompt, FormVersion, Guidelines, GuidelinesAcknowledgement)
        .join(Task, Task.id == Assignment.task_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .outerjoin(Prompt, Prompt.id == Task.prompt_id)
        .outerjoin(FormVersion, FormVersion.id == Campaign.form_version_id)
        .outerjoin(Guidelines, Guidelines.id == Campaign.guidelines_id)
        .outerjoin(GuidelinesAcknowledgement, acknowledged)
        .where(Assignment.id == bindparam("assignment"), Assignment.labeler_id == bindparam("labeler"))
    )


@cache
def _desk_to_change() -> Select[*tuple[Any, ...]]:
    return _desk().with_for_update(of=Assignment).execution_options(populate_existing=True)


def _read(row: Row[*tuple[Any, ...]]) -> Desk:
    assignment, task, campaign, prompt, *beside = row
    return Desk(assignment, task, campaign, prompt, tuple(beside))


@cache
def _shown() -> Select[Completion]:
    return select(Completion).where(Completion.id == any_(bindparam("shown", type_=ARRAY(BigInteger))))


@dataclass(frozen=True)
class Shown:
    """What labelers will read in so many tasks, the last of which is at the position `to`."""

    tasks: int
    prompts: Sequence[Prompt]
    outputs: Sequence[Completion]
    to: float


def shown_after(session: Session, campaign: Campaign, position: float, most: int) -> Shown | None:
    """In the tasks that are handed out after that position, at most so many; None where there are none."""
    waiting = select(Task.id, Task.position).where(*_waiting_in(campaign), Task.position > position)
    tasks = session.execute(waiting.order_by(Task.position).limit(most)).all()
    if not tasks:
        return None
    numbers = [number for number, _ in tasks]
    prompts = select(Prompt).join(Task, Task.prompt_id == Prompt.id).where(Task.id.in_(numbers))
    outputs = select(Completion).join(TaskCompletion, TaskCompletion.completion_id == Completion.id)
    return Shown(
        len(tasks),
        session.scalars(prompts).all(),
        session.scalars(outputs.where(TaskCompletion.task_id.in_(numbers))).all(),
        tasks[-1].position,
    )


def waiting_before(session: Session, campaign: Campaign, position: float) -> int:
    """How many tasks are still handed out up to that position."""
    return session.scalars(select(func.count()).where(*_waiting_in(campaign), Task.position <= position)).one()


def _waiting_in(campaign: Campaign) -> tuple[ColumnElement[bool], ...]:
    return Task.campaign_id == campaign.id, Task.remaining > 0, ~Task.set_aside


def outputs_of(session: Session, task: Task) -> Sequence[Completion]:
    """In the task's fixed order."""
    query = select(Completion).join(TaskCompletion, TaskCompletion.completion_id == Completion.id)
    return session.scalars(query.where(TaskCompletion.task_id == task.id).order_by(TaskCompletion.position)).all()


def offers_for(session: Session, labeler: User) -> list[Offer]:
    """In the order in which tasks are handed out. Counts no further than `MOST_COUNTED` in each campaign."""
    had = select(Assignment.id).where(Assignment.labeler_id == labeler.id, Assignment.task_id == Task.id).exists()
    there = (Task.campaign_id == Campaign.id, Task.remaining > 0, ~Task.set_aside, Task.purpose.not_in(CHECKS))
    waiting = select(Task.id).where(*there, ~had)
    some = waiting.limit(MOST_COUNTED).correlate(Campaign).subquery()
    query = (
        select(Campaign, select(func.count()).select_from(some).scalar_subquery())
        .join(CampaignMember, CampaignMember.campaign_id == Campaign.id)
        .where(*open_to(labeler))
    )
    rows = session.execute(query.order_by(Campaign.priority.desc(), Campaign.id))
    return [Offer(campaign, count) for campaign, count in rows]


def unfinished_of(session: Session, labeler: User) -> list[Unfinished]:
    """The open lease first, then what expired with a draft, newest first."""
    begun = (Assignment.state == AssignmentState.LEASED) | (
        (Assignment.state == AssignmentState.EXPIRED) & Assignment.draft.is_not(None)
    )
    query = (
        select(Assignment, Campaign)
        .join(Task, Task.id == Assignment.task_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .where(Assignment.labeler_id == labeler.id, begun)
        .order_by((Assignment.state == AssignmentState.LEASED).desc(), Assignment.id.desc())
    )
    return [Unfinished(assignment, campaign) for assignment, campaign in session.execute(query)]


def tasks_in(session: Session, campaign: Campaign, page: int, size: int) -> list[tuple[Task, Prompt | None]]:
    """With their prompts where they have one, oldest first; pages count from 1."""
    query = (
        select(Task, Prompt)
        .outerjoin(Prompt, Prompt.id == Task.prompt_id)
        .where(Task.campaign_id == campaign.id)
        .order_by(Task.id)
        .offset((page - 1) * size)
        .limit(size)
    )
    return [(task, prompt) for task, prompt in session.execute(query)]


def task_count(session: Session, campaign: Campaign) -> int:
    return session.scalars(select(func.count()).where(Task.campaign_id == campaign.id)).one()


def set_aside_tasks(session: Session, campaign: Campaign) -> Sequence[Task]:
    """Those that still wait for a researcher's word; a dropped one asks for nothing more."""
    query = select(Task).where(Task.campaign_id == campaign.id, Task.set_aside, Task.remaining > 0)
    return session.scalars(query.order_by(Task.id)).all()


def tasks_out(session: Session, prompts: Iterable[Prompt]) -> dict[int, int]:
    """By prompt id: how many tasks are still handed out with it; those without any are left out."""
    query = (
        select(Task.prompt_id, func.count())
        .where(Task.prompt_id.in_([prompt.id for prompt in prompts]), Task.remaining > 0, ~Task.set_aside)
        .group_by(Task.prompt_id)
    )
    return {prompt_id: count for prompt_id, count in session.execute(query) if prompt_id is not None}
