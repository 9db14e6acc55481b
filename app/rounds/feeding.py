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
from app.rounds.turn import Turn
from app.runs.models import Run
from app.runs.results import sampled_completions
from app.tasks.models import Assignment, AssignmentState, Task
from app.tasks.service import FEWEST, MOST, add_compare_tasks

Pair = tuple[int, int]  # prompt id, completion id


def sampled_pairs(turn: Turn, runs: Sequence[Run]) -> list[list[Pair]]:
    return [sampled_completions(turn.session, run, turn.files) for run in runs]


def mixed(by_run: Iterable[Sequence[Pair]], at_most: int, seed: str) -> dict[int, list[int]]:
    """prompt id -> at most so many different completions, an equal share of each run where there are enough.

    Their order is drawn from the seed, so that a position in the task does not tell the run.
    """
    shares: dict[int, list[list[int]]] = defaultdict(list)
    for pairs in by_run:
        of_run: dict[int, list[int]] = defaultdict(list)
        for prompt_id, completion_id in pairs:
            of_run[prompt_id].append(completion_id)
        for prompt_id, completions in of_run.items():
            shares[prompt_id].append(list(dict.fromkeys(completions)))
    return {prompt_id: _dealt(share, at_most, f"{seed}:{prompt_id}") for prompt_id, share in shares.items()}


def _dealt(share: list[list[int]], at_most: int, seed: str) -> list[int]:
    """Like cards: one of each run in turn, until there are enough or none is left."""
    longest = max(map(len, share))
    in_turn = [of_run[place] for place in range(longest) for of_run in share if place < len(of_run)]
    chosen = list(dict.fromkeys(in_turn))[:at_most]
    random.Random(seed).shuffle(chosen)
    return chosen


def open_ranking_campaign(
    turn: Turn, name: str, kind: CampaignKind, cohort: Cohort, runs: Sequence[Run], at_most: int = MOST
) -> Campaign:
    """A campaign over what these runs sampled, open to its whole cohort. Prompts with one text only are left out."""
    groups = mixed(sampled_pairs(turn, runs), at_most, f"round {turn.round.id}")
    campaign = create_campaign(
        turn.session, turn.project, name, kind, overlap=turn.plan.overlap, cohort=cohort, priority=turn.round.number
    )
    add_compare_tasks(turn.session, campaign, _loaded(turn.session, groups))
    open_campaign(turn.session, campaign)
    admit_cohort(turn.session, campaign)
    return campaign


def _loaded(session: Session, groups: dict[int, list[int]]) -> list[tuple[Prompt, list[Completion]]]:
    enough = {prompt_id: ids for prompt_id, ids in groups.items() if len(ids) >= FEWEST}
    prompts = {each.id: each for each in session.scalars(select(Prompt).where(among(Prompt.id, enough)))}
    wanted = [number for ids in enough.values() for number in ids]
    completions = {each.id: each for each in session.scalars(select(Completion).where(among(Completion.id, wanted)))}
    return [(prompts[prompt_id], [completions[number] for number in ids]) for prompt_id, ids in enough.items()]


def is_ranked(session: Session, campaign: Campaign) -> bool:
    """Nothing is left to do, or a researcher closed it."""
    if campaign.state is CampaignState.CLOSED:
        return True
    tasks = select(Task.id).where(Task.campaign_id == campaign.id)
    waiting = tasks.where(Task.remaining > 0, ~Task.set_aside)
    leased = tasks.join(Assignment, Assignment.task_id == Task.id).where(Assignment.state == AssignmentState.LEASED)
    return not session.scalar(select(exists(waiting) | exists(leased)))
