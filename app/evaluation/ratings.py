"""What ratings say of each policy: means of scales, and how often each flag was set (InstructGPT, figure 4)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Float, Integer, Text, case, cast, column, func, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.annotations.models import AnnotatedOutput, Annotation
from app.completions.models import CompletionAuthor
from app.evaluation.choosing import Chosen, judgements, voice_of_annotation
from app.evaluation.clusters import Cluster, Mean, clustered_mean, clustered_share
from app.prompts.models import Prompt
from app.tasks.models import Task

ALL = None  # of the use cases


@dataclass(frozen=True)
class Rated:
    """The sum of what was answered to one question about a policy's outputs for one prompt; a set flag counts 1."""

    voice: str
    policy: int
    question: str
    is_flag: bool
    use_case: str
    prompt_id: int
    total: float
    count: int


@dataclass(frozen=True)
class RatingMean:
    """`use_case` is None over all of them."""

    voice: str
    policy: int
    question: str
    use_case: str | None
    mean: Mean


def ratings(session: Session, chosen: Chosen) -> list[Rated]:
    """Scales and flags as submitted; choices and texts have no mean."""
    answers = func.jsonb_each(AnnotatedOutput.ratings).table_valued("key", column("value", JSONB), name="answers")
    kind = func.jsonb_typeof(answers.c.value)
    said = cast(answers.c.value, Text)
    number = case((kind == "boolean", cast(cast(said == "true", Integer), Float)), else_=cast(said, Float))
    said_by, use_case = voice_of_annotation(), func.coalesce(Prompt.use_case, "")
    groups = (
        said_by, CompletionAuthor.checkpoint_id, answers.c.key, kind == "boolean", use_case, Task.prompt_id,
    )  # fmt: skip
    query = (
        judgements(session, chosen)
        .join(AnnotatedOutput, AnnotatedOutput.annotation_id == Annotation.id)
        .join(CompletionAuthor, CompletionAuthor.completion_id == AnnotatedOutput.completion_id)
        .join(answers, true())
        .where(CompletionAuthor.checkpoint_id.is_not(None), kind.in_(["boolean", "number"]))
        .add_columns(*groups, func.sum(number), func.count())
        .group_by(*groups)
        .order_by(*groups)
    )
    return [Rated(*row) for row in session.execute(query)]


def scale_means(found: Sequence[Rated]) -> list[RatingMean]:
    """Of each question on a scale, over all use cases."""
    return _means([each for each in found if not each.is_flag], clustered_mean, by_use_case=False)


def flag_rates(found: Sequence[Rated]) -> list[RatingMean]:
    """Of each flag, over all use cases and, where there are several, by use case."""
    flags = [each for each in found if each.is_flag]
    several = len({each.use_case for each in flags}) > 1
    return _means(flags, clustered_share, by_use_case=several)


def _means(
    found: Sequence[Rated], mean_of: Callable[[Iterable[Cluster]], Mean | None], *, by_use_case: bool
) -> list[RatingMean]:
    clusters: dict[tuple[str, str, str, int], dict[int, Cluster]] = defaultdict(dict)
    for each in found:
        for use_case in ("", f"{each.use_case}\0") if by_use_case else ("",):
            of_prompt = clusters[each.question, use_case, each.voice, each.policy]
            before = of_prompt.get(each.prompt_id, Cluster(0, 0))
            of_prompt[each.prompt_id] = Cluster(before.total + each.total, before.count + each.count)
    means = []
    for (question, use_case, voice, policy), of_prompt in sorted(clusters.items()):
        mean = mean_of(of_prompt.values())
        assert mean is not None
        means.append(RatingMean(voice, policy, question, use_case[:-1] if use_case else ALL, mean))
    return means
