"""A round's plan as a form: what was typed read into a plan, and a plan shown as typed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from app.rounds.plan import Aim, DataPlan, NeedsPlan, People, RoundPlan, SamplingPlan, stages_of
from app.rounds.service import FILLED
from app.runs.models import Stage
from app.web.forms import Form, read_form, sentence
from app.web.settings_forms import NO_PRESET, Settings, settings_from, typed_from, typed_in
from trainer.presets import PRESETS

Warmth = Annotated[float, Field(gt=0, le=5)]


def _numbers(typed: object) -> object:
    """`0.7, 1.3` as a list."""
    return [each for each in re.split(r"[,;\s]+", typed) if each] if isinstance(typed, str) else typed


class NewRound(BaseModel):
    """The form. A setting left empty takes the preset's value, or else the trainer's default.

    `do`: `look` shows the page again with what was typed, `start` starts the round.
    """

    aim: Aim = "ppo"
    start: Literal["pretrain", "sft", "checkpoint"] = "pretrain"
    checkpoint: int | None = None
    rankings: Literal["collect", "existing", "both"] = "collect"
    people: People = "people"
    demonstration_campaigns: list[int] = Field(default_factory=list)
    demonstrations_since: date | None = None
    demonstrations_until: date | None = None
    ranking_campaigns: list[int] = Field(default_factory=list)
    rankings_since: date | None = None
    rankings_until: date | None = None
    candidate_prompts: int | None = Field(default=None, ge=1)
    candidate_choice: Literal["random", "fresh"] = "random"
    k_min: int = Field(default=4, ge=2, le=9)
    k_max: int = Field(default=9, ge=2, le=9)
    temperature: float = Field(default=1.0, gt=0, le=5)
    more_temperatures: Annotated[tuple[Warmth, ...], BeforeValidator(_numbers), Field(max_length=8)] = ()
    candidate_others: list[int] = Field(default_factory=list)
    rankings_per_prompt: int = Field(default=1, ge=1, le=9)
    sample_prompts: int | None = Field(default=None, ge=1)
    sample_choice: Literal["random", "fresh"] = "random"
    sample_k_min: int = Field(default=4, ge=2, le=9)
    sample_k_max: int = Field(default=9, ge=2, le=9)
    overlap: int = Field(default=1, ge=1, le=20)
    mix_earlier_policy: bool = False
    others: list[int] = Field(default_factory=list)
    evaluate: bool = False
    against_first_sft: bool = False
    approval: bool = False
    preset: str = NO_PRESET
    settings: dict[Stage, dict[str, str]] = Field(default_factory=dict)
    needs: dict[Stage, NeedsPlan] = Field(default_factory=dict)
    find: str = ""
    do: Literal["look", "start"] = "start"
    unready: bool = False


@dataclass(frozen=True)
class Reading:
    """`plan` is None where something cannot be taken; `used`: the stages that run, all where that cannot be told."""

    plan: RoundPlan | None
    used: list[Stage]


def read_plan(form: Form[NewRound]) -> Reading:
    """What cannot be taken is said under its field."""
    preset = form.value("preset", NO_PRESET)
    plan = _plan(form, form.data) if form.data else None
    settings, errors = settings_from(typed_in(form), preset, stages_of(plan) if plan else [])
    for name, wrong in errors.items():
        form.refuse(name, wrong)
    used = stages_of(plan) if plan else list(FILLED)
    return Reading(None if plan is None or form.errors else _with_settings(plan, preset, settings), used)


def _with_settings(plan: RoundPlan, preset: str, settings: Settings) -> RoundPlan:
    known = preset if preset in PRESETS else None
    return plan.model_copy(update={"preset": known, "settings": settings})


def _plan(form: Form[NewRound], typed: NewRound) -> RoundPlan | None:
    """Without settings but the method of `align`, which says what else runs."""
    method = typed.settings.get(Stage.ALIGN, {}).get("method")
    parts = {
        "candidates": _made(form, "k_max", lambda: _candidates(typed)),
        "samples": _made(form, "sample_k_max", lambda: _samples(typed)),
        "demonstrations": _made(form, "demonstrations_until", lambda: _demonstrations(typed)),
        "comparisons": _made(form, "rankings_until", lambda: _comparisons(typed)),
    }
    if form.errors:
        return None
    plan: RoundPlan | None = _made(
        form,
        _at_fault(typed),
        lambda: RoundPlan(
            aim=typed.aim,
            start=typed.start,
            checkpoint_id=None if typed.start == "pretrain" else typed.checkpoint,
            rankings=typed.rankings,
            people=typed.people,
            settings={Stage.ALIGN: {"method": method}} if method else {},
            mix_earlier_policy=typed.mix_earlier_policy,
            others=tuple(typed.others),
            candidate_others=tuple(typed.candidate_others),
            overlap=typed.overlap,
            evaluate=typed.evaluate,
            against_first_sft=typed.against_first_sft,
            needs={stage: asked for stage, asked in typed.needs.items() if asked != NeedsPlan()},
            approval=typed.approval,
            **parts,
        ),
    )
    return plan


def _at_fault(typed: NewRound) -> str:
    """The field under which it is said that the parts make no plan."""
    if typed.start != "pretrain" and typed.checkpoint is None:
        return "checkpoint"
    return "rankings_until" if typed.rankings == "both" and typed.rankings_until else "start"


def _candidates(typed: NewRound) -> SamplingPlan:
    return SamplingPlan(
        prompts=typed.candidate_prompts,
        choose=typed.candidate_choice,
        k_min=typed.k_min,
        k_max=typed.k_max,
        rankings=typed.rankings_per_prompt,
        temperature=typed.temperature,
        more_temperatures=typed.more_temperatures,
    )


def _samples(typed: NewRound) -> SamplingPlan:
    return SamplingPlan(
        prompts=typed.sample_prompts,
        choose=typed.sample_choice,
        k_min=typed.sample_k_min,
        k_max=typed.sample_k_max,
        temperature=typed.temperature,
        more_temperatures=typed.more_temperatures,
    )


def _demonstrations(typed: NewRound) -> DataPlan:
    campaigns = tuple(typed.demonstration_campaigns) or None
    return DataPlan(campaigns=campaigns, since=typed.demonstrations_since, until=typed.demonstrations_until)


def _comparisons(typed: NewRound) -> DataPlan:
    campaigns = tuple(typed.ranking_campaigns) or None
    return DataPlan(campaigns=campaigns, since=typed.rankings_since, until=typed.rankings_until)


def _made(form: Form[NewRound], name: str, make: Callable[[], Any]) -> Any:
    """What `make` makes; where it cannot, None, and the reason stands under the field."""
    try:
        return make()
    except ValidationError as error:
        form.refuse(name, sentence(error.errors()[0]))
        return None


def empty_form() -> Form[NewRound]:
    ticked = dict.fromkeys(("mix_earlier_policy", "evaluate", "against_first_sft", "approval"), "1")
    return _as_sent(**ticked, preset=next(iter(PRESETS)), sample_prompts=100)


def _as_sent(**values: object) -> Form[NewRound]:
    """A form with these values, as if somebody had typed them."""
    shown = Form[NewRound].showing(**values)
    return read_form(NewRound, [(name, value) for name, many in shown.values.items() for value in many])


def form_of(plan: RoundPlan) -> Form[NewRound]:
    """The plan of another round, to be changed and started as a new one."""
    preset = plan.preset or NO_PRESET
    data, ranked = plan.demonstrations, plan.comparisons
    return _as_sent(
        aim=plan.aim,
        start=plan.start,
        checkpoint=plan.checkpoint_id,
        rankings=plan.rankings,
        people=plan.people,
        demonstrations_since=data.since,
        demonstrations_until=data.until,
        rankings_since=ranked.since,
        rankings_until=ranked.until,
        candidate_prompts=plan.candidates.prompts,
        candidate_choice=plan.candidates.choose,
        k_min=plan.candidates.k_min,
        k_max=plan.candidates.k_max,
        temperature=plan.candidates.temperature,
        more_temperatures=", ".join(map(str, plan.candidates.more_temperatures)) or None,
        rankings_per_prompt=plan.candidates.rankings,
        sample_prompts=plan.samples.prompts,
        sample_choice=plan.samples.choose,
        sample_k_min=plan.samples.k_min,
        sample_k_max=plan.samples.k_max,
        overlap=plan.overlap,
        mix_earlier_policy="1" if plan.mix_earlier_policy else None,
        evaluate="1" if plan.evaluate else None,
        against_first_sft="1" if plan.against_first_sft else None,
        approval="1" if plan.approval else None,
        preset=preset,
        **{
            "demonstration_campaigns[]": data.campaigns,
            "ranking_campaigns[]": ranked.campaigns,
            "others[]": plan.others,
            "candidate_others[]": plan.candidate_others,
        },
        **_needs_typed(plan),
        **typed_from(plan.settings, preset),
    )


def _needs_typed(plan: RoundPlan) -> dict[str, object]:
    return {
        f"needs[{stage.value}][{name}]": "1" if value is True else value
        for stage, asked in plan.needs.items()
        for name, value in asked.model_dump(exclude_defaults=True).items()
    }
