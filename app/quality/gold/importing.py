"""Known answers from a file: comparisons as Rondo writes them (`comparisons.jsonl`), each line with an `explanation` if
there is one to show after training."""

import json
from dataclasses import replace
from typing import BinaryIO

from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.imports.formats import COMPARISON_FORMATS
from app.annotations.imports.judgements import Judgement, judgement_of
from app.campaigns.models import Campaign
from app.completions.models import Completion
from app.completions.service import add_completion
from app.errors import DomainError, InvalidInput
from app.projects.models import Project
from app.prompts.importing import Format, Line, Problems, good_lines, json_lines
from app.prompts.models import Source, Split
from app.prompts.service import add_prompt
from app.quality.gold.answers import Known, add_known
from app.tasks.models import Purpose, Task
from app.translation import gettext
from trainer.records import Comparison

EXPLAINED = "explanation"

Explained = tuple[Comparison, str]


def import_known(
    session: Session, campaign: Campaign, file: BinaryIO, author: User | None, purpose: Purpose = Purpose.GOLD
) -> list[Task]:
    """Raises `ImportRefused` with every bad line. New prompts become tests, so that no model learns from them."""
    problems = Problems()
    lines = list(good_lines(file, FORMAT, problems))
    made = []
    for line in lines:
        try:
            with session.begin_nested():
                made.append(_add(session, campaign, line, author, purpose))
        except DomainError as error:
            problems.add(line.number, error.localized())
    problems.refuse()
    if not made:
        raise InvalidInput(reason=gettext("The file holds no rows."))
    return made


def _parse(number: int, raw: str) -> Line[Explained]:
    explanation, rest = _taken_out(raw)
    line = COMPARISON_FORMATS["rondo"].parse(number, rest)
    return Line(number, (line.record, explanation), line.split, line.use_case)


def _taken_out(raw: str) -> tuple[str, str]:
    """The explanation, and the line without it; what is no object at all is left to the line's own reader."""
    try:
        values = json.loads(raw)
    except (ValueError, RecursionError):
        return "", raw
    if not isinstance(values, dict) or EXPLAINED not in values:
        return "", raw
    explanation = values.pop(EXPLAINED)
    if not isinstance(explanation, str):
        raise InvalidInput(reason=gettext("The explanation must be a text."))
    return explanation, json.dumps(values)


FORMAT = Format(cut=json_lines, parse=_parse)


def _add(session: Session, campaign: Campaign, line: Line[Explained], author: User | None, purpose: Purpose) -> Task:
    record, explanation = line.record
    judged = judgement_of(replace(line, record=record))  # type: ignore[arg-type]
    project = session.get_one(Project, campaign.project_id)
    prompt, _ = add_prompt(session, project, judged.messages, source=Source.IMPORTED, split=Split.TEST)
    outputs = [add_completion(session, prompt, text) for text in _texts(judged)]
    return add_known(session, campaign, prompt, outputs, _known(judged, outputs, explanation), author, purpose)


def _texts(judged: Judgement) -> list[str]:
    texts = [output.text for output in judged.outputs if output.text]
    if len(texts) < len(judged.outputs):
        raise InvalidInput(reason=gettext("Every output needs its text: labelers have to read it."))
    return texts


def _known(judged: Judgement, outputs: list[Completion], explanation: str) -> Known:
    pairs = list(zip(outputs, judged.outputs, strict=True))
    ranks = {output.id: said.rank for output, said in pairs if said.rank is not None}
    return Known(ranks, {output.id: said.ratings for output, said in pairs}, explanation)
