"""The files that annotations are imported from: our own JSON lines, and named formats of public collections."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import NoneType
from typing import Any, BinaryIO, TextIO

from app.completions.evidence import check_anonymous, read_evidence
from app.errors import InvalidInput
from app.projects.forms import Attribute, AttributeType, RatingForm
from app.projects.ready_made import BREAKS_CONSTRAINT, flag
from app.prompts.importing import Format, Line, json_lines, prompt_of, stated_split
from app.prompts.messages import checked_text
from app.translation import gettext
from trainer.records import Comparison, Demonstration, Message, parse_line

MOST_OUTPUTS = 9


@dataclass(frozen=True)
class ComparisonFormat(Format[Comparison]):
    """`form` describes the ratings that the file brings, or `read_form` finds it there; else they are looked at."""

    form: RatingForm | None = None
    read_form: Callable[[BinaryIO], RatingForm] | None = None


def _checked(record: Demonstration | Comparison) -> None:
    prompt_of(record.prompt)
    checked_text(record.labeler)
    if record.seconds is not None and record.seconds < 0:
        raise InvalidInput(reason=gettext("The seconds are negative."))


def _demonstration(number: int, record: Demonstration, raw: str | None = None) -> Line[Demonstration]:
    _checked(record)
    if not checked_text(record.completion).strip():
        raise InvalidInput(reason=gettext("The completion is empty."))
    return Line(number, record, stated_split(raw) if raw else None)


def checked_comparison(
    number: int, record: Comparison, raw: str | None = None, use_case: str | None = None
) -> Line[Comparison]:
    """Raises `InvalidInput` for what cannot be stored."""
    _checked(record)
    if len(record.completions) > MOST_OUTPUTS:
        raise InvalidInput(
            reason=gettext("There are {count} outputs; at most {most} can be ranked.").format(
                count=len(record.completions), most=MOST_OUTPUTS
            )
        )
    for answers in (*record.ratings, record.prompt_ratings):
        _check_answers(answers)
    for text in (*record.completions, *record.completion_ids, *(name for names in record.authors for name in names)):
        checked_text(text or "")
    for sources, authors in zip(record.evidence or (), record.authors, strict=False):
        check_anonymous(read_evidence(list(sources)), authors)
    return Line(number, record, stated_split(raw) if raw else None, use_case)


def _check_answers(answers: Mapping[str, Any]) -> None:
    for name, value in answers.items():
        checked_text(name)
        if isinstance(value, str):
            checked_text(value)
        elif not isinstance(value, bool | int | NoneType):
            raise InvalidInput(
                reason=gettext("The rating {name} must be true, false, a whole number or a text.").format(name=name)
            )


def _rondo_demonstration(number: int, raw: str) -> Line[Demonstration]:
    return _demonstration(number, parse_line(Demonstration, raw, "demonstrations", number), raw)


def _rondo_comparison(number: int, raw: str) -> Line[Comparison]:
    record = parse_line(Comparison, raw, "comparisons", number)
    ratings = tuple(_as_submitted(rating) for rating in record.ratings)
    return checked_comparison(number, replace(record, ratings=ratings), raw)


def _as_submitted(rating: Any) -> dict[str, Any]:
    """Undo what an export adds: `satisfies_constraint` follows from the flag and the prompt's marks."""
    answers = {name: value for name, value in rating.items() if value is not None and name != "satisfies_constraint"}
    if rating.get("satisfies_constraint") is not None:
        answers.setdefault(BREAKS_CONSTRAINT, not rating["satisfies_constraint"])
    return answers


def _csv_rows(file: TextIO) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(file)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise InvalidInput(
            reason=gettext("Line {line} is not CSV: {error}.").format(line=reader.line_num, error=error)
        ) from error


def _user(content: str) -> tuple[Message, ...]:
    return (Message("user", content),)


def _e2e(number: int, row: dict[str, Any]) -> Line[Demonstration]:
    facts, text = row.get("mr"), row.get("ref")
    if not facts or not text:
        raise InvalidInput(reason=gettext("The columns mr and ref must both be filled."))
    return _demonstration(number, Demonstration("", facts, _user(facts), text))


# What the workers marked beside their magnitude scores, which are open-ended.
E2E_QUALITY_FORM = RatingForm(
    output=(
        Attribute(name="score", label="Magnitude score", type=AttributeType.TEXT),
        flag("missing", "Facts missing"),
        flag("added", "Facts added"),
    )
)


def _e2e_quality(number: int, raw: str) -> Line[Comparison]:
    try:
        row = json.loads(raw)
        outputs = row["outputs"]
        values = {
            "task_id": row["task_id"],
            "prompt_id": row["mr"],
            "prompt": [{"role": "user", "content": row["mr"]}],
            "completions": [output["text"] for output in outputs],
            "authors": [[output["system"]] for output in outputs],
            "ranks": [output["rank"] for output in outputs],
            "ratings": [_marks(output["score"], output["flag"]) for output in outputs],
            "labeler": row["labeler"],
            "seconds": row["seconds"],
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput(
            reason=gettext("This is no line of the E2E quality file ({error}).").format(error=error)
        ) from error
    return checked_comparison(number, parse_line(Comparison, json.dumps(values), "quality", number))


def _marks(score: int, marks: str) -> dict[str, Any]:
    if set(marks.split("+")) - {"ok", "missing", "added"}:
        raise ValueError(gettext("unknown flag {marks}").format(marks=marks))
    return {"score": str(score), "missing": "missing" in marks, "added": "added" in marks}


DEMONSTRATION_FORMATS = {
    "rondo": Format(cut=json_lines, parse=_rondo_demonstration),
    "e2e": Format(cut=_csv_rows, parse=_e2e),
}
COMPARISON_FORMATS = {
    "rondo": ComparisonFormat(cut=json_lines, parse=_rondo_comparison),
    "e2e-quality": ComparisonFormat(cut=json_lines, parse=_e2e_quality, form=E2E_QUALITY_FORM),
}
