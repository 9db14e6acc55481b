"""The trainer's settings as a form: a field for each, what the preset says beside it, what was typed kept."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.rounds.service import FILLED
from app.runs.models import Stage
from app.runs.settings import read_settings, wrong_settings
from app.runs.settings_schema import SettingField, setting_fields
from app.translation import gettext as _
from app.web.forms import Form, nested
from trainer.presets import PRESETS

NO_PRESET = "none"
# What a plan says elsewhere.
DECIDED: Mapping[Stage, tuple[str, ...]] = {Stage.SAMPLE: ("k_min", "k_max", "temperature", "temperatures", "split")}
IMPORTANT: Mapping[Stage, tuple[str, ...]] = {
    Stage.PRETRAIN: ("epochs", "learning_rate", "batch", "vocabulary", "hidden", "layers", "context"),
    Stage.SFT: ("epochs", "learning_rate", "batch", "residual_dropout", "keep", "lora_rank"),
    Stage.REWARD: ("epochs", "learning_rate", "batch", "loss", "ties", "keep", "lora_rank"),
    Stage.PPO: (
        *("steps", "batch_prompts", "samples_per_prompt", "learning_rate", "value_learning_rate"),
        *("kl_coefficient", "max_new_tokens", "ptx_coefficient", "lora_rank"),
    ),
    Stage.ALIGN: ("method", "epochs", "learning_rate", "batch", "beta", "lora_rank"),
    Stage.SAMPLE: ("max_new_tokens", "top_p", "top_k", "batch"),
}
Typed = dict[Stage, dict[str, str]]
Settings = dict[Stage, dict[str, Any]]


@dataclass(frozen=True)
class ShownSetting:
    """`control` is the field's name in the form; `base` is what holds where nothing is typed."""

    field: SettingField
    control: str
    typed: str
    base: str
    from_preset: bool
    error: str | None
    found: bool

    @property
    def differs(self) -> bool:
        return bool(self.typed) and self.typed != self.base

    @property
    def options(self) -> list[tuple[str, str]]:
        """For a select; the first one leaves the setting alone."""
        words = _("{value} (preset)") if self.from_preset else _("{value} (default)")
        return [("", words.format(value=self.base)), *((choice, choice) for choice in self.field.choices)]


@dataclass(frozen=True)
class ShownStage:
    """`first` are those that matter most, or those that were looked for."""

    stage: Stage
    used: bool
    first: list[ShownSetting]
    rest: list[ShownSetting]

    @property
    def all(self) -> list[ShownSetting]:
        return [*self.first, *self.rest]

    @property
    def rest_is_touched(self) -> bool:
        return any(setting.error or setting.differs for setting in self.rest)

    @property
    def wrong(self) -> int:
        return sum(setting.error is not None for setting in self.all)

    @property
    def differing(self) -> int:
        return sum(setting.differs for setting in self.all)


def settings_of_preset(name: str, stage: Stage) -> dict[str, Any]:
    return dict(PRESETS.get(name, {}).get(stage.value, {}))


def control_of(stage: Stage, name: str) -> str:
    return f"settings[{stage.value}][{name}]"


def asked_of(stage: Stage) -> list[SettingField]:
    """The settings that a person decides; the round fills in paths and what its plan says elsewhere."""
    known = (*FILLED[stage], *DECIDED.get(stage, ()))
    return [field for field in setting_fields(stage) if field.name not in known]


def typed_in(form: Form[Any]) -> Typed:
    """As it stands in the form; a stage that no round has is left to the form's own check."""
    sent = nested(form.values).get("settings")
    stages = sent if isinstance(sent, dict) else {}
    return {
        stage: {name: str(text) for name, text in stages[stage.value].items()}
        for stage in FILLED
        if isinstance(stages.get(stage.value), dict)
    }


def settings_from(typed: Typed, preset: str, used: Collection[Stage]) -> tuple[Settings, dict[str, str]]:
    """The preset's settings under what was typed, and what is wrong by the name of its field.

    A stage that does not run is held only to what was typed for it.
    """
    settings: Settings = {}
    errors: dict[str, str] = {}
    for stage, filled in FILLED.items():
        own, wrong = read_settings(stage, typed.get(stage, {}))
        settings[stage] = {**settings_of_preset(preset, stage), **own}
        refused = wrong_settings(stage, settings[stage], filled) | wrong
        strangers = [name for name in DECIDED.get(stage, ()) if name in own]
        elsewhere = dict.fromkeys(strangers, _("This field does not belong to the form."))
        for name, sentence in (refused | elsewhere).items():
            if stage in used or name in typed.get(stage, {}):
                errors[control_of(stage, name)] = sentence
    return settings, errors


def typed_from(settings: Mapping[Stage, Mapping[str, Any]], preset: str) -> dict[str, str]:
    """What to type over the preset so that these settings come out, by the name of the field."""
    typed = {}
    for stage in FILLED:
        below, wanted = settings_of_preset(preset, stage), settings.get(stage, {})
        for field in asked_of(stage):
            value = wanted.get(field.name, field.default)
            if value != below.get(field.name, field.default):
                typed[control_of(stage, field.name)] = plain(value)
    return typed


def shown_stages(form: Form[Any], preset: str, used: Collection[Stage], words: str) -> list[ShownStage]:
    """Stages that the plan runs come first; a stage's settings that hold `words` come before its others."""
    stages = sorted(FILLED, key=lambda stage: stage not in used)
    return [_shown_stage(form, preset, stage, stage in used, words.strip().lower()) for stage in stages]


def _shown_stage(form: Form[Any], preset: str, stage: Stage, used: bool, words: str) -> ShownStage:
    below = settings_of_preset(preset, stage)
    shown = [_shown(form, stage, field, below, words) for field in asked_of(stage)]
    order = {name: place for place, name in enumerate(IMPORTANT[stage])}
    first = sorted((each for each in shown if each.field.name in order), key=lambda each: order[each.field.name])
    found = [each for each in shown if each.found and each.field.name not in order]
    rest = [each for each in shown if each not in first and each not in found]
    return ShownStage(stage, used, [*_found_first(first), *found], rest)


def _found_first(settings: Iterable[ShownSetting]) -> list[ShownSetting]:
    return sorted(settings, key=lambda each: not each.found)


def _shown(form: Form[Any], stage: Stage, field: SettingField, below: Mapping[str, Any], words: str) -> ShownSetting:
    control = control_of(stage, field.name)
    return ShownSetting(
        field=field,
        control=control,
        typed=form.value(control),
        base=plain(below.get(field.name, field.default)),
        from_preset=field.name in below,
        error=form.error(control),
        found=bool(words) and words in f"{field.name} {field.name.replace('_', ' ')} {field.description.lower()}",
    )


def plain(value: Any) -> str:
    """As people type it: `1e-5`, and nothing for nothing."""
    if value is None:
        return ""
    return re.sub(r"e([+-])0*", r"e\1", repr(value)) if isinstance(value, float) else str(value)
