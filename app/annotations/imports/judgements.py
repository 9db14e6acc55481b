"""An imported comparison made ready to store: equal texts are one output, ranks dense."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.completions.evidence import Evidence, read_evidence
from app.completions.service import completion_digest
from app.prompts.importing import Line, prompt_of
from app.prompts.messages import messages_digest
from app.prompts.models import Split
from trainer.records import Comparison


@dataclass(frozen=True)
class JudgedOutput:
    """`authors`: names of checkpoints, or "human"; one text may stand for several."""

    digest: bytes
    text: str | None
    external_id: str | None
    authors: tuple[str, ...]
    rank: int | None
    ratings: dict[str, Any]
    evidence: Evidence = ()


@dataclass(frozen=True)
class Judgement:
    record: Comparison
    messages: list[dict[str, str]]
    prompt_digest: bytes
    split: Split | None
    outputs: tuple[JudgedOutput, ...]
    places: tuple[int, ...]  # for each output of the file, which of `outputs` it is
    settled_apart: bool  # equal texts had been ranked apart; they share the mean of their ranks now
    use_case: str | None = None

    @property
    def task_key(self) -> bytes:
        """Equal for judgements of the same outputs in the same task of the file."""
        return _digest(
            self.record.task_id, self.prompt_digest.hex(), sorted(output.digest.hex() for output in self.outputs)
        )

    @property
    def key(self) -> str:
        """Equal only for exact duplicates."""
        judged = [[output.digest.hex(), output.rank, output.ratings] for output in self.outputs]
        record = self.record
        return _digest(self.task_key.hex(), judged, dict(record.prompt_ratings), record.labeler, record.seconds).hex()

    def as_given(self, completion_ids: Sequence[int]) -> list[dict[str, Any]] | None:
        """What the file said of each output, where equal texts had been shown as several; else `outputs` says it."""
        if len(self.places) == len(self.outputs):
            return None
        ranks = self.record.ranks or [None] * len(self.places)
        return [
            {"completion": completion_ids[place], "rank": rank, "ratings": dict(ratings)}
            for place, rank, ratings in zip(self.places, ranks, self.record.ratings, strict=True)
        ]


def _digest(*parts: object) -> bytes:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()


def judgement_of(line: Line[Comparison]) -> Judgement:
    record = line.record
    messages = prompt_of(record.prompt)
    digests = [
        completion_digest(text, None if text is not None else name)
        for text, name in zip(record.completions, record.completion_ids, strict=True)
    ]
    places: dict[bytes, list[int]] = {}
    for place, digest in enumerate(digests):
        places.setdefault(digest, []).append(place)
    order = {digest: place for place, digest in enumerate(places)}
    ranks = _merged_ranks(record.ranks, list(places.values()))
    return Judgement(
        record,
        messages,
        messages_digest(messages),
        line.split,
        tuple(_output(record, digest, same, rank) for (digest, same), rank in zip(places.items(), ranks, strict=True)),
        places=tuple(order[digest] for digest in digests),
        settled_apart=_ranked_apart(record.ranks, list(places.values())),
        use_case=line.use_case,
    )


def _output(record: Comparison, digest: bytes, places: Sequence[int], rank: int | None) -> JudgedOutput:
    text = record.completions[places[0]]
    return JudgedOutput(
        digest,
        text,
        None if text is not None else record.completion_ids[places[0]],
        tuple(dict.fromkeys(name for place in places for name in record.authors[place])),
        rank,
        _merged_ratings([record.ratings[place] for place in places]),
        _first_evidence(record, places),
    )


def _first_evidence(record: Comparison, places: Sequence[int]) -> Evidence:
    found = (record.evidence[place] for place in places if record.evidence and record.evidence[place])
    return read_evidence(list(next(found, ())))


def _merged_ranks(ranks: Sequence[int] | None, places: Sequence[Sequence[int]]) -> list[int | None]:
    """Dense ranks of the distinct texts; none for a single output, which carries ratings alone."""
    if ranks is None or len(places) == 1:
        return [None] * len(places)
    means = [sum(ranks[place] for place in same) / len(same) for same in places]
    order = sorted(set(means))
    return [order.index(mean) + 1 for mean in means]


def _ranked_apart(ranks: Sequence[int] | None, places: Sequence[Sequence[int]]) -> bool:
    return ranks is not None and any(len({ranks[place] for place in same}) > 1 for same in places)


def _merged_ratings(ratings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The first's, a flag being set where any had set it."""
    merged = dict(ratings[0])
    for other in ratings[1:]:
        merged |= {name: True for name, value in other.items() if value is True}
    return {name: value for name, value in merged.items() if value is not None}
