"""Labelers of known honesty at work in a campaign, through the services that pages call: who would be noticed?

Outputs have a true quality; an honest labeler sees it with normal noise (Thurstone 1927), such that two of them order
73 % of pairs alike, as people do (InstructGPT, section 3.4), and ties what looks alike.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.ranking import dense_ranks
from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign
from app.quality.gold.answers import Known, make_known
from app.quality.gold.mixing import next_check
from app.quality.gold.models import Sign
from app.quality.watching.noticing import look_at
from app.tasks.leasing import claim_next_task
from app.tasks.models import Assignment, Task, TaskCompletion
from tests.factories import make_labeler, make_open_campaign

NOISE = 0.8  # beside a standard deviation of quality of 1
ALIKE = 0.12  # seen so close together, outputs are tied
OUTPUTS = 5
ANSWERS = 50


@dataclass(frozen=True)
class Seen:
    """What a labeler says of a task: by completion id, so that it can be said of any order."""

    ranks: Mapping[int, int]
    ratings: Mapping[int, int]


@dataclass
class Scene:
    """`quality` by completion; `said` by labeler and prompt; `source` is whose answers the copier gets to see."""

    session: Session
    campaign: Campaign
    chance: Random
    quality: dict[int, float]
    said: dict[tuple[int, int], Seen] = field(default_factory=dict)
    source: User | None = None


Answering = Callable[[Scene, int, Sequence[int]], Seen]


def honest(scene: Scene, _prompt: int, shown: Sequence[int]) -> Seen:
    seen = {number: scene.quality[number] + scene.chance.gauss(0, NOISE) for number in shown}
    return Seen(_ranks(seen), {number: min(max(round(4 + 1.4 * value), 1), 7) for number, value in seen.items()})


def at_random(scene: Scene, _prompt: int, shown: Sequence[int]) -> Seen:
    ranks = dense_ranks([scene.chance.randint(1, len(shown)) for _ in shown])
    return Seen(dict(zip(shown, ranks, strict=True)), {number: scene.chance.randint(1, 7) for number in shown})


def the_same_of_all(scene: Scene, _prompt: int, shown: Sequence[int]) -> Seen:
    """Mostly ties; now and then something else, so as not to be seen."""
    if scene.chance.random() < 0.15:
        return honest(scene, _prompt, shown)
    return Seen(dict.fromkeys(shown, 1), dict.fromkeys(shown, 4))


def first_is_best(scene: Scene, _prompt: int, shown: Sequence[int]) -> Seen:
    """Letter A, and an honest look at the others."""
    others = honest(scene, _prompt, shown[1:])
    ranks = {shown[0]: 1} | {number: rank + 1 for number, rank in others.ranks.items()}
    return Seen(ranks, {shown[0]: 7, **others.ratings})


def copied(scene: Scene, prompt: int, shown: Sequence[int]) -> Seen:
    """What the source has said already, else an honest answer: hard to see."""
    assert scene.source is not None
    return scene.said.get((scene.source.id, prompt)) or honest(scene, prompt, shown)


BAD: dict[str, Answering] = {
    "random": at_random,
    "straight_liner": the_same_of_all,
    "first_is_best": first_is_best,
    "copier": copied,
}


def _ranks(seen: Mapping[int, float]) -> dict[int, int]:
    """Best first; whatever is close to the one before is tied with it."""
    ranks: dict[int, int] = {}
    rank, before = 0, float("inf")
    for number, value in sorted(seen.items(), key=lambda item: -item[1]):
        rank += before - value > ALIKE
        ranks[number], before = rank, value
    return ranks


def make_scene(session: Session, seed: int, tasks: int, golds: int = 12, gold_rate: float = 0.1) -> Scene:
    """An open campaign with an overlap of 3 and known answers, each one honest ranking."""
    chance = Random(seed)
    session.connection().exec_driver_sql(f"SELECT setseed({chance.random()})")
    campaign = make_open_campaign(session, tasks=tasks + golds, outputs=OUTPUTS, overlap=3)
    campaign.gold_rate = gold_rate
    quality = {number: chance.gauss(0, 1) for number in session.scalars(select(TaskCompletion.completion_id))}
    scene = Scene(session, campaign, chance, quality)
    for task in session.scalars(select(Task).where(Task.campaign_id == campaign.id).order_by(Task.id).limit(golds)):
        outputs = session.scalars(select(TaskCompletion.completion_id).where(TaskCompletion.task_id == task.id)).all()
        ranks = _ranks({number: quality[number] + chance.gauss(0, NOISE / 2) for number in outputs})
        make_known(session, task, Known(ranks), None)
        task.set_aside = True  # only its copy is handed out
    session.flush()
    return scene


def work(scene: Scene, crew: Mapping[User, Answering], answers: int = ANSWERS) -> None:
    """Each gives so many answers, in an order drawn anew each round."""
    begun: dict[User, Assignment | None] = dict.fromkeys(crew)
    for _ in range(answers):
        for labeler in scene.chance.sample(list(crew), len(crew)):
            begun[labeler] = _answer(scene, labeler, crew[labeler], begun[labeler])


def _answer(scene: Scene, labeler: User, answering: Answering, begun: Assignment | None) -> Assignment | None:
    session = scene.session
    assignment = begun or claim_next_task(session, labeler, scene.campaign)
    assert assignment is not None, "there are enough tasks"
    task = session.get_one(Task, assignment.task_id)
    assert task.prompt_id is not None
    shown = assignment.shown_order
    seen = answering(scene, task.prompt_id, shown)
    scene.said[labeler.id, task.prompt_id] = seen
    judgement = Judgement(
        tuple(seen.ranks[number] for number in shown), tuple({"overall": seen.ratings[number]} for number in shown)
    )
    seconds = 90 * scene.chance.lognormvariate(0, 0.5)
    annotation = submit_ranking(session, assignment, judgement, Sent(f"{assignment.id}", seconds))
    return next_check(session, labeler, scene.campaign, annotation, scene.chance)


def noticed(scene: Scene, labeler: User) -> dict[str, str]:
    """What is raised of a labeler, by kind of sign."""
    look_at(scene.session, scene.campaign, labeler)
    signs = scene.session.scalars(
        select(Sign).where(Sign.labeler_id == labeler.id, Sign.campaign_id == scene.campaign.id)
    )
    return {sign.kind.value: sign.level.value for sign in signs}


def simulate(
    session: Session, seed: int, kind: str | None, honest_labelers: int = 5
) -> tuple[dict[str, str], list[dict[str, str]]]:
    """One simulation: what is noticed of the bad labeler, and of each honest one."""
    crew: dict[User, Answering] = {make_labeler(session): honest for _ in range(honest_labelers)}
    good = list(crew)
    if kind is not None:
        crew[make_labeler(session)] = BAD[kind]
    scene = make_scene(session, seed, tasks=-(-len(crew) * ANSWERS // 3))
    scene.source = good[0]
    work(scene, crew)
    bad = [noticed(scene, labeler) for labeler in crew if labeler not in good]
    return (bad[0] if bad else {}), [noticed(scene, labeler) for labeler in good]
