"""`/prompts`: found by project, words, split and source; one with all its texts."""

from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.completions.queries import texts_for
from app.projects.queries import project as project_numbered
from app.projects.queries import projects
from app.prompts.models import Source, Split
from app.prompts.queries import PAGE, PromptSearch, count_found, prompts_found
from app.prompts.queries import prompt as prompt_numbered
from app.web.dependencies import SessionDep, allow
from app.web.rendering import render_untrusted
from app.web.templating import page

router = APIRouter(prefix="/prompts")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]


@router.get("", dependencies=RESEARCHERS)
def index(
    request: Request,
    session: SessionDep,
    project: str = "",
    words: str = "",
    split: str = "",
    source: str = "",
    number: int = 1,
) -> Response:
    """An empty or unknown choice in the search form means any."""
    search = PromptSearch(
        project_id=int(project) if project.isascii() and project.isdecimal() else None,
        words=words.replace("\0", "").strip(),
        split=Split(split) if split in set(Split) else None,
        source=Source(source) if source in set(Source) else None,
    )
    chosen = {"project": project, "words": words, "split": split, "source": source}
    found = count_found(session, search)
    pages = max(1, -(-found // PAGE))
    shown = min(max(number, 1), pages)
    return page(
        request,
        "prompts/index.html",
        prompts=prompts_found(session, search, shown),
        found=found,
        number=shown,
        pages=pages,
        next_page=f"/prompts?{urlencode({**chosen, 'number': ''})}",
        chosen=chosen,
        projects=projects(session),
        splits=[each.value for each in Split],
        sources=[each.value for each in Source],
    )


@router.get("/{number}", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    prompt = prompt_numbered(session, number)
    return page(
        request,
        "prompts/show.html",
        prompt=prompt,
        project=project_numbered(session, prompt.project_id),
        turns=[(message["role"], render_untrusted(message["content"])) for message in prompt.messages],
        texts=[(text, render_untrusted(text.completion.text or "")) for text in texts_for(session, prompt)],
    )
