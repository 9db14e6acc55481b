"""`/rounds/N/report`: what a round came to, on one page that can be printed, and as a file that needs nothing else."""

from typing import Any

from fastapi import APIRouter
from markupsafe import Markup
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from app.accounts.models import Role
from app.clock import now
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.rounds.models import Round
from app.rounds.queries import plan_of, round_by_id
from app.translation import spoken_language, spoken_locale
from app.web.dependencies import SessionDep, allow
from app.web.templating import environment, packed_folder, page

router = APIRouter(prefix="/rounds")
WATCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
SHEETS = ("tokens", "base", "layout", "components", "charts", "reports")


@router.get("/{number}/report", dependencies=WATCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    shown = _shown(session, round_by_id(session, number))
    return page(request, "rounds/report.html", **shown, standalone=False)


@router.get("/{number}/report.json", dependencies=WATCHERS)
def as_json(session: SessionDep, number: int) -> Response:
    from app.rounds.report.report import round_report

    return JSONResponse(round_report(session, round_by_id(session, number)).as_json())


@router.get("/{number}/report.html", dependencies=WATCHERS)
def as_file(session: SessionDep, number: int) -> Response:
    found = round_by_id(session, number)
    name = f"{_plain(project_numbered(session, found.project_id))}-round-{found.number}.html"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HTMLResponse(standalone_report(session, found), headers=headers)


def _plain(project: Project) -> str:
    """The name as far as it is safe in a header, else the number."""
    kept = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in project.name).strip("-")
    return kept or f"project-{project.id}"


def _shown(session: Session, found: Round) -> dict[str, Any]:
    # Here because of 40 MB of numpy and scipy that few requests need.
    from app.rounds.report.report import round_report
    from app.web.rounds.report_charts import report_charts

    report = round_report(session, found)
    return {"report": report, "charts": report_charts(report), "plan": plan_of(found), "made_at": now()}


def standalone_report(session: Session, found: Round) -> str:
    """One HTML file: styles and drawings are inside, and nothing in it asks for anything else."""
    return (
        environment()
        .get_template("rounds/report_file.html")
        .render(
            **_shown(session, found),
            standalone=True,
            styles=Markup(packed_styles()),  # our own files, nothing of anybody's
            locale=spoken_language(),
            text_direction=spoken_locale().text_direction,
        )
    )


def packed_styles() -> str:
    """The stylesheets in one, without the typefaces that they would ask for: a reader's own are taken."""
    folder = packed_folder("static") / "css"
    sheets = "\n".join((folder / f"{name}.css").read_text(encoding="utf-8") for name in SHEETS)
    return _without_typefaces(sheets)


def _without_typefaces(sheet: str) -> str:
    before, *faces = sheet.split("@font-face {")
    return before + "".join(face.partition("}")[2] for face in faces)
