"""Which tasks a campaign takes."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.campaigns.models import CampaignKind
from app.campaigns.service import CampaignClosed, close_campaign, open_campaign
from app.prompts.models import PromptKind
from app.tasks.briefs import Brief
from app.tasks.models import TaskCompletion
from app.tasks.queries import outputs_of
from app.tasks.service import (
    EqualOutputs,
    OutputsOutOfRange,
    WrongKind,
    add_compare_tasks,
    add_demonstrate_tasks,
    add_writing_tasks,
)
from tests.factories import make_campaign, make_completion, make_prompt, make_tasks


@pytest.mark.parametrize("count", [1, 10])
def test_a_comparison_has_from_two_to_nine_outputs(session: Session, count: int) -> None:
    prompt = make_prompt(session)
    outputs = [make_completion(session, prompt) for _ in range(count)]
    with pytest.raises(OutputsOutOfRange):
        add_compare_tasks(session, make_campaign(session), [(prompt, outputs)])


def test_equal_texts_are_refused(session: Session) -> None:
    prompt = make_prompt(session)
    outputs = [make_completion(session, prompt, text) for text in ("same", "same", "other")]
    with pytest.raises(EqualOutputs):
        add_compare_tasks(session, make_campaign(session), [(prompt, outputs)])


def test_outputs_stay_in_the_order_given(session: Session) -> None:
    prompt = make_prompt(session)
    outputs = [make_completion(session, prompt) for _ in range(9)][::-1]
    (task,) = add_compare_tasks(session, make_campaign(session), [(prompt, outputs)])
    assert [output.id for output in outputs_of(session, task)] == [output.id for output in outputs]


def test_many_tasks_keep_their_own_outputs(session: Session) -> None:
    campaign = make_campaign(session, overlap=3)
    tasks = make_tasks(session, campaign, 50)
    assert {(task.overlap, task.remaining) for task in tasks} == {(3, 3)}
    shown = session.execute(select(TaskCompletion.task_id, TaskCompletion.prompt_id)).all()
    assert {(task.id, task.prompt_id) for task in tasks} == set(shown)
    assert len(shown) == 200


def test_a_campaign_takes_only_tasks_of_its_kind(session: Session) -> None:
    with pytest.raises(WrongKind):
        add_demonstrate_tasks(session, make_campaign(session, CampaignKind.RATE), [make_prompt(session)])


def test_a_closed_campaign_takes_no_tasks(session: Session) -> None:
    campaign = make_campaign(session, CampaignKind.DEMONSTRATE)
    open_campaign(session, campaign)
    close_campaign(session, campaign)
    with pytest.raises(CampaignClosed):
        make_tasks(session, campaign)


def test_a_writing_task_has_a_brief_and_no_prompt(session: Session) -> None:
    campaign = make_campaign(session, CampaignKind.WRITE_PROMPTS, overlap=2)
    (task,) = add_writing_tasks(session, campaign, [Brief(kind=PromptKind.PLAIN, use_case="chat")])
    assert (task.prompt_id, task.brief, task.remaining) == (None, {"kind": "plain", "use_case": "chat"}, 2)
    assert add_writing_tasks(session, campaign, []) == []
    with pytest.raises(WrongKind):
        add_writing_tasks(session, make_campaign(session), [Brief(kind=PromptKind.PLAIN)])
