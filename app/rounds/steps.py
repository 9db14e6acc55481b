"""The steps of a round, each a look at the facts that does what is missing. Any of them may be called again."""

from collections.abc import Callable, Sequence
from typing import Any

from app.accounts.models import Cohort
from app.campaigns.models import Campaign, CampaignKind, CampaignState
from app.campaigns.service import close_campaign
from app.checkpoints.models import Checkpoint
from app.checkpoints.queries import first_sft
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import NothingToFreeze, freeze_dataset
from app.datasets.models import Dataset, DatasetKind
from app.prompts.models import Split
from app.rounds.approval.asking import approval_of
from app.rounds.approval.sampling import judge_of, seeded_anew
from app.rounds.choosing import comparisons_taken, demonstrations_taken, prompts_taken
from app.rounds.feeding import is_ranked, open_ranking_campaign
from app.rounds.naming import free_name
from app.rounds.plan import SamplingPlan, Step
from app.rounds.turn import Outcome, Turn
from app.runs.models import Stage
from app.runs.service import Input


def starting_policy(turn: Turn) -> Checkpoint:
    """The policy that this round improves, and its KL reference."""
    if turn.plan.start == "checkpoint":
        return turn.session.get_one(Checkpoint, turn.plan.checkpoint_id)
    return turn.model_of(Step.SFT)


def new_policy(turn: Turn) -> Checkpoint:
    """What this round made: the policy that was trained, or the one it started from where none was."""
    trained = turn.run_of(Step.PPO) or turn.run_of(Step.ALIGN)
    if trained is None:
        return starting_policy(turn)
    return turn.session.get_one(Checkpoint, trained.produced_checkpoint_id)


def freeze_demonstrations(turn: Turn) -> Outcome:
    """A round that goes on from a policy can do without: its reward model is then centred on what was ranked."""
    if turn.dataset_of(Step.DEMONSTRATIONS):
        return Outcome.DONE
    try:
        return _freeze(turn, Step.DEMONSTRATIONS, DatasetKind.DEMONSTRATIONS, demonstrations_taken(turn.plan))
    except NothingToFreeze:
        if turn.plan.start == "checkpoint":
            return Outcome.DONE
        raise


def freeze_candidate_prompts(turn: Turn) -> Outcome:
    chosen = prompts_taken(turn.plan, [Split.TRAIN, Split.VALIDATION], turn.plan.candidates, turn.draw)
    return _freeze(turn, Step.CANDIDATE_PROMPTS, DatasetKind.PROMPTS, chosen)


def freeze_prompts(turn: Turn) -> Outcome:
    return _freeze(turn, Step.PROMPTS, DatasetKind.PROMPTS, prompts_taken(turn.plan, [Split.TRAIN]))


def freeze_sample_prompts(turn: Turn) -> Outcome:
    chosen = prompts_taken(turn.plan, [Split.TRAIN], turn.plan.samples, turn.draw)
    return _freeze(turn, Step.SAMPLE_PROMPTS, DatasetKind.PROMPTS, chosen)


def freeze_test_prompts(turn: Turn) -> Outcome:
    return _freeze(turn, Step.TEST_PROMPTS, DatasetKind.PROMPTS, prompts_taken(turn.plan, [Split.TEST]))


def freeze_comparisons(turn: Turn) -> Outcome:
    """Those that were ranked in this round, those that the plan chose, or both."""
    ranked_here = turn.campaign_of(Step.COMPARE)
    chosen = comparisons_taken(turn.plan)
    if ranked_here and turn.plan.rankings == "collect":
        chosen = DatasetFilter(people=turn.plan.people, campaigns=(ranked_here.id,))
    elif ranked_here and chosen.campaigns is not None:
        chosen = chosen.model_copy(update={"campaigns": (*chosen.campaigns, ranked_here.id)})
    return _freeze(turn, Step.COMPARISONS, DatasetKind.COMPARISONS, chosen)


def _freeze(turn: Turn, step: Step, kind: DatasetKind, chosen: DatasetFilter) -> Outcome:
    if turn.dataset_of(step) is None:
        wanted = f"Round {turn.round.number}: {step.replace('_', ' ')}"
        name = free_name(turn.session, turn.project, Dataset, wanted)
        turn.keep_dataset(step, freeze_dataset(turn.session, turn.files, turn.project, name, kind, chosen))
    return Outcome.DONE


def pretrain(turn: Turn) -> Outcome:
    return turn.run_step(Step.PRETRAIN, Stage.PRETRAIN, [Input("texts", turn.the_dataset(Step.DEMONSTRATIONS))])


def fine_tune(turn: Turn) -> Outcome:
    if turn.plan.start == "pretrain":
        base = turn.model_of(Step.PRETRAIN)
    else:
        base = turn.session.get_one(Checkpoint, turn.plan.checkpoint_id)
    inputs = [Input("model", base), Input("demonstrations", turn.the_dataset(Step.DEMONSTRATIONS))]
    return turn.run_step(Step.SFT, Stage.SFT, inputs)


def train_reward_model(turn: Turn) -> Outcome:
    inputs = [Input("model", starting_policy(turn)), Input("comparisons", turn.the_dataset(Step.COMPARISONS))]
    demonstrations = turn.dataset_of(Step.DEMONSTRATIONS)
    if demonstrations:
        inputs.append(Input("demonstrations", demonstrations))
    return turn.run_step(Step.REWARD, Stage.REWARD, inputs)


def optimise_policy(turn: Turn) -> Outcome:
    inputs = [
        Input("model", starting_policy(turn)),
        Input("reward_model", turn.model_of(Step.REWARD)),
        Input("prompts", turn.the_dataset(Step.PROMPTS)),
    ]
    return turn.run_step(Step.PPO, Stage.PPO, inputs)


def align_policy(turn: Turn) -> Outcome:
    """From rankings alone, or from prompts and the reward model where the method draws its own completions."""
    inputs = [Input("model", starting_policy(turn))]
    if turn.plan.draws_while_aligning:
        inputs += [
            Input("reward_model", turn.model_of(Step.REWARD)),
            Input("prompts", turn.the_dataset(Step.PROMPTS)),
        ]
    else:
        inputs.append(Input("comparisons", turn.the_dataset(Step.COMPARISONS)))
    return turn.run_step(Step.ALIGN, Stage.ALIGN, inputs)


def sample_candidates(turn: Turn) -> Outcome:
    """Of the starting policy, and of the others that the plan mixes in."""
    policies = list(dict.fromkeys([starting_policy(turn), *_checkpoints(turn, turn.plan.candidate_others)]))
    return _sample(turn, Step.CANDIDATES, policies, Step.CANDIDATE_PROMPTS, turn.plan.candidates)


def sample_policy(turn: Turn) -> Outcome:
    return _sample(turn, Step.SAMPLES, [new_policy(turn)], Step.SAMPLE_PROMPTS, turn.plan.samples)


def sample_earlier_policies(turn: Turn) -> Outcome:
    """The policy that the round began with, and the others that the plan mixes in."""
    earlier = [starting_policy(turn)] if turn.plan.mix_earlier_policy else []
    others = _checkpoints(turn, turn.plan.others)
    policies = [each for each in dict.fromkeys([*earlier, *others]) if each is not new_policy(turn)]
    return _sample(turn, Step.EARLIER_SAMPLES, policies, Step.SAMPLE_PROMPTS, turn.plan.samples)


def _checkpoints(turn: Turn, numbers: Sequence[int]) -> list[Checkpoint]:
    return [turn.session.get_one(Checkpoint, number) for number in numbers]


def approve_candidates(turn: Turn) -> Outcome:
    """Beside those of the policy that the sampled one was trained from."""
    policy = starting_policy(turn)
    return approval_of(turn, Step.CANDIDATE_APPROVAL, policy, _parent_of(turn, policy))


def approve_samples(turn: Turn) -> Outcome:
    """Beside those of the policy that the round started from; where nothing was trained, as candidates are."""
    policy, before = new_policy(turn), starting_policy(turn)
    if policy is before:
        return approval_of(turn, Step.SAMPLE_APPROVAL, policy, _parent_of(turn, policy))
    return approval_of(turn, Step.SAMPLE_APPROVAL, policy, before)


def _parent_of(turn: Turn, policy: Checkpoint) -> Checkpoint | None:
    return turn.session.get(Checkpoint, policy.parent_id) if policy.parent_id else None


def sample_policy_for_test(turn: Turn) -> Outcome:
    return _sample_once(turn, Step.TEST_SAMPLES, [new_policy(turn)])


def sample_earlier_policies_for_test(turn: Turn) -> Outcome:
    return _sample_once(turn, Step.EARLIER_TEST_SAMPLES, policies_to_beat(turn))


def policies_to_beat(turn: Turn) -> list[Checkpoint]:
    """The policy that the round began with, and the first SFT model where that is another and its files are there.

    A labeler ranks all three at once: each prompt is read once, and one ranking holds both of the verdicts.
    """
    baseline = first_sft(turn.session, starting_policy(turn)) if turn.plan.against_first_sft else None
    there = [baseline] if baseline and baseline.has_files else []
    return list(dict.fromkeys([starting_policy(turn), *there]))


def _sample(turn: Turn, step: Step, policies: Sequence[Checkpoint], prompts: Step, sampling: SamplingPlan) -> Outcome:
    settings: dict[str, Any] = {
        "k_min": sampling.k_min * sampling.rankings,
        "k_max": sampling.k_max * sampling.rankings,
        "temperature": sampling.temperature,
    }
    if sampling.more_temperatures:
        settings["temperatures"] = ",".join(map(str, sampling.temperatures))
    inputs = [*_policies_and_prompts(turn, policies, prompts), *judge_of(turn, step)]
    return turn.run_step(step, Stage.SAMPLE, inputs, settings, seeded_anew(turn, step))


def _sample_once(turn: Turn, step: Step, policies: Sequence[Checkpoint]) -> Outcome:
    settings = {"k_min": 1, "k_max": 1, "temperature": 1.0}
    inputs = [*_policies_and_prompts(turn, policies, Step.TEST_PROMPTS), *judge_of(turn, step)]
    return turn.run_step(step, Stage.SAMPLE, inputs, settings, seeded_anew(turn, step))


def _policies_and_prompts(turn: Turn, policies: Sequence[Checkpoint], prompts: Step) -> list[Input]:
    return [*(Input("model", policy) for policy in policies), Input("prompts", turn.the_dataset(prompts))]


def rank_candidates(turn: Turn) -> Outcome:
    campaign = turn.campaign_of(Step.COMPARE)
    if campaign is None:
        name = f"Round {turn.round.number}: rank the candidates"
        runs = [turn.the_run(Step.CANDIDATES)]
        kind, cohort = CampaignKind.COMPARE, Cohort.TRAINING
        campaign = open_ranking_campaign(turn, Step.COMPARE, name, kind, cohort, runs, turn.plan.candidates)
    return _closed_when_ranked(turn, campaign)


def feed_back(turn: Turn) -> Outcome:
    """The loop closes: the new policy's samples are the next round's tasks."""
    if turn.campaign_of(Step.NEXT_COMPARE) is None:
        name = f"Round {turn.round.number}: rank the new policy"
        runs = [run for run in (turn.run_of(Step.SAMPLES), turn.run_of(Step.EARLIER_SAMPLES)) if run]
        kind, cohort = CampaignKind.COMPARE, Cohort.TRAINING
        open_ranking_campaign(turn, Step.NEXT_COMPARE, name, kind, cohort, runs, turn.plan.samples)
    return Outcome.DONE


def evaluate(turn: Turn) -> Outcome:
    campaign = turn.campaign_of(Step.EVALUATION)
    if campaign is None:
        name = f"Round {turn.round.number}: new policy or earlier one"
        runs = [turn.the_run(Step.TEST_SAMPLES), turn.the_run(Step.EARLIER_TEST_SAMPLES)]
        kind, cohort = CampaignKind.EVALUATE, Cohort.HELD_OUT
        campaign = open_ranking_campaign(turn, Step.EVALUATION, name, kind, cohort, runs, SamplingPlan())
    return _closed_when_ranked(turn, campaign)


def freeze_held_out(turn: Turn) -> Outcome:
    """What held-out labelers said of the policies, to measure the reward model by; nothing learns from it."""
    evaluation = turn.campaign_of(Step.EVALUATION)
    if evaluation is None or turn.dataset_of(Step.HELD_OUT):
        return Outcome.DONE
    chosen = DatasetFilter(people=turn.plan.people, cohort=Cohort.HELD_OUT, campaigns=(evaluation.id,))
    try:
        return _freeze(turn, Step.HELD_OUT, DatasetKind.COMPARISONS, chosen)
    except NothingToFreeze:
        return Outcome.DONE  # closed before anybody said anything


def score_held_out(turn: Turn) -> Outcome:
    judged = turn.dataset_of(Step.HELD_OUT)
    if judged is None:
        return Outcome.DONE
    inputs = [Input("reward_model", turn.model_of(Step.REWARD)), Input("comparisons", judged)]
    return turn.run_step(Step.HELD_OUT_SCORES, Stage.SCORE, inputs)


def _closed_when_ranked(turn: Turn, campaign: Campaign) -> Outcome:
    """The round goes on with what was said, so nothing may be said otherwise after that."""
    if not is_ranked(turn.session, campaign):
        return Outcome.WAITING
    if campaign.state is CampaignState.OPEN:
        close_campaign(turn.session, campaign)
    return Outcome.DONE


STEPS: dict[Step, Callable[[Turn], Outcome]] = {
    Step.DEMONSTRATIONS: freeze_demonstrations,
    Step.PRETRAIN: pretrain,
    Step.SFT: fine_tune,
    Step.CANDIDATE_PROMPTS: freeze_candidate_prompts,
    Step.CANDIDATES: sample_candidates,
    Step.CANDIDATE_APPROVAL: approve_candidates,
    Step.COMPARE: rank_candidates,
    Step.COMPARISONS: freeze_comparisons,
    Step.REWARD: train_reward_model,
    Step.PROMPTS: freeze_prompts,
    Step.PPO: optimise_policy,
    Step.ALIGN: align_policy,
    Step.SAMPLE_PROMPTS: freeze_sample_prompts,
    Step.SAMPLES: sample_policy,
    Step.EARLIER_SAMPLES: sample_earlier_policies,
    Step.TEST_PROMPTS: freeze_test_prompts,
    Step.TEST_SAMPLES: sample_policy_for_test,
    Step.EARLIER_TEST_SAMPLES: sample_earlier_policies_for_test,
    Step.SAMPLE_APPROVAL: approve_samples,
    Step.NEXT_COMPARE: feed_back,
    Step.EVALUATION: evaluate,
    Step.HELD_OUT: freeze_held_out,
    Step.HELD_OUT_SCORES: score_held_out,
}
