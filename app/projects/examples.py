"""Examples of what deserves a rating, as a researcher types them: one a line, "7: Answers all of it, politely."

A line that begins with white space goes on with the example above it. A flag has one example, so it stands alone.
"""

import re
from collections.abc import Mapping, Sequence

from app.errors import InvalidInput, message
from app.projects.forms import EXAMPLE_OF_A_FLAG

POINT = re.compile(r"(\d{1,3})\s*:\s*(.*)")


class ExampleOfNothing(InvalidInput):
    sentence = message("“{line}” does not say what it is an example of. Write it as “7: …”, the point or option first.")


def examples_as_lines(examples: Mapping[str, str], answers: Sequence[str]) -> str:
    """In the order of `answers`; `examples_in_lines` reads it back."""
    if answers == [EXAMPLE_OF_A_FLAG]:
        return examples.get(EXAMPLE_OF_A_FLAG, "")
    shown = [f"{answer}: {_indented(examples[answer])}" for answer in answers if answer in examples]
    return "\n".join(shown)


def flag_example(text: str) -> dict[str, str]:
    return {EXAMPLE_OF_A_FLAG: text.strip()} if text.strip() else {}


def examples_in_lines(text: str, options: Sequence[str] = ()) -> dict[str, str]:
    """By point, or by option where there are some. Raises `ExampleOfNothing`."""
    examples: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if not line.strip() or (line[0].isspace() and examples):
            lines.append(line.strip())
            continue
        answer, first = _answer_and_text(line, options)
        lines = examples.setdefault(answer, [])
        lines.append(first)
    return {answer: "\n".join(said).strip() for answer, said in examples.items() if "".join(said).strip()}


def _answer_and_text(line: str, options: Sequence[str]) -> tuple[str, str]:
    for option in sorted(options, key=len, reverse=True):
        if line.startswith(option) and line[len(option) :].lstrip().startswith(":"):
            return option, line[len(option) :].lstrip().removeprefix(":").strip()
    found = None if options else POINT.fullmatch(line.strip())
    if found is None:
        raise ExampleOfNothing(line=line.strip()[:80])
    return str(int(found[1])), found[2]


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
