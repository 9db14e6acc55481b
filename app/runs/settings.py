"""The trainer's settings as the app sees them: checked before a run is queued, described for a form."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from app.errors import InvalidInput
from app.runs.models import Stage
from trainer.config import STAGES, BadSetting, allowed_types, make_config

TO_BE_FILLED = "(filled when the run starts)"


class InvalidSettings(InvalidInput):
    """`reason` is the trainer's own sentence, which names the setting."""


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


def check_settings(stage: Stage, settings: Mapping[str, Any], filled_later: Iterable[str] = ()) -> None:
    """Raises `InvalidSettings`. `filled_later` names the paths that the worker will put in."""
    clash = sorted(set(settings) & set(filled_later))
    if clash:
        raise InvalidSettings(reason=f"Setting `{clash[0]}` is filled from the run's inputs.")
    try:
        make_config(STAGES[stage.value], {**settings, **dict.fromkeys(filled_later, TO_BE_FILLED)})
    except BadSetting as error:
        raise InvalidSettings(reason=f"Stage {stage.value}: {error}") from error


def setting_fields(stage: Stage) -> list[SettingField]:
    """The stage's optional settings; paths that the worker fills in are left out."""
    return [
        SettingField(
            name=item.name,
            description=item.metadata["help"],
            default=item.default,
            minimum=item.metadata["minimum"],
            maximum=item.metadata["maximum"],
            choices=item.metadata["choices"],
            numeric=_is_numeric(item.type),
        )
        for item in fields(STAGES[stage.value])
        if not item.metadata["required"]
    ]


def _is_numeric(hint: Any) -> bool:
    kinds = {getattr(kind, "__name__", str(kind)) for kind in allowed_types(hint)}
    return bool(kinds & {"int", "float", "float | None", "int | None"})
