"""`/imports`: a file of prompts, demonstrations or comparisons into a project."""

from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role, User
from app.annotations.imports.importing import AnnotationsImported, import_comparisons, import_demonstrations
from app.errors import DomainError, message
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.prompts.importing import ImportRefused, PromptsImported, import_prompts
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.forms import Form, posted
from app.web.templating import page

router = APIRouter(prefix="/imports")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]

# What the file holds and how it is written, in one choice.
PROMPTS = "prompts"
FORMATS = {
    PROMPTS: message("Prompts (prompts.jsonl)"),
    "demonstrations/rondo": message("Demonstrations (demonstrations.jsonl)"),
    "comparisons/rondo": message("Comparisons (comparisons.jsonl)"),
    "demonstrations/e2e": message("Demonstrations: E2E restaurant texts (CSV with mr and ref)"),
    "comparisons/e2e-quality": message("Comparisons: E2E quality rankings (quality.jsonl)"),
    "comparisons/wmt": message("Comparisons: WMT relative rankings (JSON lines)"),
    "comparisons/pandalm": message("Comparisons: PandaLM test set (JSON)"),
    "comparisons/judgebench": message("Ratings: JUDGE-BENCH (JSON)"),
    "comparisons/fgrlhf": message("Comparisons: Fine-Grained RLHF, as rankings (JSON)"),
    "comparisons/fgrlhf-pairs": message("Comparisons: Fine-Grained RLHF, pair by pair (JSON)"),
}

# The fewest keys that a line may have.
_PROMPT = '"prompt_id": "p1", "prompt": [{"role": "user", "content": "Why is the sky blue?"}]'
EXAMPLES = {
    "prompts.jsonl": f"{{{_PROMPT}}}",
    "demonstrations.jsonl": f'{{{_PROMPT}, "completion": "Air scatters blue light most."}}',
    "comparisons.jsonl": f'{{{_PROMPT}, "completions": ["Scattering.", "Magic.", "Paint."], "ranks": [1, 2, 2]}}',
}


class Upload(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    project: int
    format: str = Field(pattern="^(" + "|".join(FORMATS) + ")$")
    source: str = Field(default="", max_length=100)
    file: UploadFile


@router.get("", dependencies=RESEARCHERS)
def new(request: Request, session: SessionDep, project: int) -> Response:
    return _page(request, project_numbered(session, project), Form[Upload].showing(project=project))


@router.post("", dependencies=RESEARCHERS)
def bring(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    project: int,
    form: Annotated[Form[Upload], posted(Upload)],
) -> Response:
    """Answers with what came in, or with every bad line."""
    chosen = project_numbered(session, project)
    if form.data is None:
        return _page(request, chosen, form, 422)
    try:
        with session.begin_nested():
            done = _bring(session, chosen, form.data, user)
    except ImportRefused as refused:
        return _page(request, chosen, form, 422, refused=refused)
    except DomainError as error:
        form.refuse("file", error.localized())
        return _page(request, chosen, form, 422)
    return page(request, "imports/done.html", project=chosen, done=done)


def _bring(session: Session, project: Project, upload: Upload, user: User) -> PromptsImported | AnnotationsImported:
    if upload.format == PROMPTS:
        return import_prompts(session, project, upload.file.file)
    kind, _slash, format_name = upload.format.partition("/")
    bring = import_demonstrations if kind == "demonstrations" else import_comparisons
    source = upload.source or PurePath(upload.file.filename or "").stem or kind
    return bring(session, project, upload.file.file, source=source, format_name=format_name, by=user)


def _page(request: Request, project: Project, form: Form[Upload], status: int = 200, **more: Any) -> Response:
    shown = {"refused": None, **more}
    formats = [(name, _(said)) for name, said in FORMATS.items()]
    return page(
        request, "imports/new.html", status, project=project, form=form, formats=formats, examples=EXAMPLES, **shown
    )
