"""Prompts that labelers submit: read from the desk, stored, revised."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort
from app.annotations.models import Annotation, AnnotationKind
from app.annotations.service import PromptThereAlready, Sent, submit_prompt
from app.annotations.submissions import InvalidSubmission
from app.annotations.written import read_written_prompt, typed_prompt
from app.campaigns.models import Campaign, CampaignKind
from app.projects.models import Project
from app.prompts.models import Prompt, PromptKind, Source, Split
from app.prompts.writing import WrittenPrompt, single_message
from app.quality.membership import admit_cohort
from app.tasks.briefs import Brief
from app.tasks.models import Assignment, AssignmentState
from app.web.forms import nested
from tests.factories import make_assignment, make_labeler, make_open_campaign, make_prompt

PLAIN = Brief(kind=PromptKind.PLAIN, use_cases=("chat", "other"), use_case="chat")
FEW_SHOT = Brief(kind=PromptKind.FEW_SHOT, use_cases=("chat", "other"))
TYPED = {
    "instruction": "Add up.",
    "pair[1][query]": "1 + 1",
    "pair[1][response]": "2",
    "pair[3][query]": "2 + 2",
    "pair[3][response]": "4\r\n",
    "pair[4][query]": " ",
    "use_case": "other",
}


def _tree(typed: dict[str, str]) -> dict[str, object]:
    return nested({name: [value] for name, value in typed.items()})


def _writes(session: Session, cohort: Cohort = Cohort.TRAINING) -> Assignment:
    labeler = make_labeler(session, cohort)
    campaign = make_open_campaign(session, CampaignKind.WRITE_PROMPTS, brief=PLAIN)
    if cohort is Cohort.HELD_OUT:
        campaign.cohort = cohort
        admit_cohort(session, campaign)
    return make_assignment(session, labeler, campaign)


def _plain(text: str, use_case: str = "chat") -> WrittenPrompt:
    return single_message(PromptKind.PLAIN, text, use_case=use_case)


def _prompt(session: Session, annotation: Annotation) -> Prompt:
    return session.get_one(Prompt, annotation.prompt_id)


def test_a_few_shot_prompt_is_read_and_shown_again_as_it_was_typed() -> None:
    written = read_written_prompt(_tree(TYPED), FEW_SHOT)
    assert [message["content"] for message in written.messages] == ["Add up.", "1 + 1", "2", "2 + 2"]
    prompt = Prompt(kind=written.kind, messages=written.messages, details=written.details, use_case=written.use_case)
    again = typed_prompt(prompt)
    assert again["pair[2][response]"] == "4"
    assert read_written_prompt(_tree(again), FEW_SHOT) == written


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"instruction": ""}, {"instruction"}),
        ({"use_case": ""}, {"use_case"}),
        ({"use_case": "anything"}, {"use_case"}),
        ({"pair[3][query]": "", "pair[3][response]": ""}, {"pair"}),
        ({"pair[3][response]": ""}, {"pair[3][response]"}),
        ({"pair[1][query]": "nul \0", "instruction": " "}, {"pair[1][query]", "instruction"}),
    ],
)
def test_every_mistake_in_a_few_shot_prompt_is_named(change: dict[str, str], fields: set[str]) -> None:
    with pytest.raises(InvalidSubmission) as refused:
        read_written_prompt(_tree(TYPED | change), FEW_SHOT)
    assert set(refused.value.errors) == fields


@pytest.mark.parametrize("bent", ["pair", "pair[1]", "pair[x][query]", "pair[-1][query]", "pair[1][query][x]"])
def test_a_form_bent_out_of_shape_is_refused(bent: str) -> None:
    with pytest.raises(InvalidSubmission):
        read_written_prompt(_tree({"instruction": "Add up.", "use_case": "chat", bent: "9"}), FEW_SHOT)


def test_what_a_labeler_wrote_becomes_a_prompt_that_the_labeler_signs(session: Session) -> None:
    assignment = _writes(session)
    annotation = submit_prompt(session, assignment, _plain("Tell a joke."), Sent("one"))
    prompt = _prompt(session, annotation)
    assert (annotation.kind, annotation.prompt_ratings) == (AnnotationKind.PROMPT, {"use_case": "chat"})
    assert (prompt.source, prompt.kind, prompt.use_case) == (Source.LABELER, PromptKind.PLAIN, "chat")
    assert (prompt.author_id, prompt.in_use) == (assignment.labeler_id, True)
    assert submit_prompt(session, assignment, _plain("Tell a joke."), Sent("one")) is annotation


def test_an_exact_duplicate_is_refused_and_stores_nothing(session: Session) -> None:
    assignment = _writes(session)
    campaign = session.scalars(select(Campaign)).one()
    make_prompt(session, session.get_one(Project, campaign.project_id), "Tell a joke.")
    with pytest.raises(PromptThereAlready):
        submit_prompt(session, assignment, _plain("Tell a joke."), Sent("one"))
    assert session.scalar(select(Annotation)) is None


def test_a_revised_prompt_is_a_new_one_and_the_old_one_goes_out_of_use(session: Session) -> None:
    assignment = _writes(session)
    first = submit_prompt(session, assignment, _plain("First."), Sent("one"))
    second = submit_prompt(session, assignment, _plain("Second."), Sent("two"))
    session.expire_all()
    assert (second.revision, second.supersedes_id) == (2, first.id)
    assert (_prompt(session, first).in_use, _prompt(session, second).in_use) == (False, True)
    third = submit_prompt(session, assignment, _plain("First.", "other"), Sent("three"))
    session.expire_all()
    assert third.prompt_id == first.prompt_id
    assert (_prompt(session, third).in_use, _prompt(session, second).in_use) == (True, False)
    assert _prompt(session, third).use_case == "other"
    assert [each.prompt_ratings["use_case"] for each in (first, third)] == ["chat", "other"]


def test_what_held_out_labelers_write_can_only_be_a_test(session: Session) -> None:
    assignment = _writes(session, Cohort.HELD_OUT)
    for number in range(12):
        annotation = submit_prompt(session, assignment, _plain(f"Prompt {number}"), Sent(f"key {number}"))
        assert _prompt(session, annotation).split is Split.TEST


def test_surplus_prompts_are_kept_out_of_use(session: Session) -> None:
    assignment = _writes(session)
    assignment.state = AssignmentState.EXPIRED
    session.flush()
    annotation = submit_prompt(session, assignment, _plain("Late."), Sent("one"))
    session.expire_all()
    assert annotation.surplus
    assert not _prompt(session, annotation).in_use


def test_an_attack_names_the_rule_of_its_campaign(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session, CampaignKind.RED_TEAM)
    written = read_written_prompt({"text": "Threaten me."}, Brief(kind=PromptKind.ATTACK))
    annotation = submit_prompt(session, make_assignment(session, labeler, campaign), written, Sent("one"))
    prompt = _prompt(session, annotation)
    assert (prompt.kind, prompt.rule_id) == (PromptKind.ATTACK, campaign.rule_id)
