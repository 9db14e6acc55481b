"""Takes a line's keys one by one and refuses whatever does not fit. No torch here."""

from typing import Any, TypeVar


class Misfit(ValueError):
    """The reason why a line was refused."""


class Keys:
    """The keys of one line; whatever was never asked for is unknown."""

    def __init__(self, values: Any) -> None:
        if not isinstance(values, dict):
            raise Misfit("a line must be a JSON object")
        self.values = dict(values)

    def take(self, key: str) -> Any:
        if key not in self.values:
            raise Misfit(f"`{key}` is missing")
        return self.values.pop(key)

    def text(self, key: str) -> str:
        return typed(key, self.take(key), str, "a string")

    def text_or(self, key: str, otherwise: str) -> str:
        return self.text(key) if key in self.values else otherwise

    def optional_text(self, key: str) -> str | None:
        value = self.values.pop(key, None)
        return None if value is None else typed(key, value, str, "a string or null")

    def whole(self, key: str) -> int:
        return whole(key, self.take(key))

    def number(self, key: str) -> float:
        return number(key, self.take(key))

    def optional_number(self, key: str) -> float | None:
        value = self.values.pop(key, None)
        return None if value is None else number(key, value)

    def flag(self, key: str) -> bool:
        return typed(key, self.values.pop(key, False), bool, "true or false")

    def one_of(self, key: str, options: tuple[str, ...]) -> Any:
        value = self.take(key)
        if value not in options:
            raise Misfit(f"`{key}` must be one of {', '.join(options)}, not {value!r}")
        return value

    def one_of_or(self, key: str, options: tuple[str, ...], otherwise: str) -> Any:
        return self.one_of(key, options) if key in self.values else otherwise

    def items(self, key: str) -> list[Any]:
        return typed(key, self.take(key), list, "a list")

    def mapping(self, key: str) -> dict[str, Any]:
        return typed(key, self.values.pop(key, {}), dict, "an object")

    def nothing_left(self) -> None:
        if self.values:
            raise Misfit(f"`{min(self.values)}` is not a known key")


Kind = TypeVar("Kind", str, bool, list[Any], dict[str, Any])


def typed(key: str, value: Any, kind: type[Kind], name: str) -> Kind:
    if not isinstance(value, kind):
        raise Misfit(f"`{key}` must be {name}")
    return value


def whole(key: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Misfit(f"`{key}` must be a whole number")
    return value


def number(key: str, value: Any) -> float:
    """A finite number."""
    if not isinstance(value, int | float) or isinstance(value, bool) or value - value != 0:
        raise Misfit(f"`{key}` must be a finite number")
    return float(value)
