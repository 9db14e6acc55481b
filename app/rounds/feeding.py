"""Samples become tasks: grouped by prompt, blind, and in an order that says nothing about who wrote what."""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort
from app.campaigns.models import Campaign, CampaignKind, CampaignState
from app.campaigns.service import create_campaign, open_campaign
from app.completions.models import Completion
from app.completions.service import completion_digest
from app.db import among
from app.prompts.models import Prompt
from app.quality.membership import admit_cohort
from app.rounds.looks import look_of
from app.rounds.naming import free_name
from app.rounds.plan import SamplingPlan, Step
from app.rounds.turn import Turn
from app.runs.models import Run
from app.runs.results import samples_of
from app.tasks.models import CHECKS, Assignment, AssignmentState, Task
from app.tasks.service import FEWEST, add_compare_tasks

Pair = tuple[int, int]  # prompt id, completion id
Group = tuple[int, list[int]]  # prompt id, its completions


@dataclass(frozen=True)
class Sampled:
    """What runs sampled: a list for each policy and temperature, in which those that are alike are one completion.

    `count`: how many there were; `alike`: how many of them are like another one for the same prompt.
    """

    by_source: list[list[Pair]]
    count: int
    alike: int


def sampled_pairs(turn: Turn, runs: Sequence[Run], kind: CampaignKind) -> Sampled:
    """Outputs that look alike are alike; for an evaluation, which counts equal texts as ties, only equal ones are."""
    first: dict[tuple[int, bytes], int] = {}
    by_source: dict[tuple[int, int | None, float], list[Pair]] = defaultdict(list)
    for run in runs:
        for each in samples_of(turn.session, run, turn.files):
            look = completion_digest(each.text) if kind is CampaignKind.EVALUATE else look_of(each.text)
            shown = first.setdefault((each.prompt_id, look), each.completion_id)
            by_source[run.id, each.checkpoint_id, each.temperature].append((each.prompt_id, shown))
    count = sum(map(len, by_source.values()))
    return Sampled(list(by_source.values()), count, count - len(first))


def mixed(by_source: Iterable[Sequence[Pair]], sampling: SamplingPlan, seed: str) -> list[Group]:
    """Groups of at most `k_max` different completions of a prompt, as many groups of it as `rankings` says.

    Each policy at each temperature has an equal share where there are enough. The order is drawn from the seed, so
    that a position in the task does not tell the policy.
    """
    shares: dict[int, list[list[int]]] = defaultdict(list)
    for pairs in by_source:
        of_one: dict[int, list[int]] = defaultdict(list)
        for prompt_id, completion_id in pairs:
            of_one[prompt_id].append(completion_id)
        for prompt_id, completions in of_one.items():
            shares[prompt_id].append(completions)
    return [
        (prompt_id, group)
        for prompt_id, share in shares.items()
        for group in _dealt(share, sampling, random.Random(f"{seed}:{prompt_id}"))
    ]


def _dealt(share: list[list[int]], sampling: SamplingPlan, draw: random.Random) -> list[list[int]]:
    """Like cards: one of each source in turn, until there are enough or none is left, then into equal hands."""
    if len(share) > sampling.k_max * sampling.rankings:
        draw.shuffle(share)  # not all have room, and not the same ones are left out each time
    longest = max(map(len, share))
    in_turn = [of_one[place] for place in range(longest) for of_one in share if place < len(of_one)]
    chosen = list(dict.fromkeys(in_turn))[: sampling.k_max * sampling.rankings]
    draw.shuffle(chosen)
    hands = min(sampling.rankings, max(1, len(chosen) // sampling.k_min))
    return [chosen[hand::hands][: sampling.k_max] for hand in range(hands)]


def open_ranking_campaign(
    turn: Turn, step: Step, name: str, kind: CampaignKind, cohort: Cohort, runs: Sequence[Run], sampling: SamplingPlan
) -> Campaign:
    """A campaign over what these runs sampled, open to its whole cohort, kept as the step's.

    Prompts with one text only are left out.
    """
    sampled = sampled_pairs(turn, runs, kind)
    groups = mixed(sampled.by_source, sampling, f"round {turn.round.id}")
    enough = [(prompt_id, ids) for prompt_id, ids in groups if len(ids) >= FEWEST]
    free = free_name(turn.session, turn.project, Campaign, name)
    campaign = create_campaign(
        turn.session, turn.project, free, kind, overlap=turn.plan.overlap, cohort=cohort, priority=turn.round.number
    )
    add_compare_tasks(turn.session, campaign, _loaded(turn.session, enough))
    open_campaign(turn.session, campaign)
    admit_cohort(turn.session, campaign)
    turn.keep_campaign(step, campaign, sampled=sampled.count, alike=sampled.alike, left_out=len(groups) - len(enough))
    return campaign


def _loaded(session: Session, groups: list[Group]) -> list[tuple[Prompt, list[Completion]]]:
    asked, wanted = [prompt_id for prompt_id, _ in groups], [number for _, ids in groups for number in ids]
    prompts = {each.id: each for each in session.scalars(select(Prompt).where(among(Prompt.id, asked)))}
    completions = {each.id: each for each in session.scalars(select(Completion).where(among(Completion.id, wanted)))}
    return [(prompts[prompt_id], [completions[number] for number in ids]) for prompt_id, ids in groups]


def is_ranked(session: Session, campaign: Campaign) -> bool:
    """Nothing is left to do, or a researcher closed it."""
    if campaign.state is CampaignState.CLOSED:
        return True
    tasks = select(Task.id).where(Task.campaign_id == campaign.id, Task.purpose.not_in(CHECKS))
    waiting = tasks.where(Task.remaining > 0, ~Task.set_aside)
    leased = tasks.join(Assignment, Assignment.task_id == Task.id).where(Assignment.state == AssignmentState.LEASED)
    return not session.scalar(select(exists(waiting) | exists(leased)))
