from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import among, in_batches
from app.prompts.models import Prompt
from tests.factories import make_prompt

MANY = 70_000  # a statement takes 65,535 parameters


def test_any_many_numbers_fit_into_one_condition(session: Session) -> None:
    wanted, other = make_prompt(session), make_prompt(session)
    numbers = [wanted.id, *range(other.id + 1, other.id + MANY)]
    assert session.scalars(select(Prompt.id).where(among(Prompt.id, numbers))).all() == [wanted.id]
    assert session.scalars(select(Prompt.id).where(among(Prompt.id, []))).all() == []


def test_rows_come_in_batches_with_a_rest() -> None:
    assert list(in_batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
