"""Of the world of every page: a project whose rounds start by themselves, and a webhook that took one of two events."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.automation.models import AutomaticRound, Trigger
from app.automation.schedule import cron_of
from app.automation.service import Wanted, save_automation
from app.notifications.attempts import Result, note
from app.notifications.models import CHOOSABLE, EventKind
from app.notifications.webhooks import create_webhook, switch_off, try_webhook
from app.notifications.wishes import choose_wishes
from app.projects.models import Project
from app.rounds.models import Round
from tests.factories import make_project

Addresses = dict[str, dict[str, str]]
TAKEN, REFUSED = Result(status=204), Result(status=500, error="HTTP 500")


def addresses_of_automation(session: Session, project: Project) -> Addresses:
    automation, webhooks = f"/projects/{project.id}/automation", f"/projects/{project.id}/webhooks"
    earlier = session.scalars(select(Round).where(Round.project_id == project.id)).first()
    wanted = Wanted(starts=True, rankings=500, cron=cron_of([1, 4], 3), zone="Asia/Shanghai", copied=earlier)
    save_automation(session, project, wanted)
    session.add(AutomaticRound(round_id=earlier.id, project_id=project.id, trigger=Trigger.RANKINGS, new_rankings=512))
    address = "https://hooks.example.org/" + "a-rather-long-path-that-has-to-break-somewhere/" * 3
    hook = create_webhook(session, project, address, CHOOSABLE)
    for results in ([REFUSED, TAKEN], [REFUSED]):
        delivery = try_webhook(session, hook)
        for result in results:
            note(session, delivery.id, result, is_last=False)
    off = create_webhook(session, project, "http://hooks.lan:8080", [EventKind.RUN_FAILED])
    switch_off(session, off)
    fresh = make_project(session)
    return {
        "/projects/{number}/automation": {
            "automation": automation,
            "no automation": f"/projects/{fresh.id}/automation",
        },
        "/projects/{number}/webhooks": {"webhooks": webhooks, "no webhooks": f"/projects/{fresh.id}/webhooks"},
        "/projects/{number}/webhooks/{webhook}": {
            "a webhook": f"{webhooks}/{hook.id}",
            "a webhook that is off": f"{webhooks}/{off.id}",
        },
    }


def addresses_of_mail(session: Session) -> Addresses:
    for researcher in session.scalars(select(User).where(User.role == Role.RESEARCHER)):
        choose_wishes(session, researcher, [EventKind.RUN_FAILED])
    return {"/account/notifications": {"mail": "/account/notifications"}}
