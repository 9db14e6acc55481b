from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.errors import NotFound
from app.web.forms import Form, read_form
from tests.factories import make_user


class Sheet(BaseModel):
    name: str = Field(max_length=5)
    note: str = ""
    kind: Literal["a", "b"] = "a"
    points: Annotated[int, Field(ge=1, le=7)] | None = None
    rank: dict[int, Annotated[int, Field(ge=1)]] = {}
    flags: dict[int, list[str]] = {}
    tags: list[str] = []

    @field_validator("name")
    @classmethod
    def not_nobody(cls, name: str) -> str:
        if name == "none":
            raise ValueError("Nobody is called none.")
        return name


def read(*items: tuple[str, str]) -> Form[Sheet]:
    return read_form(Sheet, items)


def test_bracketed_names_become_dictionaries_and_lists() -> None:
    form = read(
        ("name", "x"), ("rank[12]", "1"), ("rank[15]", "2"), ("flags[12][]", "p"), ("flags[12][]", "q"), ("tags[]", "t")
    )
    assert form.data == Sheet(name="x", rank={12: 1, 15: 2}, flags={12: ["p", "q"]}, tags=["t"])
    assert form.errors == {}


def test_an_empty_field_is_an_absent_one() -> None:
    form = read(("name", "x"), ("note", ""), ("points", " "), ("rank[12]", ""))
    assert form.data == Sheet(name="x")


@pytest.mark.parametrize(
    ("items", "field", "sentence"),
    [
        ([], "name", "Please fill this in."),
        ([("name", "")], "name", "Please fill this in."),
        ([("name", "abcdef")], "name", "Please write at most 5 characters."),
        ([("name", "none")], "name", "Nobody is called none."),
        ([("name", "x"), ("points", "many")], "points", "Please give a whole number."),
        ([("name", "x"), ("points", "9")], "points", "Please give 7 or less."),
        ([("name", "x"), ("kind", "c")], "kind", "Please choose one of: 'a' or 'b'."),
        ([("name", "x"), ("rank[12]", "0")], "rank[12]", "Please give 1 or more."),
        ([("name", "x"), ("rank[x]", "1")], "rank[x]", "Please give a whole number."),
    ],
)
def test_each_error_is_a_sentence_under_its_field(items: list[tuple[str, str]], field: str, sentence: str) -> None:
    form = read(*items)
    assert form.data is None
    assert form.errors == {field: sentence}


def test_nul_which_cannot_be_stored_is_replaced() -> None:
    form = read(("name", "a\0b"), ("rank[\0]", "1"))
    assert form.value("name") == "a\N{REPLACEMENT CHARACTER}b"
    assert "rank[\N{REPLACEMENT CHARACTER}]" in form.values


def test_a_form_with_errors_keeps_everything_typed() -> None:
    form = read(("name", "abcdef"), ("note", "  long\nnote "), ("flags[12][]", "p"), ("flags[12][]", "q"))
    assert form.value("name") == "abcdef"
    assert form.value("note") == "  long\nnote "
    assert form.chosen("flags[12][]") == ["p", "q"]
    assert form.value("absent", "default") == "default"


@given(
    st.lists(
        st.tuples(st.text(alphabet="ab[]1", max_size=8) | st.sampled_from(["rank", "rank[1]"]), st.text(max_size=3))
    )
)
def test_no_field_name_breaks_the_reader(items: list[tuple[str, str]]) -> None:
    form = read(*items)
    assert (form.data is None) == bool(form.errors)


def test_a_refusal_undoes_what_was_written_and_says_why(session: Session) -> None:
    form = read(("name", "x"))
    user = make_user(session)
    with form.attempt(session, "name"):
        user.name = "half done"
        session.flush()
        raise NotFound(what="thing", number=7)
    assert form.data is None
    assert form.error("name") == "There is no thing with the number 7."
    assert session.get_one(User, user.id).name != "half done"


def test_what_is_no_refusal_is_not_swallowed(session: Session) -> None:
    form = read(("name", "x"))
    with pytest.raises(ZeroDivisionError), form.attempt(session):
        raise ZeroDivisionError
