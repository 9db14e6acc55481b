"""The web application: its pages, and what stands round all of them."""

from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker
from starlette.middleware.gzip import GZipMiddleware

from app.config import Settings
from app.web import (
    accounts,
    agreement,
    checkpoints,
    cross_validation,
    datasets,
    evaluation,
    events,
    exports,
    gold,
    guidelines,
    health,
    history,
    home,
    imports,
    invitations,
    labelers,
    languages,
    projects,
    prompts,
    rating_forms,
    red_teaming,
    reports,
    rules,
    runs,
    signing_in,
    tasks,
    users,
    workers,
)
from app.web.automation import mail as event_mail
from app.web.automation import pages as automation
from app.web.automation import webhooks
from app.web.broadcast import Broadcast
from app.web.campaigns import pages as campaigns
from app.web.campaigns import planning as campaign_planning
from app.web.carrying import install_carrying
from app.web.cookies import QueuedCookies
from app.web.dependencies import install_limits
from app.web.desk import drafts as desk_drafts
from app.web.desk import feedback as desk_feedback
from app.web.desk import leaving as desk_leaving
from app.web.desk import pages as desk
from app.web.desk import writing as desk_writing
from app.web.errors import FailurePages, install_error_pages
from app.web.languages import SpokenLanguage
from app.web.leading import LeadingScripts
from app.web.proxies import ForwardedHeaders
from app.web.review import answers as review_answers
from app.web.review import pages as review
from app.web.review import tasks as review_tasks
from app.web.review import work as review_work
from app.web.rounds import pages as rounds
from app.web.rounds import planning as round_planning
from app.web.rounds import reports as round_reports
from app.web.rounds import samples as round_samples
from app.web.screening import answers as screening_answers
from app.web.screening import attempts as screening_attempts
from app.web.screening import marks as screening_marks
from app.web.screening import pages as screening
from app.web.screening import results as screening_results
from app.web.security import SecurityHeaders
from app.web.static_files import StampedFiles

AREAS = (
    health,
    home,
    signing_in,
    languages,
    invitations,
    accounts,
    event_mail,
    users,
    tasks,
    guidelines,
    desk,
    desk_leaving,
    desk_drafts,
    desk_writing,
    desk_feedback,
    history,
    projects,
    rating_forms,
    rules,
    automation,
    webhooks,
    screening,
    screening_answers,
    screening_marks,
    screening_results,
    screening_attempts,
    prompts,
    reports,
    review,
    review_work,
    review_tasks,
    review_answers,
    imports,
    datasets,
    exports,
    checkpoints,
    agreement,
    cross_validation,
    evaluation,
    gold,
    labelers,
    campaign_planning,
    campaigns,
    red_teaming,
    round_reports,
    round_planning,
    round_samples,
    rounds,
    runs,
    events,
    workers,
)

COMPRESSION = 3  # of a desk's page a tenth longer than at 6, in half the time


def create_app(settings: Settings, engine: Engine) -> FastAPI:
    """Serves `engine`'s database, whose schema must be current. There is no API description to browse."""
    app = FastAPI(title="Rondo", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    app.state.engine = engine
    app.state.broadcast = Broadcast(engine)
    app.state.sessions = sessionmaker(engine, expire_on_commit=False)
    install_limits(app)
    install_error_pages(app)
    install_carrying(app)
    # The last one added stands outermost.
    app.add_middleware(FailurePages)
    app.add_middleware(LeadingScripts)
    app.add_middleware(SpokenLanguage)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(QueuedCookies)
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=COMPRESSION)
    app.add_middleware(ForwardedHeaders, trusted_proxies=settings.trusted_proxies)
    for area in AREAS:
        app.include_router(area.router)
    app.mount("/static", StampedFiles(), name="static")
    return app
