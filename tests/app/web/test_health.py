from fastapi import FastAPI
from sqlalchemy import Engine, create_engine, text
from starlette.testclient import TestClient

from app.config import Settings
from app.main import create_app


def ask(app: FastAPI) -> tuple[int, dict[str, str]]:
    answer = TestClient(app).get("/health")
    return answer.status_code, answer.json()


def test_a_current_database_is_healthy(fresh_database: Engine) -> None:
    assert ask(create_app(Settings(), fresh_database)) == (200, {"status": "ok"})


def test_an_older_schema_is_not(fresh_database: Engine) -> None:
    with fresh_database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    status, said = ask(create_app(Settings(), fresh_database))
    assert status == 503
    assert "rondo db upgrade" in said["reason"]


def test_a_database_that_does_not_answer_is_not() -> None:
    engine = create_engine("postgresql+psycopg://nobody@127.0.0.1:9/none")
    status, said = ask(create_app(Settings(), engine))
    assert status == 503
    assert said["reason"] == "The database does not answer."  # neither host nor user
