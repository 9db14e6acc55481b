"""The web application: its pages, and what stands round all of them."""

from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker
from starlette.middleware.gzip import GZipMiddleware

from app.config import Settings
from app.web import (
    accounts,
    agreement,
    campaign_planning,
    campaigns,
    checkpoints,
    datasets,
    desk,
    desk_drafts,
    desk_feedback,
    desk_leaving,
    desk_writing,
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
    review,
    review_answers,
    review_tasks,
    review_work,
    round_planning,
    round_reports,
    rounds,
    rules,
    runs,
    screening,
    screening_answers,
    screening_attempts,
    screening_marks,
    screening_results,
    signing_in,
    tasks,
    users,
    workers,
)
from app.web.broadcast import Broadcast
from app.web.carrying import install_carrying
from app.web.cookies import QueuedCookies
from app.web.errors import FailurePages, install_error_pages
from app.web.languages import SpokenLanguage
from app.web.leading import LeadingScripts
from app.web.proxies import ForwardedHeaders
from app.web.security import SecurityHeaders
from app.web.static_files import StampedFiles

AREAS = (
    health,
    home,
    signing_in,
    languages,
    invitations,
    accounts,
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
    evaluation,
    gold,
    labelers,
    campaign_planning,
    campaigns,
    red_teaming,
    round_reports,
    round_planning,
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
