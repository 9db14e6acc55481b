"""Verdicts read from rankings."""

from sqlalchemy.orm import Session

from app.accounts.models import Cohort
from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import CampaignKind
from app.campaigns.service import open_campaign
from app.checkpoints.service import external_checkpoint
from app.completions.models import Completion
from app.completions.service import add_completion
from app.evaluation.queries import same_answers, verdicts_between
from app.evaluation.win_rate import Verdict
from app.prompts.models import Prompt, Source, Split
from app.prompts.service import add_prompt
from app.quality.membership import admit_cohort
from app.tasks.leasing import claim_next_task
from app.tasks.service import add_compare_tasks
from tests.factories import make_campaign, make_labeler, make_project


def test_every_ranking_is_a_verdict_and_a_shared_text_needs_none(session: Session) -> None:
    project, labeler = make_project(session), make_labeler(session, Cohort.HELD_OUT)
    new, old = (external_checkpoint(session, project, name) for name in ("new", "old"))

    def answered(question: str, by_new: str, by_old: str) -> tuple[Prompt, list[Completion]]:
        messages = [{"role": "user", "content": question}]
        prompt, _ = add_prompt(session, project, messages, source=Source.IMPORTED, split=Split.TEST)
        authors = ((by_new, new), (by_old, old))
        return prompt, [add_completion(session, prompt, text, checkpoint=author) for text, author in authors]

    won, tied = answered("won", "good", "bad"), answered("tied", "fine", "fine too")
    alike, _ = answered("alike", "one text", "one text")
    campaign = make_campaign(session, CampaignKind.EVALUATE, project=project)
    add_compare_tasks(session, campaign, [won, tied])
    open_campaign(session, campaign)
    admit_cohort(session, campaign)
    worse = won[1][1].id
    while assignment := claim_next_task(session, labeler):
        ranks = tuple(2 if number == worse else 1 for number in assignment.shown_order)
        submit_ranking(session, assignment, Judgement(ranks, ({}, {})), Sent(f"key {assignment.id}"))

    expected = [Verdict(won[0].id, 1.0), Verdict(tied[0].id, 0.5)]
    assert sorted(verdicts_between(session, campaign, new, old), key=lambda each: each.prompt_id) == expected
    assert sum(each.outcome for each in verdicts_between(session, campaign, old, new)) == 0.5
    assert same_answers(session, campaign, new, old) == [alike.id]
