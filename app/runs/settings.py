"""The trainer's settings as the app sees them: checked before a run is queued, described for a form."""

from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

from app.errors import InvalidInput
from app.runs.models import Stage
from app.translation import gettext
from trainer.config import STAGES, BadSetting, allowed_types, make_config

TO_BE_FILLED = "(filled when the run starts)"


class InvalidSettings(InvalidInput):
    """`reason` names the setting and says what is wrong with it."""


@dataclass(frozen=True)
class SettingField:
    """One setting of a stage, for a form."""

    name: str
    description: str
    default: Any
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    numeric: bool

    @property
    def options(self) -> list[tuple[str, str]]:
        """For a select; the first one leaves the setting alone."""
        default = gettext("{value} (default)").format(value=self.default)
        return [("", default), *((choice, choice) for choice in self.choices)]


def check_settings(stage: Stage, settings: Mapping[str, Any], filled_later: Iterable[str] = ()) -> None:
    """Raises `InvalidSettings`. `filled_later` names the paths that the worker will put in."""
    clash = sorted(set(settings) & set(filled_later))
    if clash:
        raise InvalidSettings(reason=gettext("Setting `{name}` is filled from the run's inputs.").format(name=clash[0]))
    try:
        make_config(STAGES[stage.value], {**settings, **dict.fromkeys(filled_later, TO_BE_FILLED)})
    except BadSetting as error:
        reason = gettext(error.reason).format(**error.details)
        sentence = gettext("Stage {stage}: Setting `{name}` {reason}.")
        raise InvalidSettings(reason=sentence.format(stage=stage.value, name=error.name, reason=reason)) from error


def setting_fields(stage: Stage) -> list[SettingField]:
    """The stage's optional settings; paths that the worker fills in are left out."""
    return [
        SettingField(
            name=item.name,
            description=in_their_words(item),
            default=item.default,
            minimum=item.metadata["minimum"],
            maximum=item.metadata["maximum"],
            choices=item.metadata["choices"],
            numeric=_is_numeric(item.type),
        )
        for item in fields(STAGES[stage.value])
        if not item.metadata["required"]
    ]


def in_their_words(setting: Field[Any]) -> str:
    description: str = setting.metadata["help"]
    return gettext(description)


def typed_settings(stage: Stage, typed: Mapping[str, str]) -> dict[str, Any]:
    """What a person typed, as the kinds of value that the stage takes. Raises `InvalidSettings`."""
    numeric = {field.name for field in setting_fields(stage) if field.numeric}
    return {name: _number(stage, name, text) if name in numeric else text for name, text in typed.items()}


def _number(stage: Stage, name: str, text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise InvalidSettings(
            reason=gettext("Stage {stage}: setting `{name}` must be a number, not {text}.").format(
                stage=stage.value, name=name, text=text
            )
        ) from None


def _is_numeric(hint: Any) -> bool:
    return bool({int, float} & set(allowed_types(hint)))
