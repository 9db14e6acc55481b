from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, event, func, select, update
from sqlalchemy.orm import Session

from app.completions.models import RenderedText
from app.completions.rendered import keep_html
from app.translation import speaking
from app.web import reading
from app.web.reading import Memory, html_of, keep_ahead
from app.web.rendering import MAX_BYTES, RENDERER


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "memory", Memory(100_000))
    monkeypatch.setattr(reading, "WORTH_KEEPING", 0)


@contextmanager
def statements(session: Session) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        said.append(statement.split()[0])

    connection: Connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    yield said
    event.remove(connection, "before_cursor_execute", note)


def another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "memory", Memory(100_000))


def kept(session: Session) -> int:
    return session.scalars(select(func.count()).select_from(RenderedText)).one()


def test_a_page_asks_once_for_all_its_texts_and_keeps_what_is_new(session: Session) -> None:
    with statements(session) as said:
        html = html_of(session, ["*one*", "two", "*one*"])
    assert html == {"*one*": "<p><em>one</em></p>\n", "two": "<p>two</p>\n"}
    assert said == ["SELECT", "INSERT"]
    with statements(session) as said:
        assert html_of(session, ["two", "*one*"]) == html
    assert said == []


def test_short_texts_are_found_where_somebody_kept_them_and_not_kept_else(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "WORTH_KEEPING", 10)
    html_of(session, ["*one*", "*long* enough"])
    assert kept(session) == 1
    keep_ahead(session, ["*one*", "two"])
    assert kept(session) == 3
    session.execute(update(RenderedText).values(html="kept"))
    another_process(monkeypatch)
    assert html_of(session, ["*one*", "two"]) == {"*one*": "kept", "two": "kept"}


def test_what_is_kept_is_not_formatted_again(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    html_of(session, ["*one*"])
    session.scalars(select(RenderedText)).one().html = "<p>kept</p>"
    session.flush()
    another_process(monkeypatch)
    with statements(session) as said:
        assert html_of(session, ["*one*", "two"]) == {"*one*": "<p>kept</p>", "two": "<p>two</p>\n"}
    assert said == ["SELECT", "INSERT"]


def test_what_other_code_or_another_language_made_is_not_shown(session: Session) -> None:
    digest = reading._digest("one")
    keep_html(session, {digest: "old"}, RENDERER - 1, "en")
    keep_html(session, {digest: "foreign"}, RENDERER, "zh")
    assert html_of(session, ["one"]) == {"one": "<p>one</p>\n"}
    assert kept(session) == 3
    with speaking("zh"):
        assert html_of(session, ["one"]) == {"one": "foreign"}


def test_two_pages_that_keep_the_same_text_keep_one(session: Session) -> None:
    keep_html(session, {b"digest": "first"}, RENDERER, "en")
    keep_html(session, {b"digest": "second"}, RENDERER, "en")
    assert session.scalars(select(RenderedText.html)).one() == "first"


def test_a_page_out_of_time_shows_texts_as_written_and_formats_them_later(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as hurry:
        hurry.setattr(reading, "MARKING_SECONDS", -1)
        hurry.setattr(reading, "PAGE_SECONDS", -2)
        assert ">*one*</pre>" in html_of(session, ["*one*"])["*one*"]
    assert kept(session) == 0
    assert html_of(session, ["*one*"])["*one*"] == "<p><em>one</em></p>\n"


def test_a_page_short_of_time_leaves_code_unmarked_and_marks_it_later(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "```python\nreturn\n```"
    with monkeypatch.context() as hurry:
        hurry.setattr(reading, "MARKING_SECONDS", -1)
        assert "<code>return\n</code>" in html_of(session, [code])[code]
    assert kept(session) == 0
    assert '<code><span class="k">return</span>' in html_of(session, [code])[code]


def test_what_is_too_long_to_format_is_not_kept_twice(session: Session) -> None:
    text = "a" * (MAX_BYTES + 1)
    assert "<pre" in html_of(session, [text])[text]
    assert kept(session) == 0


@pytest.mark.parametrize("text", ["nul \0 byte", "half \ud800 pair", ""])
def test_any_text_can_be_kept(session: Session, text: str) -> None:
    html_of(session, [text])
    assert kept(session) == 1


def test_memory_forgets_what_was_not_asked_for_longest() -> None:
    memory = Memory(10)
    one, two, three = ((name, "en") for name in (b"1", b"2", b"3"))
    memory.keep({one: "12345"})
    memory.keep({two: "12345"})
    assert memory.among([one]) == {one: "12345"}
    memory.keep({three: "123"})
    assert set(memory.among([one, two, three])) == {one, three}
    memory.keep({one: "12345678"})
    assert set(memory.among([one, three])) == {one}
