"""Versions of guidelines: who has read which, and what changed between two."""

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from app.projects.guidelines import (
    Change,
    acknowledge,
    acknowledged_last,
    changed_lines,
    needs_acknowledging,
)
from app.projects.queries import current_guidelines
from app.projects.service import publish_guidelines
from tests.factories import make_labeler, make_project

LINES = st.lists(st.sampled_from(["one", "two", "three", "", "# four"]), max_size=12).map("\n".join)


def test_a_version_is_to_be_acknowledged_once_by_each_labeler(session: Session) -> None:
    project = make_project(session, guidelines="Be kind.")
    version, ada, grace = current_guidelines(session, project), make_labeler(session), make_labeler(session)
    assert needs_acknowledging(session, version, ada)
    acknowledge(session, version, ada)
    acknowledge(session, version, ada)
    assert not needs_acknowledging(session, version, ada)
    assert needs_acknowledging(session, version, grace)


def test_guidelines_that_say_nothing_need_no_acknowledgement(session: Session) -> None:
    project = make_project(session, guidelines=" \n")
    assert not needs_acknowledging(session, current_guidelines(session, project), make_labeler(session))
    assert not needs_acknowledging(session, None, make_labeler(session))


def test_a_new_version_is_compared_with_the_one_acknowledged_last(session: Session) -> None:
    project, other = make_project(session, guidelines="First."), make_project(session, guidelines="Elsewhere.")
    labeler, first = make_labeler(session), current_guidelines(session, project)
    second, third = publish_guidelines(session, project, "Second."), publish_guidelines(session, project, "Third.")
    assert acknowledged_last(session, third, labeler) is None
    acknowledge(session, first, labeler)
    acknowledge(session, second, labeler)
    acknowledge(session, current_guidelines(session, other), labeler)
    assert acknowledged_last(session, third, labeler) is second


def test_changes_are_shown_with_the_lines_around_them() -> None:
    before = "\n".join(f"line {n}" for n in range(1, 11))
    after = before.replace("line 5", "line five\nand a half")
    assert [(line.change.value, line.text) for line in changed_lines(before, after)] == [
        ("left_out", ""),
        ("same", "line 3"),
        ("same", "line 4"),
        ("removed", "line 5"),
        ("added", "line five"),
        ("added", "and a half"),
        ("same", "line 6"),
        ("same", "line 7"),
        ("left_out", ""),
    ]


def test_equal_versions_show_no_change() -> None:
    assert changed_lines("Be kind.\n\nBe fair.", "Be kind.\n\nBe fair.") == []


@settings(max_examples=60)
@given(before=LINES, after=LINES)
def test_every_line_that_came_or_went_is_shown_in_order(before: str, after: str) -> None:
    shown = changed_lines(before, after)
    for text, mine in ((before, Change.REMOVED), (after, Change.ADDED)):
        lines = iter(text.splitlines())
        assert all(line.text in lines for line in shown if line.change in {mine, Change.SAME})
    moved = sum(1 if line.change is Change.ADDED else -1 for line in shown if line.change.value in {"added", "removed"})
    assert moved == len(after.splitlines()) - len(before.splitlines())
