"""Samples that wait for approval, on their page."""

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.rounds.approval.queries import approvals_of, asked_now
from app.rounds.models import ApprovalState, Round, RoundState
from app.rounds.plan import RoundPlan
from app.rounds.service import start_round
from app.runs.models import Run
from tests.app.rounds.sampled import advance, make_policies, says, start_sampling_round
from tests.factories import make_project
from tests.pages import PageClient


def _some_odd(policy: str, prompt: int, place: int) -> str:
    odd = {0: "", 3: " \n", 1: "I'm sorry, but I cannot help with that.", 2: "<script>alert(1)</script>"}
    return odd.get(place, says(policy, prompt, place)) if policy == "ppo" else says(policy, prompt, place)


@pytest.fixture
def waiting(session: Session, tmp_path: Path) -> Round:
    project = make_project(session, "Kites")
    sft, policy = make_policies(session, project)
    current = start_sampling_round(session, project, policy, others=[sft.id])
    advance(session, tmp_path, current, _some_odd)
    return current


def test_a_researcher_sees_both_policies_and_what_to_look_at(pages: PageClient, waiting: Round) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get(f"/rounds/{waiting.id}/samples")
    assert page.heading == "Kites, samples of round 1"
    assert {"ppo-1", "sft-1"} <= {each.text for each in page.all("h4")}
    assert {"refusal", "empty"} <= {each.text for each in page.all("span")}
    assert "sft says the" in page.text
    assert "<script>alert" not in page.body


def test_the_list_and_the_round_lead_to_what_waits(pages: PageClient, session: Session, waiting: Round) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    assert pages.get("/rounds").links["Samples wait for approval"] == f"/rounds/{waiting.id}/samples"
    asked = asked_now(session, waiting).id
    links = pages.get(f"/rounds/{waiting.id}").links
    assert links["Samples wait for approval"] == f"/rounds/{waiting.id}/samples?asked={asked}"


def test_a_researcher_approves_and_is_remembered(
    pages: PageClient, session: Session, tmp_path: Path, waiting: Round
) -> None:
    user = pages.sign_in_as(Role.RESEARCHER)
    pages.submit(pages.get(f"/rounds/{waiting.id}/samples"), f"/rounds/{waiting.id}/samples/approve")
    (asked,) = approvals_of(session, waiting)
    assert (asked.approval.state, asked.by) == (ApprovalState.APPROVED, user)
    advance(session, tmp_path, waiting)
    shown = pages.get(f"/rounds/{waiting.id}")
    assert "of 54 outputs; 3 that look like other ones are left out" in shown.text
    again = pages.get(f"/rounds/{waiting.id}/samples")
    assert user.name in again.text
    assert not again.all("form", action=f"/rounds/{waiting.id}/samples/approve")


def test_a_rejection_wants_a_reason_stops_the_round_and_an_admin_samples_again(
    pages: PageClient, session: Session, waiting: Round
) -> None:
    inside = f"/rounds/{waiting.id}/samples"
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get(inside)
    refused = pages.submit(page, f"{inside}/reject", 422, reason=" ")
    assert refused.one("p", id="error-reason").text == "Say why the samples are rejected."
    shown = pages.submit(page, f"{inside}/reject", reason="They refuse too much.")
    assert "They refuse too much." in shown.text
    assert not shown.all("form", action=f"{inside}/again")
    assert waiting.state is RoundState.REJECTED
    pages.sign_in_as(Role.ADMIN)
    pages.submit(pages.get(f"/rounds/{waiting.id}"), f"{inside}/again")
    assert session.get_one(Round, waiting.id).state is RoundState.RUNNING


def test_what_was_decided_on_an_old_page_is_not_taken(
    pages: PageClient, session: Session, tmp_path: Path, waiting: Round
) -> None:
    """Somebody else rejected those samples, and others wait now."""
    inside = f"/rounds/{waiting.id}/samples"
    pages.sign_in_as(Role.ADMIN)
    old = pages.get(inside)
    pages.submit(old, f"{inside}/reject", reason="No.")
    pages.submit(pages.get(f"/rounds/{waiting.id}"), f"{inside}/again")
    advance(session, tmp_path, waiting)
    said = pages.submit(old, f"{inside}/approve", 422)
    assert "These samples of round 1 are rejected already." in said.text
    assert asked_now(session, waiting).state is ApprovalState.ASKED
    assert len(session.scalars(select(Run)).all()) == 3


def test_a_round_that_asks_nobody_says_so(pages: PageClient, session: Session) -> None:
    started = start_round(session, make_project(session), RoundPlan())
    pages.sign_in_as(Role.RESEARCHER)
    assert "Nothing to approve" in pages.get(f"/rounds/{started.id}/samples").text
    pages.get(f"/rounds/{started.id}/samples?asked=4711", status=404)
