"""After a training task: the known answer beside the labeler's own, and why it is so."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.campaigns.queries import frozen_form
from app.projects.queries import rating_form
from app.projects.wording import in_readers_words
from app.quality.gold.feedback import feedback_on
from app.tasks.queries import desk
from app.web.dependencies import SessionDep
from app.web.desk.pages import LABELERS, Own
from app.web.reading import html_of
from app.web.templating import page

router = APIRouter(prefix="/assignments")


@router.get("/{number}/feedback", dependencies=LABELERS)
def show(request: Request, session: SessionDep, assignment: Own) -> Response:
    """Known answers of other tasks are not there at all."""
    feedback = feedback_on(session, assignment)
    work = desk(session, assignment)
    messages = work.prompt.messages if work.prompt else []
    texts = [*(each["content"] for each in messages), *(output.text or "" for output in work.outputs)]
    html = html_of(session, [*texts, feedback.explanation])
    return page(
        request,
        "desk/feedback.html",
        work=work,
        feedback=feedback,
        explanation=html[feedback.explanation] if feedback.explanation else None,
        conversation=[(each["role"], html[each["content"]]) for each in messages],
        texts={output.id: html[output.text or ""] for output in work.outputs},
        form=in_readers_words(rating_form(frozen_form(session, work.campaign))),
    )
