"""The trainer's settings as JSON Schema (2020-12), and the fields of a form that are made from it."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, get_type_hints

from app.runs.models import Stage
from app.translation import gettext
from trainer.config import STAGES, allowed_types


class Kind(StrEnum):
    INTEGER = "integer"
    NUMBER = "number"
    STRING = "string"


TYPES = {int: "integer", float: "number", str: "string", type(None): "null"}


def settings_schema(stage: Stage) -> dict[str, Any]:
    """Each setting with its kind, bounds, choices and default; descriptions are in the language spoken."""
    config = STAGES[stage.value]
    hints = get_type_hints(config)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": stage.value,
        "description": config.__doc__,
        "type": "object",
        "additionalProperties": False,
        "required": [item.name for item in fields(config) if item.metadata["required"]],
        "properties": {item.name: _property(item, hints[item.name]) for item in fields(config)},
    }


def _property(item: Any, hint: Any) -> dict[str, Any]:
    rules, description = item.metadata, item.metadata["help"]
    kinds = [TYPES[kind] for kind in allowed_types(hint)]
    bounds = {name: rules[name] for name in ("minimum", "maximum") if rules[name] is not None}
    return {
        "type": kinds[0] if len(kinds) == 1 else kinds,
        "description": gettext(description),
        **({} if rules["required"] else {"default": item.default}),
        **({"minLength": 1} if rules["required"] else {}),
        **bounds,
        **({"enum": list(rules["choices"])} if rules["choices"] else {}),
    }


@dataclass(frozen=True)
class SettingField:
    """One setting of a stage, for a form."""

    name: str
    kind: Kind
    description: str
    default: Any
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]


def setting_fields(stage: Stage) -> list[SettingField]:
    """The stage's optional settings, in the trainer's order."""
    schema = settings_schema(stage)
    return [_field(name, rules) for name, rules in schema["properties"].items() if name not in schema["required"]]


def _field(name: str, rules: dict[str, Any]) -> SettingField:
    kinds = [rules["type"]] if isinstance(rules["type"], str) else rules["type"]
    return SettingField(
        name=name,
        kind=Kind(kinds[0]),
        description=rules["description"],
        default=rules["default"],
        minimum=rules.get("minimum"),
        maximum=rules.get("maximum"),
        choices=tuple(rules.get("enum", ())),
    )
