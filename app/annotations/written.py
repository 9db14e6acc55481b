"""Prompts as they were typed on the desk, read into what will be stored, and back into fields to be revised.

Fields: `text`, or for few-shot `instruction`, `pair[1][query]`, `pair[1][response]`, …; `use_case` where one chooses.
"""

from collections.abc import Mapping

from app.annotations.submissions import InvalidSubmission, Typed, checked_writing
from app.prompts.models import Prompt, PromptKind
from app.prompts.writing import FEWEST_PAIRS, MOST_PAIRS, Pair, WrittenPrompt, few_shot, pairs_of, single_message
from app.tasks.briefs import Brief
from app.translation import gettext


def read_written_prompt(typed: Typed, brief: Brief) -> WrittenPrompt:
    """Raises `InvalidSubmission`, every mistake at once."""
    errors: dict[str, str] = {}
    use_case = _use_case(typed, brief, errors)
    if brief.kind is PromptKind.FEW_SHOT:
        written = _few_shot(typed, use_case, errors)
    else:
        text = checked_writing(typed.get("text"), "text", gettext("Write the prompt."), errors)
        written = single_message(brief.kind, text, use_case=use_case, scenario=brief.scenario)
    if errors:
        raise InvalidSubmission(errors)
    return written


def _use_case(typed: Typed, brief: Brief, errors: dict[str, str]) -> str | None:
    if not brief.use_cases:
        return brief.use_case
    chosen = str(typed.get("use_case", "") or "")
    if chosen not in brief.use_cases:
        errors["use_case"] = gettext("Choose the use case that the prompt belongs to.")
    return chosen


def _few_shot(typed: Typed, use_case: str | None, errors: dict[str, str]) -> WrittenPrompt:
    instruction = checked_writing(
        typed.get("instruction"), "instruction", gettext("Write the instruction that all pairs follow."), errors
    )
    pairs = [
        Pair(
            checked_writing(query, f"pair[{number}][query]", gettext("This pair has no query."), errors),
            checked_writing(response, f"pair[{number}][response]", gettext("This pair has no response."), errors),
        )
        for number, query, response in typed_pairs(typed.get("pair"))
        if query.strip() or response.strip()
    ]
    if not FEWEST_PAIRS <= len(pairs) <= MOST_PAIRS:
        sentence = gettext("Write from {fewest} to {most} pairs of a query and its response.")
        errors["pair"] = sentence.format(fewest=FEWEST_PAIRS, most=MOST_PAIRS)
    return few_shot(instruction, pairs, use_case=use_case)


def typed_pairs(typed: object) -> list[tuple[int, str, str]]:
    """Number, query and response of each pair that the form has, empty ones too, in their order."""
    rows = typed if isinstance(typed, Mapping) else {}
    numbered = {int(key): row for key, row in rows.items() if str(key).isascii() and str(key).isdecimal()}
    return [
        (number, str(row.get("query", "")), str(row.get("response", "")))
        for number, row in sorted(numbered.items())
        if isinstance(row, Mapping)
    ]


def as_written(prompt: Prompt) -> WrittenPrompt:
    """What a labeler's prompt was made from. Raises `ValueError` where nobody wrote it here."""
    if prompt.kind is None:
        raise ValueError(prompt.id)
    return WrittenPrompt(prompt.kind, prompt.messages, prompt.use_case, prompt.details)


def typed_prompt(prompt: Prompt) -> dict[str, str]:
    """A submitted prompt as the form would post it."""
    typed = {"use_case": prompt.use_case} if prompt.use_case else {}
    if prompt.kind is not PromptKind.FEW_SHOT:
        return typed | {"text": prompt.messages[-1]["content"]}
    typed["instruction"] = prompt.details["instruction"]
    for number, pair in enumerate(pairs_of(prompt), start=1):
        typed |= {f"pair[{number}][query]": pair.query, f"pair[{number}][response]": pair.response}
    return typed
