"""Planning a round: a form made from the trainer's settings, and what it says of a plan before anything starts."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.accounts.service import choose_language
from app.checkpoints.models import CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.projects.models import Project
from app.rounds.models import Round
from app.rounds.plan import DataPlan, NeedsPlan, RoundPlan, SamplingPlan
from app.rounds.service import FILLED, start_round
from app.runs.models import Stage
from app.runs.settings_schema import Kind, SettingField
from app.web.forms import Form, read_form
from app.web.rounds.plans import NewRound, form_of, read_plan
from app.web.settings_forms import DECIDED, asked_of, control_of, plain, settings_of_preset
from tests.factories import make_campaign, make_project
from tests.pages import Page, PageClient
from trainer.config import STAGES, defaults
from trainer.presets import PRESETS

ANYWAY = {"unready": "1"}


def _plan(pages: PageClient, project: Project, status: int = 200, **typed: object) -> Page:
    form = pages.get("/rounds/new", project=project.id)
    return pages.submit(form, f"/rounds?project={project.id}", status, do="start", **typed)


def _kept(session: Session) -> RoundPlan:
    return RoundPlan.model_validate(session.scalars(select(Round)).one().plan)


def test_an_admin_starts_a_round_with_a_preset_and_a_setting_of_their_own(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.ADMIN)
    typed = {"settings[ppo][clip]": "0.3", "k_min": "5", "rankings_per_prompt": "3", **ANYWAY}
    assert _plan(pages, make_project(session, "Kites"), **typed).heading == "Kites, round 1"
    plan = _kept(session)
    assert plan.preset == "tiny-cpu"
    assert plan.settings[Stage.PPO]["clip"] == 0.3
    assert plan.settings[Stage.PPO]["steps"] == PRESETS["tiny-cpu"]["ppo"]["steps"]
    assert (plan.candidates.k_min, plan.candidates.rankings) == (5, 3)
    assert plan.evaluate
    assert plan.against_first_sft
    assert plan.approval  # ticked in a new form; a plan from elsewhere asks only where it says so
    assert plan.mix_earlier_policy


def test_everything_that_a_plan_says_can_be_typed(pages: PageClient, session: Session) -> None:
    project = make_project(session)
    policy = register_checkpoint(session, project, CheckpointKind.POLICY, "ppo-1", location="runs/1/model")
    campaign = make_campaign(session, project=project)
    typed = {
        "aim": "align",
        "start": "checkpoint",
        "checkpoint": str(policy.id),
        "rankings": "existing",
        "people": "both",
        "ranking_campaigns[]": str(campaign.id),
        "rankings_since": "2026-01-01",
        "candidate_choice": "fresh",
        "temperature": "0.7",
        "more_temperatures": "1, 1.3",
        "candidate_others[]": str(policy.id),
        "sample_prompts": "30",
        "sample_choice": "fresh",
        "sample_k_max": "6",
        "others[]": str(policy.id),
        "preset": "none",
        "settings[align][method]": "ipo",
        "needs[align][gpu]": "1",
        "needs[align][memory]": "16000",
        "needs[sample][label]": "large",
        "needs[sample][memory]": "",
        **ANYWAY,
    }
    pages.sign_in_as(Role.ADMIN)
    _plan(pages, project, **typed)
    plan = _kept(session)
    assert (plan.aim, plan.start, plan.checkpoint_id, plan.rankings) == ("align", "checkpoint", policy.id, "existing")
    assert (plan.people, plan.others, plan.preset) == ("both", (policy.id,), None)
    assert plan.comparisons.campaigns == (campaign.id,)
    assert str(plan.comparisons.since) == "2026-01-01"
    assert plan.samples == SamplingPlan(
        prompts=30, choose="fresh", k_max=6, temperature=0.7, more_temperatures=(1, 1.3)
    )
    assert plan.candidate_others == (policy.id,)
    assert plan.settings[Stage.ALIGN] == {"method": "ipo"}
    assert plan.needs == {Stage.ALIGN: NeedsPlan(gpu=True, memory=16_000), Stage.SAMPLE: NeedsPlan(label="large")}


def test_a_round_that_would_fail_is_not_started_and_says_what_is_missing(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.ADMIN)
    page = _plan(pages, make_project(session), 422)
    assert "The round would fail: see what is missing in the dry run." in page.text
    assert "No demonstration of the training split is chosen" in page.text
    assert "There is no test prompt to compare policies on." in page.text
    assert session.scalars(select(Round)).all() == []


def test_looking_again_starts_nothing_and_keeps_what_was_typed(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.ADMIN)
    project = make_project(session)
    form = pages.get("/rounds/new", project=project.id)
    typed = {"settings[ppo][clip]": "0.3", "k_min": "5", "preset": "one-gpu", "find": "gradients"}
    page = pages.submit(form, f"/rounds?project={project.id}", do="look", **typed)
    assert page.one("input", name="settings[ppo][clip]").get("value") == "0.3"
    assert "differs: 0.2 by default" in page.text
    assert page.one("input", name="settings[ppo][steps]").get("placeholder") == "200"
    assert "found" in next(each for each in _settings(page, "clip_norm")).get("class")
    assert session.scalars(select(Round)).all() == []


def _settings(page: Page, name: str) -> list[Any]:
    controls = [each for each in page.elements if each.get("name").endswith(f"[{name}]")]
    return [next(up for up in reversed(each.ancestors) if "setting" in up.get("class")) for each in controls]


def test_a_setting_out_of_bounds_comes_back_with_everything_typed(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.ADMIN)
    typed = {"settings[ppo][clip]": "-1", "settings[sft][epochs]": "many", "candidate_prompts": "17", "k_min": "x"}
    page = _plan(pages, make_project(session), 422, **typed)
    assert "Setting `clip` must be at least 0, not -1" in page.one("p", id="error-settings[ppo][clip]").text
    assert "must be a whole number, not many" in page.one("p", id="error-settings[sft][epochs]").text
    assert page.one("p", id="error-k_min").text == "Please give a whole number."
    for name, value in typed.items():
        assert page.one("input", name=name).get("value") == value
    assert session.scalars(select(Round)).all() == []


def test_a_setting_out_of_bounds_is_refused_in_the_readers_language(pages: PageClient, session: Session) -> None:
    choose_language(session, pages.sign_in_as(Role.ADMIN), "zh")
    page = _plan(pages, make_project(session), 422, **{"settings[ppo][clip]": "-1"})
    assert "ppo 阶段：设置 `clip` 必须至少为 0，而不是 -1.0。" in page.text


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"k_min": "8", "k_max": "4"}, "k_max", "The smallest K must not exceed the largest."),
        ({"sample_k_min": "8", "sample_k_max": "4"}, "sample_k_max", "The smallest K must not exceed the largest."),
        ({"rankings_since": "2026-02-02", "rankings_until": "2026-02-01"}, "rankings_until", "is after the last"),
        ({"start": "sft"}, "checkpoint", "Choose a checkpoint to start from"),
        ({"aim": "sft", "start": "checkpoint", "checkpoint": "1"}, "start", "a model that is to be fine-tuned"),
        ({"start": "sft", "checkpoint": "4711"}, "checkpoint", "This project has no checkpoint 4711."),
        ({"others[]": "4711"}, "others[]", "This project has no checkpoint 4711."),
        ({"temperature": "0"}, "temperature", "Please give more than 0"),
        ({"more_temperatures": "0.5, warm"}, "more_temperatures", "Please give a number"),
        ({"more_temperatures": "0"}, "more_temperatures", "than 0"),
        ({"candidate_others[]": "4711"}, "others[]", "This project has no checkpoint 4711."),
        ({"settings[ppo][ptx_coefficient]": "2"}, "settings[ppo][texts]", "`texts` is required"),
        ({"settings[sample][k_min]": "2"}, "settings[sample][k_min]", "does not belong to the form"),
        ({"needs[ppo][memory]": "0"}, "needs[ppo][memory]", "Please give 1 or more."),
        ({"settings[ppo][colour]": "red"}, "settings[ppo][colour]", "is unknown"),
    ],
)
def test_each_refusal_stands_by_its_field(
    pages: PageClient, session: Session, typed: dict[str, str], field: str, sentence: str
) -> None:
    pages.sign_in_as(Role.ADMIN)
    page = _plan(pages, make_project(session), 422, **typed)
    assert sentence in {link.get("href"): link.text for link in page.all("a")}[f"#field-{field}"]


def test_a_round_cannot_start_from_a_reward_model(pages: PageClient, session: Session) -> None:
    project = make_project(session)
    reward = register_checkpoint(session, project, CheckpointKind.REWARD, "judge", location="x", digest="0")
    pages.sign_in_as(Role.ADMIN)
    page = _plan(pages, project, 422, start="checkpoint", checkpoint=str(reward.id))
    assert "cannot start from judge" in page.text


def test_every_setting_of_every_stage_has_a_field(pages: PageClient, session: Session) -> None:
    """But those that the round fills in, and those that the plan asks for elsewhere on the page."""
    pages.sign_in_as(Role.ADMIN)
    page = pages.get("/rounds/new", project=make_project(session).id)
    names = {element.get("name") for element in page.elements}
    for stage, filled in FILLED.items():
        known = (*filled, *DECIDED.get(stage, ()))
        wanted = {control_of(stage, name) for name in defaults(STAGES[stage.value]) if name not in known}
        assert wanted <= names
    elsewhere = {"split", "temperatures"}  # the round chooses splits; the plan has `more_temperatures`
    assert set(DECIDED[Stage.SAMPLE]) - elsewhere <= names


EVERY = [(stage, field) for stage in FILLED for field in asked_of(stage)]
BOUNDED = [
    (stage, field, bound) for stage, field in EVERY for bound in (field.minimum, field.maximum) if bound is not None
]


def _refused(stage: Stage, field: SettingField, text: str) -> str | None:
    """The sentence under the field, of a plan with nothing else typed."""
    form: Form[NewRound] = read_form(NewRound, [("preset", "none"), (control_of(stage, field.name), text)])
    read_plan(form)
    return form.error(control_of(stage, field.name))


@pytest.mark.parametrize(("stage", "field", "bound"), BOUNDED, ids=lambda each: getattr(each, "name", each))
def test_each_bound_is_refused_just_outside_and_taken_at_itself(
    stage: Stage, field: SettingField, bound: float
) -> None:
    whole = field.kind is Kind.INTEGER
    beyond = bound + (1 if bound == field.maximum else -1) * (1 if whole else max(abs(bound), 1) * 1e-6)
    assert _refused(stage, field, plain(bound)) is None
    said = _refused(stage, field, plain(beyond))
    assert said is not None
    assert f"`{field.name}`" in said
    assert plain(bound) in said or str(bound) in said


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(EVERY), st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(str.strip))
def test_no_text_passes_where_a_number_or_a_choice_is_wanted(place: tuple[Stage, SettingField], text: str) -> None:
    stage, field = place
    said = _refused(stage, field, text)
    if field.choices:
        assert (said is None) == (text.strip() in field.choices)
    elif field.kind is not Kind.STRING:
        assert said or _is_number(text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_settings_of_a_stage_that_does_not_run_refuse_only_what_was_typed(pages: PageClient, session: Session) -> None:
    """The paper's PPO wants texts; a round that only fine-tunes does not."""
    pages.sign_in_as(Role.ADMIN)
    page = _plan(pages, make_project(session), aim="sft", preset="instructgpt-1.3b", **ANYWAY)
    assert page.heading.endswith("round 1")


def test_a_copied_round_is_the_same_plan(session: Session) -> None:
    project = make_project(session)
    policy = register_checkpoint(session, project, CheckpointKind.POLICY, "ppo-1", location="x")
    plan = RoundPlan(
        aim="align",
        start="checkpoint",
        checkpoint_id=policy.id,
        rankings="existing",
        people="both",
        demonstrations=DataPlan(campaigns=(3,)),
        comparisons=DataPlan(campaigns=(4, 5), since="2026-01-01", until="2026-01-31"),
        preset="tiny-cpu",
        settings={
            stage: settings_of_preset("tiny-cpu", stage) | ({"learning_rate": 1.5e-5} if stage is Stage.ALIGN else {})
            for stage in FILLED
        },
        candidates=SamplingPlan(
            prompts=7, choose="fresh", k_min=3, k_max=5, rankings=2, temperature=0.9, more_temperatures=(1.2,)
        ),
        samples=SamplingPlan(prompts=20, k_min=2, k_max=6, temperature=0.9, more_temperatures=(1.2,)),
        mix_earlier_policy=False,
        others=(policy.id,),
        candidate_others=(policy.id,),
        overlap=2,
        evaluate=False,
        against_first_sft=False,
        needs={Stage.ALIGN: NeedsPlan(gpu=True, memory=8_000, label="large")},
        approval=True,
    )
    assert read_plan(form_of(plan)).plan == plan


def test_a_copy_without_a_preset_keeps_each_setting() -> None:
    plan = RoundPlan(settings={Stage.PPO: {"clip": 0.3}, Stage.SFT: {"residual_dropout": 0.0}})
    copied = read_plan(form_of(plan)).plan
    assert copied is not None
    assert {stage: values for stage, values in copied.settings.items() if values} == plan.settings


def test_rankings_yet_to_be_collected_have_no_last_day(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.ADMIN)
    page = _plan(pages, make_project(session), 422, rankings="both", rankings_until="2026-01-31", **ANYWAY)
    assert page.one("p", id="error-rankings_until").text == "Rankings that are yet to be collected have no last day."


def test_a_round_is_copied_from_its_address(pages: PageClient, session: Session) -> None:
    project = make_project(session, "Kites")
    started = start_round(session, project, RoundPlan(settings={Stage.PPO: {"clip": 0.35}}, overlap=3))
    pages.sign_in_as(Role.ADMIN)
    page = pages.get(f"/rounds/new?from={started.id}")
    assert page.heading == "New round for Kites"
    assert page.one("input", name="overlap").get("value") == "3"
    assert page.one("input", name="settings[ppo][clip]").get("value") == "0.35"
    assert "Round 1 of this project is still under way" in page.text


def test_parts_of_the_page_answer_for_themselves(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.ADMIN)
    project = make_project(session)
    part = pages.post(f"/rounds/new/settings?project={project.id}", {"aim": "align", "preset": "none"})
    assert not part.all("html")
    summaries = [each.text for each in part.all("summary")]
    assert next(each for each in summaries if each.startswith("PPO")).endswith("does not run in this round")
    assert next(each for each in summaries if each.startswith("Alignment")) == "Alignment without PPO"
    check = pages.post(f"/rounds/new/check?project={project.id}", {"aim": "sft"})
    assert "No demonstration" in check.body
    assert "Start although something is missing" in check.body
    wrong = pages.post(f"/rounds/new/check?project={project.id}", {"settings[sft][epochs]": "0"})
    assert "Correct what is marked" in wrong.body
