"""The trainer's settings as the app sees them: checked before a run is queued, read from what a person typed."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.errors import InvalidInput
from app.runs.models import Stage
from app.runs.settings_schema import Kind, SettingField, setting_fields
from app.translation import gettext
from trainer.config import STAGES, BadSetting, make_config

TO_BE_FILLED = "(filled when the run starts)"

Wrong = dict[str, str]  # why a setting is refused, as a whole sentence, by its name


class InvalidSettings(InvalidInput):
    """`reason` names the setting and says what is wrong with it."""


def check_settings(stage: Stage, settings: Mapping[str, Any], filled_later: Iterable[str] = ()) -> None:
    """Raises `InvalidSettings`. `filled_later` names the paths that the worker will put in."""
    for sentence in wrong_settings(stage, settings, filled_later).values():
        raise InvalidSettings(reason=sentence)


def wrong_settings(stage: Stage, settings: Mapping[str, Any], filled_later: Iterable[str] = ()) -> Wrong:
    """Everything that the trainer would refuse."""
    later = dict.fromkeys(filled_later, TO_BE_FILLED)
    wrong = {
        name: gettext("Setting `{name}` is filled from the run's inputs.").format(name=name)
        for name in sorted(set(settings) & set(later))
    }
    values = {name: value for name, value in settings.items() if name not in wrong}
    while refused := _first_refused(stage, {**values, **later}):
        wrong[refused.name] = _sentence(stage, refused.name, gettext(refused.reason).format(**refused.details))
        if values.pop(refused.name, None) is None:
            break  # a setting that others ask for
    return wrong


def _first_refused(stage: Stage, values: Mapping[str, Any]) -> BadSetting | None:
    try:
        make_config(STAGES[stage.value], values)
    except BadSetting as error:
        return error
    return None


def _sentence(stage: Stage, name: str, reason: str) -> str:
    sentence = gettext("Stage {stage}: Setting `{name}` {reason}.")
    return sentence.format(stage=stage.value, name=name, reason=reason)


def read_settings(stage: Stage, typed: Mapping[str, str]) -> tuple[dict[str, Any], Wrong]:
    """What a person typed, as the kinds of value that the stage takes; what is none of its kind is wrong."""
    known = {field.name: field for field in setting_fields(stage)}
    values: dict[str, Any] = {}
    wrong: Wrong = {}
    for name, text in typed.items():
        try:
            values[name] = _value(known.get(name), text.strip())
        except ValueError:
            whole = known[name].kind is Kind.INTEGER
            reason = gettext("must be a whole number, not {text}") if whole else gettext("must be a number, not {text}")
            wrong[name] = _sentence(stage, name, reason.format(text=text))
    return values, wrong


def _value(field: SettingField | None, text: str) -> Any:
    """Raises ValueError. A setting that is not known stays as it is; the trainer refuses it by name."""
    if field is None or field.kind is Kind.STRING:
        return text
    return int(text) if field.kind is Kind.INTEGER else float(text)
