"""The web application on the test's own transaction."""

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings
from app.main import create_app
from tests.pages import PageClient
from tests.stores import bucket, machine, s3_server  # noqa: F401  (fixtures)


@pytest.fixture
def web_app(session: Session, engine: Engine) -> FastAPI:
    """Its commits are savepoints, undone with the test."""
    app = create_app(Settings(), engine)
    app.state.sessions = sessionmaker(
        session.connection(), expire_on_commit=False, join_transaction_mode="create_savepoint"
    )
    return app


@pytest.fixture
def pages(web_app: FastAPI, session: Session) -> PageClient:
    return PageClient(web_app, session)
