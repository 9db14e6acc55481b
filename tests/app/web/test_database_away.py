"""What people are told while the database does not answer, and when its disk is full."""

from collections.abc import Iterator

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from app.config import Settings
from app.db import connect
from app.main import create_app
from app.web.dependencies import public

NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"


@pytest.fixture
def app_without_database() -> Iterator[FastAPI]:
    engine = connect(NOWHERE)
    yield create_app(Settings(), engine)
    engine.dispose()


@pytest.fixture
def client(app_without_database: FastAPI) -> Iterator[TestClient]:
    with TestClient(app_without_database, cookies={"rondo-session": "of somebody"}) as client:
        yield client


def test_a_reader_is_told_to_load_the_page_again(client: TestClient) -> None:
    answer = client.get("/tasks")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "Load this page again in a few seconds." in answer.text
    assert "default-src" in answer.headers["content-security-policy"]


def test_what_was_posted_stands_on_the_page_for_its_author(client: TestClient) -> None:
    fields = {"text": "A long answer.", "csrf_token": "any", "output[a][notes]": "Wrong town."}
    many = {f"output[{letter}][overall]": "4" for letter in "abcdefghijklmnopqrstuvwxyz"}
    answer = client.post("/assignments/1/submit", data=fields | many)
    assert answer.status_code == 503
    assert "your browser asks whether to send it again" in answer.text
    assert "A long answer." in answer.text
    assert "Wrong town." in answer.text


def test_a_script_gets_the_sentence_alone(client: TestClient) -> None:
    answer = client.post("/assignments/1/draft", headers={"accept": "application/json"}, data={"text": "A"})
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("The database does not answer")


def _answering_with(app: FastAPI, error: psycopg.Error) -> TestClient:
    @app.get("/broken", dependencies=[public])
    def broken() -> None:
        raise OperationalError("INSERT", {}, error)

    return TestClient(app, raise_server_exceptions=False)


def test_a_full_disk_is_named(app_without_database: FastAPI) -> None:
    answer = _answering_with(app_without_database, psycopg.errors.DiskFull("No space left")).get("/broken")
    assert answer.status_code == 507
    assert "The disk of the database is full" in answer.text


def test_a_statement_that_went_wrong_is_a_defect(app_without_database: FastAPI) -> None:
    answer = _answering_with(app_without_database, psycopg.errors.DeadlockDetected("deadlock")).get("/broken")
    assert answer.status_code == 500
