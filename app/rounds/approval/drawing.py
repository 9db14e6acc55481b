"""From what policies answered to what a reviewer sees of it."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.rounds.approval.measures import NOWHERE, Fences, fences, is_refusal
from app.rounds.approval.samples import Answer
from app.rounds.approval.seen import Figures, Mixed, Remark, Row, Seen, Shown, Spread

ROWS = 30
ROWS_OF_MIXED = 10  # drawn at random of each other policy
ROWS_A_REMARK = 4
REPEATS = 0.2  # of its runs of four words; people's texts are near 0.005 [Welleck et al. 2020, table 1]

Remarked = tuple[Answer, tuple[Remark, ...]]


@dataclass(frozen=True)
class Usual:
    """What is usual of the policy that is measured by."""

    words: Fences
    reward: Fences
    likelihood: Fences


def usual_of(answers: Sequence[Answer], instead: Sequence[Answer]) -> Usual:
    """Of `instead` where there are too few. Ranges count as 2 words, 0.1 of reward, 0.02 nats a token at least."""

    def usual(values_of: Callable[[Sequence[Answer]], list[float]], least: float) -> Fences:
        return fences(values_of(answers), least) or fences(values_of(instead), least) or NOWHERE

    return Usual(usual(lengths_of, 2), usual(rewards_of, 0.1), usual(likelihoods_of, 0.02))


def lengths_of(answers: Iterable[Answer]) -> list[float]:
    return [each.words for each in answers]


def rewards_of(answers: Iterable[Answer]) -> list[float]:
    return [each.reward for each in answers if each.reward is not None]


def likelihoods_of(answers: Iterable[Answer]) -> list[float]:
    return [each.likelihood for each in answers if each.likelihood is not None]


def remarks_on(answer: Answer, usual: Usual) -> tuple[Remark, ...]:
    if not answer.text.strip():
        return (Remark.EMPTY,)
    holds = {
        Remark.CUT_OFF: answer.ended is False,
        Remark.REFUSAL: is_refusal(answer.text),
        Remark.REPETITION: answer.repetition >= REPEATS,
        Remark.SHORT: usual.words.below(answer.words),
        Remark.LONG: usual.words.above(answer.words),
        Remark.LOW_REWARD: usual.reward.below(answer.reward),
        Remark.HIGH_REWARD: usual.reward.above(answer.reward),
        Remark.UNLIKELY: usual.likelihood.below(answer.likelihood),
        Remark.CERTAIN: usual.likelihood.above(answer.likelihood),
    }
    return tuple(remark for remark, there in holds.items() if there)


@dataclass(frozen=True)
class Voice:
    """Whoever answered: a checkpoint's name, or None for people; what; and the KL that its training ended with."""

    name: str | None
    answers: Sequence[Answer]
    kl: float | None = None


def seen_of(policy: Voice, earlier: Voice, seed: str, mixed: Sequence[Voice] = ()) -> Seen:
    """The earlier one's answers are measured by where they suffice, else the policy's own."""
    usual = usual_of(earlier.answers, policy.answers)
    ours = [(answer, remarks_on(answer, usual)) for answer in policy.answers]
    theirs = [(answer, remarks_on(answer, usual)) for answer in earlier.answers]
    draw = random.Random(seed)
    partners = _by_prompt(theirs)
    return Seen(
        policy=policy.name or "",
        earlier=earlier.name,
        ours=figures(ours, policy.kl),
        theirs=figures(theirs, earlier.kl) if theirs else None,
        same=_same(policy.answers, earlier.answers),
        seed=seed,
        drawn=tuple(_row(each, partners, draw) for each in _one_a_prompt(ours, draw, ROWS)),
        far_out=tuple(_row(each, partners, draw) for each in _of_each_remark(ours, draw)),
        mixed=tuple(_mixed(each, usual, _by_prompt(ours), draw) for each in mixed if each.answers),
    )


def _mixed(voice: Voice, usual: Usual, partners: Mapping[int, list[Remarked]], draw: random.Random) -> Mixed:
    """Some of each remark, and some at random, each text once."""
    remarked = [(answer, remarks_on(answer, usual)) for answer in voice.answers]
    rows = [*_of_each_remark(remarked, draw), *_one_a_prompt(remarked, draw, ROWS_OF_MIXED)]
    once = {each[0].completion: each for each in rows}
    shown = tuple(_row(each, partners, draw) for each in once.values())
    return Mixed(policy=voice.name or "", figures=figures(remarked, voice.kl), rows=shown)


def figures(remarked: Sequence[Remarked], kl: float | None) -> Figures:
    answers, remarks = [answer for answer, _ in remarked], [each for _, each in remarked]
    counts = Counter(remark for each in remarks for remark in each)
    known = sum(each.ended is not None for each in answers)
    shares = {remark: counts[remark] / len(answers) for remark in Remark if answers}
    if known:
        shares[Remark.CUT_OFF] = counts[Remark.CUT_OFF] / known
    return Figures(
        outputs=len(answers),
        prompts=len({each.prompt for each in answers}),
        alike=len(answers) - len({(each.prompt, each.look) for each in answers}),
        known=known,
        shares=shares,
        words=Spread.of([each.words for each in answers]),
        reward=Spread.of(rewards_of(answers)),
        likelihood=Spread.of(likelihoods_of(answers)),
        kl=kl,
    )


def _same(ours: Sequence[Answer], theirs: Sequence[Answer]) -> float | None:
    known = {(each.prompt, each.look) for each in theirs}
    prompts = {prompt for prompt, _ in known}
    comparable = [each for each in ours if each.prompt in prompts]
    if not comparable:
        return None
    return sum((each.prompt, each.look) in known for each in comparable) / len(comparable)


def _by_prompt(remarked: Iterable[Remarked]) -> dict[int, list[Remarked]]:
    found: dict[int, list[Remarked]] = defaultdict(list)
    for each in remarked:
        found[each[0].prompt].append(each)
    return found


def _one_a_prompt(remarked: Sequence[Remarked], draw: random.Random, most: int) -> list[Remarked]:
    found = _by_prompt(remarked)
    prompts = draw.sample(sorted(found), min(most, len(found)))
    return [draw.choice(found[prompt]) for prompt in prompts]


def _of_each_remark(remarked: Sequence[Remarked], draw: random.Random) -> list[Remarked]:
    """Each text once."""
    chosen: dict[int, Remarked] = {}
    for remark in Remark:
        those = {each[0].completion: each for each in remarked if remark in each[1]}
        drawn = draw.sample(sorted(those), min(ROWS_A_REMARK, len(those)))
        chosen |= {number: those[number] for number in drawn}
    return list(chosen.values())


def _row(ours: Remarked, partners: Mapping[int, list[Remarked]], draw: random.Random) -> Row:
    others = partners.get(ours[0].prompt)
    return Row(prompt=ours[0].prompt, ours=_shown(*ours), theirs=_shown(*draw.choice(others)) if others else None)


def _shown(answer: Answer, remarks: tuple[Remark, ...]) -> Shown:
    return Shown(
        completion=answer.completion,
        words=answer.words,
        repetition=answer.repetition,
        reward=answer.reward,
        likelihood=answer.likelihood,
        remarks=remarks,
    )
