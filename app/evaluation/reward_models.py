"""A reward model against people: how often it orders two outputs as they do, how sure it may be, where it errs most."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import expit
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from app.annotations.models import AnnotatedOutput, Annotation
from app.completions.models import Completion, CompletionScore
from app.evaluation.choosing import Chosen, judgements, voice_of_annotation
from app.evaluation.clusters import Cluster, Mean, clustered_share
from app.evaluation.cross_validation.queries import is_of_a_fold
from app.prompts.models import Prompt
from app.tasks.models import Task

BINS = 5
SHOWN = 10


@dataclass(frozen=True)
class ScoredPair:
    """Two outputs that a reward model scored and one voice ordered strictly, so many times either way.

    `margin`: score of the first less that of the second, in logits of the first being preferred.
    """

    voice: str
    reward_model: int
    prompt_id: int
    first: int
    second: int
    margin: float
    wins: int
    losses: int

    @property
    def right(self) -> float:
        """Verdicts that the scores foretell; equal scores foretell half."""
        if self.margin == 0:
            return (self.wins + self.losses) / 2
        return self.wins if self.margin > 0 else self.losses


@dataclass(frozen=True)
class Accuracy:
    voice: str
    reward_model: int
    share: Mean


@dataclass(frozen=True)
class Bin:
    """Verdicts on pairs of which the model is so sure: what it foretold on average, and how often it was right."""

    voice: str
    reward_model: int
    low: float
    high: float
    foretold: float
    right: Mean


@dataclass(frozen=True)
class Disagreement:
    """People prefer one text, the model scores the other higher by `margin`."""

    voice: str
    reward_model: int
    prompt_id: int
    margin: float
    verdicts: int
    against: int
    prompt: str
    preferred: str | None
    scored_higher: str | None


def scored_pairs(session: Session, chosen: Chosen) -> list[ScoredPair]:
    ours, theirs = aliased(AnnotatedOutput), aliased(AnnotatedOutput)
    our_score, their_score = aliased(CompletionScore), aliased(CompletionScore)
    said_by, margin = voice_of_annotation(), our_score.score - their_score.score
    groups = (said_by, our_score.checkpoint_id, Task.prompt_id, ours.completion_id, theirs.completion_id, margin)
    query = (
        judgements(session, chosen)
        .join(ours, ours.annotation_id == Annotation.id)
        .join(theirs, and_(theirs.annotation_id == Annotation.id, theirs.completion_id > ours.completion_id))
        .join(our_score, our_score.completion_id == ours.completion_id)
        .join(
            their_score,
            and_(
                their_score.completion_id == theirs.completion_id, their_score.checkpoint_id == our_score.checkpoint_id
            ),
        )
        .where(ours.rank != theirs.rank, ~is_of_a_fold(our_score.checkpoint_id))
        .add_columns(
            *groups,
            func.count().filter(ours.rank < theirs.rank),
            func.count().filter(ours.rank > theirs.rank),
        )
        .group_by(*groups)
        .order_by(*groups)
    )
    return [ScoredPair(*row) for row in session.execute(query)]


def accuracies(pairs: Sequence[ScoredPair]) -> list[Accuracy]:
    return [Accuracy(voice, model, _right(of_both)) for (voice, model), of_both in _grouped(pairs).items()]


def calibration(pairs: Sequence[ScoredPair]) -> list[Bin]:
    """Bins of equal width from "a coin's toss" to "certain"; empty ones are left out."""
    found = []
    for (voice, model), of_both in _grouped(pairs).items():
        binned: dict[int, list[ScoredPair]] = defaultdict(list)
        for pair in of_both:
            binned[min(BINS - 1, int((_sureness(pair) - 0.5) * 2 * BINS))].append(pair)
        for place, inside in sorted(binned.items()):
            low, high = (0.5 + edge / (2 * BINS) for edge in (place, place + 1))
            found.append(Bin(voice, model, low, high, _foretold(inside), _right(inside)))
    return found


def _sureness(pair: ScoredPair) -> float:
    return float(expit(abs(pair.margin)))


def _foretold(pairs: Sequence[ScoredPair]) -> float:
    verdicts = sum(pair.wins + pair.losses for pair in pairs)
    return sum(_sureness(pair) * (pair.wins + pair.losses) for pair in pairs) / verdicts


def _grouped(pairs: Sequence[ScoredPair]) -> dict[tuple[str, int], list[ScoredPair]]:
    grouped: dict[tuple[str, int], list[ScoredPair]] = defaultdict(list)
    for pair in pairs:
        grouped[pair.voice, pair.reward_model].append(pair)
    return grouped


def _right(pairs: Sequence[ScoredPair]) -> Mean:
    """`pairs` must not be empty."""
    clusters: dict[int, list[ScoredPair]] = defaultdict(list)
    for pair in pairs:
        clusters[pair.prompt_id].append(pair)
    mean = clustered_share(
        Cluster(sum(pair.right for pair in of_prompt), sum(pair.wins + pair.losses for pair in of_prompt))
        for of_prompt in clusters.values()
    )
    assert mean is not None
    return mean


def disagreements(session: Session, pairs: Sequence[ScoredPair], most: int = SHOWN) -> list[Disagreement]:
    """Where most verdicts go against the scores, the widest margin first."""
    wrong = [pair for pair in pairs if pair.right < (pair.wins + pair.losses) / 2]
    worst = sorted(wrong, key=lambda pair: -abs(pair.margin))[:most]
    texts = _texts(session, {number for pair in worst for number in (pair.first, pair.second)})
    prompts = _prompts(session, {pair.prompt_id for pair in worst})
    return [_disagreement(pair, prompts, texts) for pair in worst]


def _disagreement(pair: ScoredPair, prompts: dict[int, str], texts: dict[int, str | None]) -> Disagreement:
    higher, lower = (pair.first, pair.second) if pair.margin > 0 else (pair.second, pair.first)
    return Disagreement(
        pair.voice,
        pair.reward_model,
        pair.prompt_id,
        abs(pair.margin),
        pair.wins + pair.losses,
        max(pair.wins, pair.losses),
        prompts[pair.prompt_id],
        preferred=texts[lower],
        scored_higher=texts[higher],
    )


def _texts(session: Session, numbers: set[int]) -> dict[int, str | None]:
    query = select(Completion.id, Completion.text).where(Completion.id.in_(numbers))
    return {number: text for number, text in session.execute(query)}  # noqa: C416


def _prompts(session: Session, numbers: set[int]) -> dict[int, str]:
    """The last message of each."""
    query = select(Prompt.id, Prompt.messages[-1]["content"].astext).where(Prompt.id.in_(numbers))
    return {number: text for number, text in session.execute(query)}  # noqa: C416
