"""What rounds gained, measured: errors by the checker, accuracy of the reward model, win rates by the labelers."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.completions.models import Completion, CompletionScore
from app.db import among
from app.evaluation.win_rate import WinRate
from app.files.place import Files
from app.prompts.models import Prompt, Split
from app.rounds.advancing import turn_of
from app.rounds.models import Round
from app.rounds.plan import Step
from app.rounds.report.win_rate import round_win_rate, win_rate_over_first_sft
from app.rounds.turn import Turn
from app.runs.results import samples_of
from app.simulation.facts import Checker, parse_facts
from app.tasks.models import Task

SHOWN = 10


@dataclass(frozen=True)
class Quality:
    """Of a policy's texts for held-out prompts, at temperature 1: means, and the share without an error."""

    errors: float
    perfect: float
    words: float


@dataclass(frozen=True)
class Example:
    facts: str
    before: str
    after: str


@dataclass(frozen=True)
class Accuracy:
    """Share of untied pairs of held-out rankings that the reward model puts in the right order, equal scores half.

    `labelers`: right is what they said, mistakes included; `noiseless`: right is fewer errors. None without a pair.
    """

    labelers: float | None
    noiseless: float | None
    pairs: int


@dataclass(frozen=True)
class RoundOutcome:
    """`win_rate`: over the first SFT model; `over_earlier`: over the policy that the round began with."""

    policy: Quality
    accuracy: Accuracy
    win_rate: WinRate | None
    over_earlier: WinRate | None


@dataclass(frozen=True)
class Outcome:
    """`examples`: the first SFT model beside the last policy."""

    sft: Quality
    rounds: list[RoundOutcome]
    examples: list[Example]

    def as_json(self) -> dict[str, list[dict[str, float | None]]]:
        """Win rates over the first SFT model."""
        return {"rounds": [_rate(each.win_rate) for each in self.rounds]}


def _rate(found: WinRate | None) -> dict[str, float | None]:
    names = ("win_rate", "low", "high")
    if found is None:
        return dict.fromkeys(names)
    return dict(zip(names, (found.rate, found.low, found.high), strict=True))


def outcome_of(session: Session, files: Files, numbers: Sequence[int], checker: Checker) -> Outcome:
    """Of rounds that followed on each other, the first of which began with the first SFT model."""
    turns = [turn_of(session, files, session.get_one(Round, number)) for number in numbers]
    before, after = _texts(turns[0], Step.EARLIER_TEST_SAMPLES), _texts(turns[-1], Step.TEST_SAMPLES)
    return Outcome(
        sft=quality_of(before.items(), checker),
        rounds=[_round_outcome(turn, checker) for turn in turns],
        examples=[Example(facts, before[facts], after[facts]) for facts in sorted(after)[:SHOWN] if facts in before],
    )


def _round_outcome(turn: Turn, checker: Checker) -> RoundOutcome:
    return RoundOutcome(
        policy=quality_of(_texts(turn, Step.TEST_SAMPLES).items(), checker),
        accuracy=_accuracy(turn, checker),
        win_rate=win_rate_over_first_sft(turn.session, turn.files, turn.round),
        over_earlier=round_win_rate(turn.session, turn.files, turn.round),
    )


def _texts(turn: Turn, step: Step) -> dict[str, str]:
    """Facts -> the text that the step's first policy wrote for them, one for each held-out prompt."""
    samples = list(samples_of(turn.session, turn.the_run(step), turn.files))
    texts = {each.prompt_id: each.text for each in samples if each.checkpoint_id == samples[0].checkpoint_id}
    rows = turn.session.execute(select(Prompt.id, Prompt.messages).where(among(Prompt.id, texts)))
    return {messages[-1]["content"]: texts[number] for number, messages in rows}


def quality_of(texts: Iterable[tuple[str, str]], checker: Checker) -> Quality:
    told = [(checker.check(parse_facts(facts), text).errors, len(text.split())) for facts, text in texts]
    return Quality(
        errors=fmean(errors for errors, _ in told),
        perfect=fmean(errors == 0 for errors, _ in told),
        words=fmean(words for _, words in told),
    )


@dataclass(frozen=True)
class Judged:
    """One output of a held-out ranking: lower ranks and fewer errors are better, a higher score is."""

    rank: int
    errors: int
    score: float


def _accuracy(turn: Turn, checker: Checker) -> Accuracy:
    pairs = [pair for ranking in _held_out_rankings(turn, checker) for pair in combinations(ranking, 2)]
    said = [agrees(one, other, one.rank - other.rank) for one, other in pairs if one.rank != other.rank]
    true = [agrees(one, other, one.errors - other.errors) for one, other in pairs if one.errors != other.errors]
    return Accuracy(labelers=fmean(said) if said else None, noiseless=fmean(true) if true else None, pairs=len(true))


def agrees(one: Judged, other: Judged, worse_by: int) -> float:
    """1 where the scores say the same as `worse_by`, which is positive where `one` is the worse of the two."""
    if one.score == other.score:
        return 0.5
    return float((one.score < other.score) == (worse_by > 0))


def _held_out_rankings(turn: Turn, checker: Checker) -> Iterator[list[Judged]]:
    query = (
        select(AnnotatedOutput, Prompt.messages, Completion.text, CompletionScore.score)
        .join(Annotation, Annotation.id == AnnotatedOutput.annotation_id)
        .join(Task, Task.id == Annotation.task_id)
        .join(Completion, Completion.id == AnnotatedOutput.completion_id)
        .join(Prompt, Prompt.id == Completion.prompt_id)
        .join(CompletionScore, CompletionScore.completion_id == Completion.id)
        .where(
            Annotation.kind == AnnotationKind.RANKING,
            Annotation.current,
            ~Annotation.surplus,
            Prompt.project_id == turn.project.id,
            Prompt.split == Split.VALIDATION,
            CompletionScore.checkpoint_id == turn.model_of(Step.REWARD).id,
        )
    )
    rankings: dict[int, list[Judged]] = defaultdict(list)
    for output, messages, text, score in turn.session.execute(query):
        errors = checker.check(parse_facts(messages[-1]["content"]), text or "").errors
        rankings[output.annotation_id].append(Judged(output.rank or 0, errors, score))
    yield from rankings.values()
