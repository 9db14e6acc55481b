"""`/projects/N/screening/answers`: what a researcher says of each screening task, on a page or in a file."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.accounts.models import Role
from app.annotations.ranking import parse_ranks
from app.annotations.submissions import LETTERS
from app.errors import NotFound
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.projects.wording import in_readers_words
from app.quality.screening.answers import (
    Answer,
    ToAnswer,
    answer_lines,
    give_answer,
    import_answers,
    tasks_to_answer,
)
from app.quality.screening.making import flag_questions, form_of_flags
from app.quality.screening.models import Part, Screening
from app.translation import gettext as _
from app.translation import ngettext
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.reading import html_of
from app.web.screening.pages import the_screening
from app.web.templating import page, redirect

router = APIRouter(prefix="/projects/{number}/screening/answers")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]


class Typed(BaseModel):
    rank: dict[str, str] = Field(default_factory=dict)
    output: dict[str, dict[str, str]] = Field(default_factory=dict)
    prompt: dict[str, str] = Field(default_factory=dict)


class Upload(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    file: UploadFile


@router.get("/download", dependencies=RESEARCHERS)
def download(session: SessionDep, number: int) -> Response:
    screening = the_screening(session, project_numbered(session, number))
    headers = {"Content-Disposition": 'attachment; filename="screening-answers.jsonl"'}
    lines = "".join(answer_lines(session, screening))
    return PlainTextResponse(lines, media_type="application/x-ndjson", headers=headers)


@router.post("", dependencies=RESEARCHERS)
def upload(
    request: Request, session: SessionDep, user: CurrentUser, number: int, form: Annotated[Form[Upload], posted(Upload)]
) -> Response:
    screening = the_screening(session, project_numbered(session, number))
    if sent := form.data:
        with form.attempt(session, "file"):
            count = import_answers(session, screening, sent.file.file, user)
    if form.data is None:
        flash(request, " ".join(form.errors.values()), "error")
    else:
        said = ngettext("{count} answer is known now.", "{count} answers are known now.", count)
        flash(request, said.format(count=count))
    return redirect(f"/projects/{number}/screening")


@router.get("/{task}", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int, task: int) -> Response:
    project = project_numbered(session, number)
    screening = the_screening(session, project)
    each = _numbered(session, screening, task)
    return _page(request, session, project, screening, each, _as_known(each))


@router.post("/{task}", dependencies=RESEARCHERS)
def answer(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    number: int,
    task: int,
    form: Annotated[Form[Typed], posted(Typed)],
) -> Response:
    """To the next task without a known answer, or back where there is none."""
    project = project_numbered(session, number)
    screening = the_screening(session, project)
    each = _numbered(session, screening, task)
    if typed := form.data:
        with form.attempt(session, "rank"):
            give_answer(session, screening, each, _read(each, typed), user)
    if form.data is None:
        return _page(request, session, project, screening, each, form, 422)
    left = [other.task.id for other in tasks_to_answer(session, screening) if other.known is None]
    if left:
        return redirect(f"/projects/{number}/screening/answers/{left[0]}")
    flash(request, _("Every task has a known answer."))
    return redirect(f"/projects/{number}/screening")


def _read(each: ToAnswer, typed: Typed) -> Answer:
    """Raises `OutputsUnranked`, `NotARank`."""
    letters = LETTERS[: len(each.outputs)]
    if each.part is Part.RANKINGS:
        return Answer(ranks=tuple(parse_ranks(typed.rank, letters)))
    ticks = tuple(frozenset(typed.output.get(letter, {})) for letter in letters)
    return Answer(ticks=ticks, prompt_ticks=frozenset(typed.prompt))


def _numbered(session: Session, screening: Screening, number: int) -> ToAnswer:
    found = next((each for each in tasks_to_answer(session, screening) if each.task.id == number), None)
    if found is None:
        raise NotFound(what="task", number=number)
    return found


def _as_known(each: ToAnswer) -> Form[Typed]:
    values: dict[str, object] = {f"prompt[{name}]": "1" for name in each.prompt_ratings()}
    for letter, rank, ratings in zip(LETTERS, each.ranks(), each.ratings(), strict=False):
        values |= {f"output[{letter}][{name}]": "1" for name in ratings} | {f"rank[{letter}]": rank}
    return Form[Typed].showing(**values)


def _page(
    request: Request,
    session: Session,
    project: Project,
    screening: Screening,
    each: ToAnswer,
    form: Form[Typed],
    status: int = 200,
) -> Response:
    texts = [message["content"] for message in each.prompt.messages] + [output.text or "" for output in each.outputs]
    html = html_of(session, texts)
    asked = flag_questions(in_readers_words(form_of_flags(session, project))) if each.part is Part.FLAGS else []
    return page(
        request,
        "screening/answer.html",
        status,
        project=project,
        each=each,
        form=form,
        flags=[question for question in asked if question.name in screening.flags],
        conversation=[(message["role"], html[message["content"]]) for message in each.prompt.messages],
        outputs=[(letter, html[output.text or ""]) for letter, output in zip(LETTERS, each.outputs, strict=False)],
    )
