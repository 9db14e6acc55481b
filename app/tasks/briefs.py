"""What a labeler is asked to write, where a task has no prompt yet."""

from collections.abc import Mapping, Sequence
from itertools import cycle, islice

from pydantic import BaseModel, ConfigDict

from app.prompts.models import PromptKind
from app.prompts.use_cases import apportioned


class Brief(BaseModel):
    """`use_case` is the category asked for, `use_cases` those to choose from; `scenario` what somebody needs it for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: PromptKind
    use_case: str | None = None
    use_cases: tuple[str, ...] = ()
    scenario: str | None = None


ATTACK = Brief(kind=PromptKind.ATTACK)


def planned_briefs(
    kinds: Sequence[PromptKind], number: int, mix: Mapping[str, float], scenarios: Sequence[str] = ()
) -> list[Brief]:
    """`number` briefs, the kinds in equal shares. A user-based one takes its scenario in turn and asks for no category.

    Within a kind the categories are in the proportions of `mix`.
    """
    of_kind = apportioned(number, dict.fromkeys(kinds, 1.0))
    return [brief for kind in kinds for brief in _of_kind(PromptKind(kind), of_kind.count(kind), mix, scenarios)]


def _of_kind(kind: PromptKind, count: int, mix: Mapping[str, float], scenarios: Sequence[str]) -> list[Brief]:
    choices = tuple(mix)
    if kind is PromptKind.USER_BASED:
        return [Brief(kind=kind, use_cases=choices, scenario=each) for each in islice(cycle(scenarios), count)]
    return [Brief(kind=kind, use_cases=choices, use_case=each) for each in apportioned(count, mix)]
