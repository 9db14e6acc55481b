"""What a campaign asks labelers to write."""

from collections import Counter

from app.prompts.models import PromptKind
from app.prompts.use_cases import INSTRUCT_GPT
from app.tasks.briefs import Brief, planned_briefs


def test_kinds_have_equal_shares_and_categories_those_of_the_mix() -> None:
    briefs = planned_briefs([PromptKind.PLAIN, PromptKind.FEW_SHOT], 200, INSTRUCT_GPT)
    assert Counter(brief.kind for brief in briefs) == {PromptKind.PLAIN: 100, PromptKind.FEW_SHOT: 100}
    asked = Counter(brief.use_case for brief in briefs if brief.kind is PromptKind.PLAIN)
    assert asked["open QA"] in {12, 13}
    assert {brief.use_cases for brief in briefs} == {tuple(INSTRUCT_GPT)}


def test_user_based_prompts_take_the_scenarios_in_turn_and_leave_the_category_open() -> None:
    briefs = planned_briefs([PromptKind.USER_BASED], 3, {"chat": 1.0}, ["a cook", "a teacher"])
    assert [brief.scenario for brief in briefs] == ["a cook", "a teacher", "a cook"]
    assert {brief.use_case for brief in briefs} == {None}


def test_a_brief_is_kept_without_what_it_does_not_say() -> None:
    brief = Brief(kind=PromptKind.ATTACK)
    assert brief.model_dump(mode="json", exclude_defaults=True) == {"kind": "attack"}
