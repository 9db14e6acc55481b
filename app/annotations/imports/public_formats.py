"""Named formats of public collections of judgements: WMT's rankings, PandaLM, JUDGE-BENCH and Fine-Grained RLHF.

Each is read as its authors publish it (WMT's as one JSON object a ranking). What cannot be taken without guessing is
left out and said.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from typing import Any, BinaryIO, TextIO

from app.annotations.imports.formats import ComparisonFormat, checked_comparison
from app.errors import InvalidInput
from app.projects.forms import Attribute, AttributeType, RatingForm, parse_form
from app.prompts.importing import LeftOut, Line, as_text, json_lines
from app.translation import gettext
from trainer.records import Comparison, Message

Row = Mapping[str, Any]

NOT_RANKED = -1  # in WMT's files
RANKS = {0: (1, 1), 1: (1, 2), 2: (2, 1)}  # of two outputs: a tie, the first preferred, the second


@contextmanager
def reading(collection: str) -> Iterator[None]:
    """Turns what goes wrong with a row's keys and types into `InvalidInput`."""
    try:
        yield
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput(
            reason=gettext("This is no row of {collection} ({error}).").format(
                collection=collection, error=f"{type(error).__name__}: {error}"
            )
        ) from error


def _json(file: TextIO) -> Any:
    try:
        return json.load(file)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(reason=gettext("The file is not JSON: {error}.").format(error=error)) from error


def _json_list(file: TextIO) -> Iterator[tuple[int, Any]]:
    """The rows of one JSON list, numbered from 1."""
    rows = _json(file)
    if not isinstance(rows, list):
        raise InvalidInput(reason=gettext("The file must hold one JSON list of rows."))
    return iter(enumerate(rows, start=1))


def _text(value: object) -> str:
    """Answers such as True and 12 were once read as JSON where they had been words."""
    if not isinstance(value, str | int | float):
        raise TypeError(gettext("{value} is not a text").format(value=repr(value)[:40]))
    return str(value)


def _judgement(
    prompt: str,
    completions: Sequence[str | None],
    *,
    task: str,
    labeler: str,
    names: Sequence[str] | None = None,
    authors: Sequence[Sequence[str]] | None = None,
    ranks: Sequence[int] | None = None,
    ratings: Mapping[str, Any] | None = None,
    simulated: bool = False,
    seconds: float | None = None,
) -> Comparison:
    k = len(completions)
    return Comparison(
        annotation_id="",
        task_id=task,
        prompt_id=task,
        prompt=(Message("user", prompt),),
        completion_ids=tuple(names or (f"{task}-{place}" for place in range(1, k + 1))),
        completions=tuple(completions),
        authors=tuple(tuple(each) for each in authors or [()] * k),
        ranks=tuple(ranks) if ranks else None,
        ratings=(ratings or {},) * k,
        prompt_ratings={},
        labeler=labeler,
        simulated=simulated,
        seconds=seconds,
    )


def _wmt(number: int, raw: str) -> Line[Comparison]:
    """One HIT of WMT's relative ranking: up to five translations of a segment, known by their systems alone."""
    with reading("WMT"):
        row = json.loads(raw)
        pair, segment = _text(row["lp"]), int(row["segment"])
        outputs = [output for output in row["outputs"] if int(output["rank"]) != NOT_RANKED]
        if row.get("skipped") or not outputs:
            raise LeftOut(reason=gettext("The judge skipped it."))
        if len(outputs) < 2:
            raise LeftOut(reason=gettext("Only one output was ranked."))
        systems = [sorted(_text(name) for name in output["systems"]) for output in outputs]
        record = _judgement(
            f"Translate segment {segment} of the test set ({pair}).",
            [None] * len(outputs),
            task=f"{pair}-{segment}",
            labeler=_text(row["labeler"]),
            names=["+".join(names) for names in systems],
            authors=systems,
            ranks=[int(output["rank"]) for output in outputs],
            seconds=None if row.get("seconds") is None else float(row["seconds"]),
        )
    return checked_comparison(number, record, use_case=pair)


def _pandalm_rows(file: TextIO) -> Iterator[tuple[int, tuple[Any, str]]]:
    """Every judge of every pair: people (`annotator1` and on), and models, whose verdicts are under `NAME_result`."""
    for number, row in _json_list(file):
        judges = [key for key in row if _is_judge(key)] if isinstance(row, dict) else []
        yield from ((number, (row, judge)) for judge in judges or [""])


def _is_judge(key: str) -> bool:
    return bool(re.fullmatch(r"annotator\d+|\w+_result", key))


def _pandalm(number: int, raw: tuple[Row, str]) -> Line[Comparison]:
    """0 is a tie, 1 and 2 the response that is better; `cmp_key` names the two models in the responses' order."""
    row, judge = raw
    with reading("PandaLM"):
        asked = [_text(row[name]) for name in ("instruction", "input")]
        models = _text(row["cmp_key"]).split("_") if "cmp_key" in row else []
        record = _judgement(
            "\n\n".join(part for part in asked if part),
            [_text(row["response1"]), _text(row["response2"])],
            task=_text(row["idx"]),
            labeler=judge.removesuffix("_result"),
            authors=[[model] for model in models] if len(models) == 2 else None,
            ranks=RANKS[row[judge]],
            simulated=judge.endswith("_result"),
        )
    return checked_comparison(number, record)


def _judgebench_rows(file: TextIO) -> Iterator[tuple[int, tuple[Any, int]]]:
    """Every rater of every item. The files keep scores by place and say nothing of who gave them."""
    whole = _json(file)
    with reading("JUDGE-BENCH"):
        items = [(item, _most_raters(item)) for item in whole["instances"]]
    for number, (item, raters) in enumerate(items, start=1):
        yield from ((number, (item, rater)) for rater in range(raters))


def _most_raters(item: Row) -> int:
    return max((len(scores["individual_human_scores"]) for scores in item["annotations"].values()), default=0)


def _judgebench(number: int, raw: tuple[Row, int]) -> Line[Comparison]:
    item, rater = raw
    with reading("JUDGE-BENCH"):
        prompt, output = _asked_and_judged(item)
        scores = {name: each["individual_human_scores"] for name, each in item["annotations"].items()}
        ratings = {_attribute_name(name): _score(given[rater]) for name, given in scores.items() if rater < len(given)}
        record = _judgement(
            prompt,
            [output],
            task=_text(item["id"]),
            labeler=f"rater{rater + 1:03}",
            ratings={name: score for name, score in ratings.items() if score is not None},
        )
    return checked_comparison(number, record)


def _asked_and_judged(item: Row) -> tuple[str, str]:
    """The last field of an item is what is judged; a text alone has nothing but its name for a prompt."""
    instance = item["instance"]
    if isinstance(instance, Mapping):
        *before, judged = [_text(value) for value in instance.values()]
        return "\n\n".join(before) or _text(item["id"]), judged
    return _text(item["id"]), _text(instance)


def _score(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _attribute_name(metric: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", metric.lower()).strip("_")
    return name[:40] if name[:1].isalpha() else f"m_{name}"[:40]


def _judgebench_form(file: BinaryIO) -> RatingForm:
    """As the head of the file describes its metrics."""
    with as_text(file) as text:
        head = _json(text)
    with reading("JUDGE-BENCH"):
        return parse_form({"output": [_metric(each).model_dump(mode="json") for each in head["annotations"]]})


def _metric(metric: Row) -> Attribute:
    name, label = _attribute_name(metric["metric"]), str(metric["metric"]).replace("_", " ").capitalize()[:80]
    if metric["category"] == "categorical":
        options = tuple(str(option) for option in metric["labels_list"])
        return Attribute(name=name, label=label, type=AttributeType.CHOICE, options=options)
    ends = sorted((metric["worst"], metric["best"]))
    if all(isinstance(end, int) for end in ends) and 0 <= ends[0] <= 1 and ends[1] <= 100:
        return Attribute(name=name, label=label, type=AttributeType.SCALE, first=ends[0], points=ends[1] - ends[0] + 1)
    return Attribute(name=name, label=label, type=AttributeType.TEXT)


def _asked_with_passages(row: Row) -> str:
    passages = ["\n".join(_text(part) for part in passage) for passage in row["passages"]]
    return "\n\n".join([*passages, _text(row["question"])])


def _predictions(row: Row) -> list[str]:
    return [_text(row[f"prediction {place}"]) for place in range(1, 5)]


def _fgrlhf(number: int, row: Row) -> Line[Comparison]:
    """Four outputs and a preference for every two of them. Preferences that contradict each other are no ranking."""
    with reading("Fine-Grained RLHF"):
        outputs = _predictions(row)
        ranks = ranking_of(row["preference"], len(outputs))
        if ranks is None:
            raise LeftOut(reason=gettext("The preferences between its outputs contradict each other."))
        record = _judgement(_asked_with_passages(row), outputs, task=str(number), labeler="", ranks=ranks)
    return checked_comparison(number, record)


def ranking_of(preferences: Sequence[int], outputs: int) -> list[int] | None:
    """The one ranking with ties that says the same as the preferences (0 a tie, 1 the first of the two, 2 the second)
    of all pairs in order; None where there is none. In it, an output's place is how many are preferred to it."""
    pairs = list(combinations(range(outputs), 2))
    if len(preferences) != len(pairs) or not set(preferences) <= RANKS.keys():
        raise ValueError(gettext("a preference of 0, 1 or 2 is needed for every pair of outputs"))
    above = [0] * outputs
    for (first, second), preferred in zip(pairs, preferences, strict=True):
        above[first] += preferred == 2
        above[second] += preferred == 1
    said = [(above[first] > above[second]) - (above[first] < above[second]) for first, second in pairs]
    if said != [{0: 0, 1: -1, 2: 1}[preferred] for preferred in preferences]:
        return None
    return [sorted(set(above)).index(place) + 1 for place in above]


def _fgrlhf_pairs(file: TextIO) -> Iterator[tuple[int, tuple[Any, int]]]:
    for number, row in _json_list(file):
        count = len(row.get("preference") or ()) if isinstance(row, dict) else 0
        yield from ((number, (row, place)) for place in range(max(count, 1)))


def _fgrlhf_pair(number: int, raw: tuple[Row, int]) -> Line[Comparison]:
    """Each preference as a vote between two outputs, whether or not they form a ranking together."""
    row, place = raw
    with reading("Fine-Grained RLHF"):
        outputs = list(combinations(_predictions(row), 2))[place]
        ranks = RANKS[row["preference"][place]]
        task = f"{number}-{place + 1}"
        record = _judgement(_asked_with_passages(row), outputs, task=task, labeler="", ranks=ranks)
    return checked_comparison(number, record)


PUBLIC_FORMATS = {
    "wmt": ComparisonFormat(cut=json_lines, parse=_wmt, form=RatingForm()),
    "pandalm": ComparisonFormat(cut=_pandalm_rows, parse=_pandalm, form=RatingForm()),
    "judgebench": ComparisonFormat(cut=_judgebench_rows, parse=_judgebench, read_form=_judgebench_form),
    "fgrlhf": ComparisonFormat(cut=_json_list, parse=_fgrlhf, form=RatingForm()),
    "fgrlhf-pairs": ComparisonFormat(cut=_fgrlhf_pairs, parse=_fgrlhf_pair, form=RatingForm()),
}
