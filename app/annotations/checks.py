"""Gentle checks before work is taken: what looks like a slip is asked about once, and never counted against anybody.

Pure functions. A doubt is a question; whoever says "submit anyway" is right.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from app.annotations.submissions import LETTERS, Demonstration, Judgement
from app.projects.forms import Attribute, AttributeType, RatingForm
from app.prompts.models import PromptKind
from app.prompts.words import words_in
from app.prompts.writing import WrittenPrompt
from app.translation import gettext

FEWEST_TO_DOUBT_A_TIE = 3  # of two outputs, both may well be as good
FEWEST_CONTRADICTIONS = 3  # pairs in which the ranks say the opposite of the ratings
WORDS_A_SECOND = 40  # twice as fast as skimming (Carver 1990: about 1,000 words a minute)
FEWEST_WORDS_TO_DOUBT_THE_TIME = 150
AT_LEISURE = 300.0  # seconds, which nobody is asked about: nine texts of 1,000 words take less at that pace
FEWEST_WORDS_OF_A_PROMPT = 3
FEWEST_PAIRS_TO_DOUBT_ONE_RESPONSE = 3
ALIKE = 0.8  # shared words over all words: one word changed in nine
QUOTED = 60  # characters

Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class Doubt:
    """`name` stays the same when it is met again, so that a doubt is said once; `sentence` is said to the labeler."""

    name: str
    sentence: str


@dataclass(frozen=True)
class Circumstances:
    """What a judgement is looked at beside: the words shown, the active time (0: not measured), and, for a revision,
    what was submitted before."""

    words: int = 0
    seconds: float = 0.0
    before: Judgement | None = None


def doubts_about(judgement: Judgement, form: RatingForm, around: Circumstances) -> list[Doubt]:
    """In the order in which they should be said; nothing where all seems meant."""
    ranks = [rank for rank in judgement.ranks if rank is not None]
    doubts = [*_unchanged(judgement, around), *_all_tied(ranks), *_hurried(around)]
    if ranks and (scale := overall_scale(form)):
        points = [_points(ratings.get(scale.name)) for ratings in judgement.ratings]
        doubts += _extremes(ranks, points, scale) or _contradiction(ranks, points)
    return doubts


def doubts_about_text(written: Demonstration, before: Demonstration | None) -> list[Doubt]:
    """Of a text only a revision that changes nothing is asked about."""
    return [_nothing_changed()] if written == before else []


def doubts_about_prompt(
    written: WrittenPrompt, earlier: Mapping[int, Messages], before: WrittenPrompt | None
) -> list[Doubt]:
    """`earlier`: what its author wrote for other tasks, by number; `before`: what it revises."""
    if written == before:
        return [_nothing_changed()]
    of_pairs = written.kind is PromptKind.FEW_SHOT
    return [*(_doubts_about_pairs(written) if of_pairs else _short(written)), *_written_before(written, earlier)]


def _short(written: WrittenPrompt) -> Iterator[Doubt]:
    if len(words_in(written.messages[-1]["content"])) < FEWEST_WORDS_OF_A_PROMPT:
        yield Doubt("short", gettext("This is very short. Would somebody know what to answer?"))


def _doubts_about_pairs(written: WrittenPrompt) -> Iterator[Doubt]:
    pairs = written.details["pairs"]
    queries = [words_in(pair["query"].casefold()) for pair in pairs]
    if twice := next((pair for place, pair in enumerate(pairs) if queries[place] in queries[:place]), None):
        said = gettext("The query “{query}” stands in two pairs.")
        yield Doubt("same_query", said.format(query=_beginning(twice["query"])))
    if len(pairs) >= FEWEST_PAIRS_TO_DOUBT_ONE_RESPONSE and len({pair["response"] for pair in pairs}) == 1:
        yield Doubt("same_response", gettext("All pairs have the same response."))


def _written_before(written: WrittenPrompt, earlier: Mapping[int, Messages]) -> Iterator[Doubt]:
    """The first that it is almost. The very same words are no question: a project has a prompt once."""
    words = _words_of(written.messages)
    for number, messages in earlier.items():
        others = _words_of(messages)
        if words and messages != written.messages and len(words & others) >= ALIKE * len(words | others):
            said = gettext("You have written almost the same before: “{beginning}”")
            yield Doubt(f"like:{number}", said.format(beginning=_beginning(messages[-1]["content"])))
            return


def _words_of(messages: Messages) -> set[str]:
    return {word for message in messages for word in words_in(message["content"].casefold())}


def _beginning(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= QUOTED else line[: QUOTED - 1] + "…"


def overall_scale(form: RatingForm) -> Attribute | None:
    """The attribute that the ranks should follow: the form's first, where it is a scale; more points are better."""
    first = form.output[0] if form.output else None
    return first if first is not None and first.type is AttributeType.SCALE else None


def _unchanged(judgement: Judgement, around: Circumstances) -> Iterator[Doubt]:
    if around.before is not None and judgement == around.before:
        yield _nothing_changed()


def _nothing_changed() -> Doubt:
    return Doubt("unchanged", gettext("Nothing differs from what you submitted before."))


def _all_tied(ranks: Sequence[int]) -> Iterator[Doubt]:
    if len(ranks) >= FEWEST_TO_DOUBT_A_TIE and len(set(ranks)) == 1:
        yield Doubt("all_tied", gettext("All {count} outputs share one rank.").format(count=len(ranks)))


def may_be_hurried(seconds: float) -> bool:
    """Whether it depends on how much there was to read; 0 seconds were not measured."""
    return 0 < seconds < AT_LEISURE


def _hurried(around: Circumstances) -> Iterator[Doubt]:
    enough = around.words >= FEWEST_WORDS_TO_DOUBT_THE_TIME
    if enough and may_be_hurried(around.seconds) and around.seconds < around.words / WORDS_A_SECOND:
        said = gettext("You needed {seconds} seconds for {words} words.")
        yield Doubt("hurried", said.format(seconds=round(around.seconds), words=around.words))


def _extremes(ranks: Sequence[int], points: Sequence[int | None], scale: Attribute) -> list[Doubt]:
    """The best rated output ranked last; else the worst rated ranked first."""
    known = [each for each in points if each is not None]
    if len(known) < len(points) or len(set(known)) < 2 or len(set(ranks)) < 2:
        return []
    values = {LETTERS[place]: (rank, each) for place, (rank, each) in enumerate(zip(ranks, known, strict=True))}
    last = [letter for letter, (rank, each) in values.items() if each == max(known) and rank == max(ranks)]
    first = [letter for letter, (rank, each) in values.items() if each == min(known) and rank == 1]
    said_last = gettext("You rated {letter} {points} of {most} and ranked it last.")
    said_first = gettext("You rated {letter} {points} of {most} and ranked it first.")
    said, letters = (said_last, last) if last else (said_first, first)
    return [
        Doubt(
            f"extreme:{letter}",
            said.format(letter=letter.upper(), points=values[letter][1], most=scale.steps[-1]),
        )
        for letter in letters
    ]


def _contradiction(ranks: Sequence[int], points: Sequence[int | None]) -> list[Doubt]:
    """The ranks say the opposite of the ratings in more pairs than they agree in; the widest of these is named."""
    opposed: list[tuple[int, int, int]] = []  # by how many points, the better ranked output, the other
    agreeing = 0
    for one, other in combinations(range(len(ranks)), 2):
        better, worse = (one, other) if ranks[one] < ranks[other] else (other, one)
        high, low = points[better], points[worse]
        if high is None or low is None or ranks[one] == ranks[other]:
            continue
        agreeing += high > low
        if high < low:
            opposed.append((low - high, better, worse))
    if len(opposed) < FEWEST_CONTRADICTIONS or len(opposed) <= agreeing:
        return []
    _, better, worse = max(opposed)
    said = gettext(
        "Your ranks run against your ratings: {better} is rated {low} and stands before {worse}, rated {high}."
    )
    names = {"better": LETTERS[better].upper(), "worse": LETTERS[worse].upper()}
    return [Doubt("against", said.format(**names, low=points[better], high=points[worse]))]


def _points(answer: object) -> int | None:
    return answer if isinstance(answer, int) and not isinstance(answer, bool) else None
