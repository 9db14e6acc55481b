"""The lines of the data files that the app and the trainer exchange. No torch here.

Reading is strict: a line with a missing, misspelt or misfit key raises `BadRecord` with its number.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, cast

from trainer.errors import TrainerError
from trainer.strict import Keys, Misfit, number, typed, whole

Role = Literal["system", "user", "assistant"]
Cohort = Literal["training", "held_out"]
Split = Literal["train", "validation", "test"]

ROLES = ("system", "user", "assistant")
COHORTS = ("training", "held_out")
SPLITS = ("train", "validation", "test")


class BadRecord(TrainerError):
    """A line of a data file that cannot be read; `line_number` counts from 1."""

    def __init__(self, path: Path | str, line_number: int, reason: str) -> None:
        self.path = Path(path)
        self.line_number = line_number
        self.reason = reason
        super().__init__(f"{self.path.name}, line {line_number}: {reason}.")


@dataclass(frozen=True)
class Message:
    role: Role
    content: str


@dataclass(frozen=True)
class Demonstration:
    annotation_id: str
    prompt_id: str
    prompt: tuple[Message, ...]
    completion: str
    labeler: str = ""
    cohort: Cohort = "training"
    simulated: bool = False
    seconds: float | None = None
    split: Split = "train"


@dataclass(frozen=True)
class Comparison:
    """One person's judgement of the K outputs of a prompt; all tuples are parallel to `completion_ids`.

    `ranks`: 1 is best, dense, ties equal; None where the outputs were only rated. A text is None where an imported
    set lacks it. `authors[k]` names the checkpoints (or "human") that wrote output k. `evidence[k]` are the sources
    shown beside output k, each as `{title, url?, text?}`; None where no output has any.
    """

    annotation_id: str
    task_id: str
    prompt_id: str
    prompt: tuple[Message, ...]
    completion_ids: tuple[str, ...]
    completions: tuple[str | None, ...]
    authors: tuple[tuple[str, ...], ...]
    ranks: tuple[int, ...] | None
    ratings: tuple[Mapping[str, Any], ...]
    prompt_ratings: Mapping[str, Any]
    form: str | None = None
    labeler: str = ""
    cohort: Cohort = "training"
    simulated: bool = False
    seconds: float | None = None
    split: Split = "train"
    evidence: tuple[tuple[Mapping[str, Any], ...], ...] | None = None


@dataclass(frozen=True)
class PromptRecord:
    """`content_warning` and `constraints` are for those who read it; training passes them over."""

    prompt_id: str
    prompt: tuple[Message, ...]
    split: Split = "train"
    content_warning: str | None = None
    constraints: tuple[str, ...] | None = None


@dataclass(frozen=True)
class TextRecord:
    text: str


@dataclass(frozen=True)
class Sample:
    """One sampled completion. `logprob`: sum over its tokens under the policy, in nats, at `temperature`."""

    prompt_id: str
    completion: str
    token_ids: tuple[int, ...]
    finish_reason: Literal["stop", "length"]
    logprob: float
    checkpoint: str
    seed: int
    temperature: float
    score: float | None = None


@dataclass(frozen=True)
class ScoreRecord:
    """Of several reward models `score` is the mean, `spread` the standard deviation. `ratings`: see `ratings.told`."""

    completion_id: str
    reward_checkpoint: str
    score: float
    spread: float | None = None
    ratings: Mapping[str, float] | None = None


LEFT_OUT = {"score", "spread", "ratings", "content_warning", "constraints", "evidence"}

Record = Demonstration | Comparison | PromptRecord | TextRecord | Sample | ScoreRecord


def to_line(record: Record) -> str:
    """One line of JSON without its newline. An absent score, warning or evidence is left out, not written as null."""
    values = {key: value for key, value in vars(record).items() if not (key in LEFT_OUT and value is None)}
    return json.dumps(values, ensure_ascii=False, default=vars)


def write_lines(path: Path, records: Iterable[Record]) -> int:
    """Number of lines written."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(to_line(record) + "\n")
            count += 1
    return count


class _Parse(Protocol):
    def __call__(self, keys: Keys, /) -> Any: ...


def _messages(keys: Keys) -> tuple[Message, ...]:
    messages = tuple(_message(value) for value in keys.items("prompt"))
    if not messages:
        raise Misfit("`prompt` must hold at least one message")
    if messages[-1].role == "assistant":
        raise Misfit("`prompt` must end where the assistant should speak")
    return messages


def _message(value: Any) -> Message:
    keys = Keys(value)
    message = Message(keys.one_of("role", ROLES), keys.text("content"))
    keys.nothing_left()
    return message


def _demonstration(keys: Keys) -> Demonstration:
    return Demonstration(
        annotation_id=keys.text_or("annotation_id", ""),
        prompt_id=keys.text("prompt_id"),
        prompt=_messages(keys),
        completion=keys.text("completion"),
        labeler=keys.text_or("labeler", ""),
        cohort=keys.one_of_or("cohort", COHORTS, "training"),
        simulated=keys.flag("simulated"),
        seconds=keys.optional_number("seconds"),
        split=keys.one_of_or("split", SPLITS, "train"),
    )


def _comparison(keys: Keys) -> Comparison:
    prompt_id = keys.text("prompt_id")
    completions = tuple(_text_or_null(value) for value in keys.items("completions"))
    k = len(completions)
    if k == 0:
        raise Misfit("`completions` must not be empty")
    return Comparison(
        annotation_id=keys.text_or("annotation_id", ""),
        task_id=keys.text_or("task_id", ""),
        prompt_id=prompt_id,
        prompt=_messages(keys),
        completion_ids=_completion_ids(keys, [f"{prompt_id}-{number}" for number in range(1, k + 1)]),
        completions=completions,
        authors=_parallel(keys, "authors", k, _author_names, ()),
        ranks=_ranks(keys.take("ranks"), k),
        ratings=_parallel(keys, "ratings", k, _rating, {}),
        prompt_ratings=keys.mapping("prompt_ratings"),
        form=keys.optional_text("form"),
        labeler=keys.text_or("labeler", ""),
        cohort=keys.one_of_or("cohort", COHORTS, "training"),
        simulated=keys.flag("simulated"),
        seconds=keys.optional_number("seconds"),
        split=keys.one_of_or("split", SPLITS, "train"),
        evidence=_parallel(keys, "evidence", k, _sources, ()) if "evidence" in keys.values else None,
    )


def _sources(value: Any) -> tuple[dict[str, Any], ...]:
    sources = typed("evidence", value, list, "a list of lists of objects")
    return tuple(typed("evidence", source, dict, "a list of lists of objects") for source in sources)


def _text_or_null(value: Any) -> str | None:
    return None if value is None else typed("completions", value, str, "a list of strings or nulls")


def _completion_ids(keys: Keys, otherwise: list[str]) -> tuple[str, ...]:
    if "completion_ids" not in keys.values:
        return tuple(otherwise)
    ids = tuple(typed("completion_ids", value, str, "a list of strings") for value in keys.items("completion_ids"))
    if len(ids) != len(otherwise):
        raise Misfit(f"`completion_ids` has {len(ids)} entries for {len(otherwise)} completions")
    if len(set(ids)) != len(ids):
        raise Misfit("`completion_ids` must differ from each other")
    return ids


def _author_names(value: Any) -> tuple[str, ...]:
    names = typed("authors", value, list, "a list of lists of strings")
    return tuple(typed("authors", name, str, "a list of lists of strings") for name in names)


def _rating(value: Any) -> dict[str, Any]:
    return typed("ratings", value, dict, "a list of objects")


Part = TypeVar("Part")


def _parallel(keys: Keys, key: str, k: int, parse: Callable[[Any], Part], otherwise: Part) -> tuple[Part, ...]:
    if key not in keys.values:
        return (otherwise,) * k
    parts = tuple(parse(value) for value in keys.items(key))
    if len(parts) != k:
        raise Misfit(f"`{key}` has {len(parts)} entries for {k} completions")
    return parts


def _ranks(value: Any, k: int) -> tuple[int, ...] | None:
    if value is None:
        return None
    ranks = tuple(whole("ranks", rank) for rank in typed("ranks", value, list, "a list or null"))
    if len(ranks) != k:
        raise Misfit(f"`ranks` has {len(ranks)} entries for {k} completions")
    if not is_dense(ranks):
        raise Misfit(f"`ranks` must be dense and start at 1, not {list(ranks)}")
    return ranks


def is_dense(ranks: Iterable[int]) -> bool:
    """Whether the ranks used are 1, 2, ... without a gap."""
    used = set(ranks)
    return used == set(range(1, len(used) + 1))


def _prompt_record(keys: Keys) -> PromptRecord:
    return PromptRecord(
        keys.text("prompt_id"),
        _messages(keys),
        keys.one_of_or("split", SPLITS, "train"),
        keys.optional_text("content_warning"),
        _sentences(keys, "constraints") if "constraints" in keys.values else None,
    )


def _sentences(keys: Keys, key: str) -> tuple[str, ...]:
    return tuple(typed(key, each, str, "a list of strings") for each in keys.items(key))


def _text_record(keys: Keys) -> TextRecord:
    return TextRecord(keys.text("text"))


def _sample(keys: Keys) -> Sample:
    return Sample(
        prompt_id=keys.text("prompt_id"),
        completion=keys.text("completion"),
        token_ids=tuple(whole("token_ids", value) for value in keys.items("token_ids")),
        finish_reason=keys.one_of("finish_reason", ("stop", "length")),
        logprob=keys.number("logprob"),
        checkpoint=keys.text("checkpoint"),
        seed=keys.whole("seed"),
        temperature=keys.number("temperature"),
        score=keys.optional_number("score"),
    )


def _score(keys: Keys) -> ScoreRecord:
    return ScoreRecord(
        keys.text("completion_id"),
        keys.text("reward_checkpoint"),
        keys.number("score"),
        keys.optional_number("spread"),
        _told_ratings(keys) if "ratings" in keys.values else None,
    )


def _told_ratings(keys: Keys) -> dict[str, float]:
    return {name: number("ratings", value) for name, value in keys.mapping("ratings").items()}


_PARSERS: dict[type[Record], _Parse] = {
    Demonstration: _demonstration,
    Comparison: _comparison,
    PromptRecord: _prompt_record,
    TextRecord: _text_record,
    Sample: _sample,
    ScoreRecord: _score,
}

AnyRecord = TypeVar("AnyRecord", Demonstration, Comparison, PromptRecord, TextRecord, Sample, ScoreRecord)


def parse_line(kind: type[AnyRecord], line: str, path: Path | str, line_number: int) -> AnyRecord:
    """One record. Raises `BadRecord`."""
    try:
        keys = Keys(json.loads(line))
        record = cast("AnyRecord", _PARSERS[kind](keys))
        keys.nothing_left()
    except Misfit as error:
        raise BadRecord(path, line_number, str(error)) from None
    except (ValueError, RecursionError) as error:
        raise BadRecord(path, line_number, f"not JSON ({error})") from None
    return record


def read_lines(kind: type[AnyRecord], path: Path) -> Iterator[AnyRecord]:
    """The records of a JSON lines file, in order; blank lines are skipped. Raises `BadRecord`, `FileNotFoundError`."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield parse_line(kind, line, path, number)
