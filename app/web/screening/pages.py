"""`/projects/N/screening`: what a project asks of labelers before they get real work; set up, opened and closed."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.campaigns.queries import campaign as campaign_numbered
from app.errors import DomainError, NotFound
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.projects.wording import in_readers_words
from app.quality.screening.answers import ASKED, tasks_to_answer
from app.quality.screening.making import (
    SENSITIVE,
    Settings,
    choose_part,
    close_screening,
    counted,
    flag_questions,
    form_of_flags,
    named_topics,
    open_screening,
    save_screening,
)
from app.quality.screening.marks import unmarked_count
from app.quality.screening.models import Part, Screening
from app.quality.screening.queries import KINDS, campaigns_for, parts_of, screening_of, somebody_began
from app.quality.screening.results import counts_by_state
from app.quality.screening.scores import unticked_agreement
from app.translation import gettext as _
from app.web.dependencies import SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/projects/{number}/screening")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
LONGEST_TOPICS = 4_000


class Wanted(BaseModel):
    """As people write it: agreement in per cent, topics one a line."""

    required: bool = False
    flags_cutoff: float = Field(default=75, ge=0, le=100)
    rankings_cutoff: float = Field(default=75, ge=0, le=100)
    demonstrations_cutoff: float = Field(default=6, ge=1, le=7)
    retake_days: int | None = Field(default=None, ge=0, le=3650)
    flags: list[str] = []
    topics: str = Field(default="", max_length=LONGEST_TOPICS)
    needed_topics: str = Field(default="", max_length=LONGEST_TOPICS)

    def settings(self) -> Settings:
        return Settings(
            required=self.required,
            flags_cutoff=self.flags_cutoff / 100,
            rankings_cutoff=self.rankings_cutoff / 100,
            demonstrations_cutoff=self.demonstrations_cutoff,
            retake_days=self.retake_days,
            flags=tuple(self.flags),
            topics=named_topics(self.topics),
            needed_topics=named_topics(self.needed_topics),
        )


class Choice(BaseModel):
    part: Part
    campaign: int


def the_screening(session: Session, project: Project) -> Screening:
    """Raises `NotFound`."""
    found = screening_of(session, project)
    if found is None:
        raise NotFound(what="screening", number=project.id)
    return found


@router.get("", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    project = project_numbered(session, number)
    return _page(request, session, project, _as_typed(session, project))


@router.post("", dependencies=RESEARCHERS)
def save(request: Request, session: SessionDep, number: int, form: Annotated[Form[Wanted], posted(Wanted)]) -> Response:
    project = project_numbered(session, number)
    if wanted := form.data:
        with form.attempt(session, "needed_topics"):
            save_screening(session, project, wanted.settings())
    if form.data is None:
        return _page(request, session, project, form, 422)
    flash(request, _("The screening is saved."))
    return redirect(f"/projects/{number}/screening")


@router.post("/parts", dependencies=RESEARCHERS)
def choose(
    request: Request, session: SessionDep, number: int, form: Annotated[Form[Choice], posted(Choice)]
) -> Response:
    project = project_numbered(session, number)
    if choice := form.data:
        _attempt(request, session, lambda: _choose(session, project, choice))
    return redirect(f"/projects/{number}/screening")


def _choose(session: Session, project: Project, choice: Choice) -> str:
    choose_part(session, the_screening(session, project), campaign_numbered(session, choice.campaign), choice.part)
    return _("The part is chosen.")


@router.post("/open", dependencies=RESEARCHERS)
def open_it(request: Request, session: SessionDep, number: int) -> Response:
    screening = the_screening(session, project_numbered(session, number))
    _attempt(request, session, lambda: _open(session, screening))
    return redirect(f"/projects/{number}/screening")


def _open(session: Session, screening: Screening) -> str:
    open_screening(session, screening)
    return _("Labelers may begin now.")


@router.post("/close", dependencies=RESEARCHERS)
def close_it(request: Request, session: SessionDep, number: int) -> Response:
    close_screening(session, the_screening(session, project_numbered(session, number)))
    flash(request, _("Nobody else can begin; who did may finish."))
    return redirect(f"/projects/{number}/screening")


def _attempt(request: Request, session: Session, act: Callable[[], str]) -> None:
    """What was done, or why it was not, on the next page."""
    try:
        with session.begin_nested():
            said = act()
    except DomainError as refused:
        flash(request, refused.localized(), "error")
    else:
        flash(request, said)


def _as_typed(session: Session, project: Project) -> Form[Wanted]:
    found = screening_of(session, project)
    if found is None:
        return Form[Wanted].showing(
            **{"flags[]": SENSITIVE}, flags_cutoff=75, rankings_cutoff=75, demonstrations_cutoff=6
        )
    return Form[Wanted].showing(
        **{"flags[]": found.flags},
        required="1" if found.required else "",
        flags_cutoff=_short(found.flags_cutoff * 100),
        rankings_cutoff=_short(found.rankings_cutoff * 100),
        demonstrations_cutoff=_short(found.demonstrations_cutoff),
        retake_days=found.retake_days,
        topics="\n".join(found.topics),
        needed_topics="\n".join(found.needed_topics),
    )


def _short(value: float) -> str:
    return f"{value:.6g}"


def _page(request: Request, session: Session, project: Project, form: Form[Wanted], status: int = 200) -> Response:
    screening = screening_of(session, project)
    flags = flag_questions(in_readers_words(form_of_flags(session, project)))
    shown = _details(session, project, screening) if screening else {}
    return page(
        request,
        "screening/show.html",
        status,
        project=project,
        screening=screening,
        form=form,
        flags=flags,
        longest=LONGEST_TOPICS,
        **shown,
    )


def _details(session: Session, project: Project, screening: Screening) -> dict[str, Any]:
    parts = parts_of(session, screening)
    to_answer = tasks_to_answer(session, screening)
    known = [each.known for each in to_answer if each.part is Part.FLAGS and each.known]
    begun = somebody_began(session, screening)
    return {
        "parts": [(part, parts.get(part)) for part in KINDS],
        "counts": {part: counted(session, campaign) for part, campaign in parts.items()},
        "drafts": {} if begun else {part: campaigns_for(session, project, part) for part in KINDS},
        "begun": begun,
        "asked": ASKED,
        "to_answer": to_answer,
        "unticked": unticked_agreement(known, screening.flags) if known else None,
        "unmarked": unmarked_count(session, screening),
        "states": counts_by_state(session, screening),
    }
