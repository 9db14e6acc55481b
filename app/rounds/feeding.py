"""Samples become tasks: grouped by prompt, blind, and in an order that says nothing about who wrote what."""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort
from app.campaigns.models import Campaign, CampaignKind, CampaignState
from app.campaigns.service import create_campaign, open_campaign
from app.completions.models import Completion
from app.db import among
from app.prompts.models import Prompt
from app.quality.membership import admit_cohort
from app.rounds.naming import free_name
from app.rounds.plan import SamplingPlan
from app.rounds.turn import Turn
from app.runs.models import Run
from app.runs.results import sampled_by_policy
from app.tasks.models import CHECKS, Assignment, AssignmentState, Task
from app.tasks.service import FEWEST, add_compare_tasks

Pair = tuple[int, int]  # prompt id, completion id
Group = tuple[int, list[int]]  # prompt id, its completions


def sampled_pairs(turn: Turn, runs: Sequence[Run]) -> list[list[Pair]]:
    """A list for each policy that was sampled."""
    return [pairs for run in runs for pairs in sampled_by_policy(turn.session, run, turn.files)]


def mixed(by_policy: Iterable[Sequence[Pair]], sampling: SamplingPlan, seed: str) -> list[Group]:
    """Groups of at most `k_max` different completions of a prompt, as many groups of it as `rankings` says.

    Each policy has an equal share where there are enough. The order is drawn from the seed, so that a position in the
    task does not tell the policy.
    """
    shares: dict[int, list[list[int]]] = defaultdict(list)
    for pairs in by_policy:
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
    """Like cards: one of each policy in turn, until there are enough or none is left, then into equal hands."""
    longest = max(map(len, share))
    in_turn = [of_one[place] for place in range(longest) for of_one in share if place < len(of_one)]
    chosen = list(dict.fromkeys(in_turn))[: sampling.k_max * sampling.rankings]
    draw.shuffle(chosen)
    hands = min(sampling.rankings, max(1, len(chosen) // sampling.k_min))
    return [chosen[hand::hands][: sampling.k_max] for hand in range(hands)]


def open_ranking_campaign(
    turn: Turn, name: str, kind: CampaignKind, cohort: Cohort, runs: Sequence[Run], sampling: SamplingPlan
) -> Campaign:
    """A campaign over what these runs sampled, open to its whole cohort. Prompts with one text only are left out."""
    groups = mixed(sampled_pairs(turn, runs), sampling, f"round {turn.round.id}")
    free = free_name(turn.session, turn.project, Campaign, name)
    campaign = create_campaign(
        turn.session, turn.project, free, kind, overlap=turn.plan.overlap, cohort=cohort, priority=turn.round.number
    )
    add_compare_tasks(turn.session, campaign, _loaded(turn.session, groups))
    open_campaign(turn.session, campaign)
    admit_cohort(turn.session, campaign)
    return campaign


def _loaded(session: Session, groups: list[Group]) -> list[tuple[Prompt, list[Completion]]]:
    enough = [(prompt_id, ids) for prompt_id, ids in groups if len(ids) >= FEWEST]
    asked, wanted = [prompt_id for prompt_id, _ in enough], [number for _, ids in enough for number in ids]
    prompts = {each.id: each for each in session.scalars(select(Prompt).where(among(Prompt.id, asked)))}
    completions = {each.id: each for each in session.scalars(select(Completion).where(among(Completion.id, wanted)))}
    return [(prompts[prompt_id], [completions[number] for number in ids]) for prompt_id, ids in enough]


def is_ranked(session: Session, campaign: Campaign) -> bool:
    """Nothing is left to do, or a researcher closed it."""
    if campaign.state is CampaignState.CLOSED:
        return True
    tasks = select(Task.id).where(Task.campaign_id == campaign.id, Task.purpose.not_in(CHECKS))
    waiting = tasks.where(Task.remaining > 0, ~Task.set_aside)
    leased = tasks.join(Assignment, Assignment.task_id == Task.id).where(Assignment.state == AssignmentState.LEASED)
    return not session.scalar(select(exists(waiting) | exists(leased)))
