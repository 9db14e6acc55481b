"""The benchmark compares equals, and notices where it does not: a check that cannot fail says nothing."""

import random
from dataclasses import replace

import pytest
import torch

from tests.benchmarks.ppo import NotTheSame, ask_peer, peer_folder, require_parity
from tests.benchmarks.ppo_cases import Case, Replay, Told, all_cases
from tests.benchmarks.ppo_ours import Ours, our_seconds
from trainer.loop import Learner

CASE = Case("tiny", prompts=(3, 9, 5), k=2, completion=6, hidden=32, layers=2)


@pytest.fixture(scope="module")
def replay() -> Replay:
    draw = random.Random(1)
    prompts = [ids for ids in CASE.prompt_ids for _ in range(CASE.k)]
    completions = [[draw.randrange(3, 2048) for _ in range(CASE.completion)] for _ in prompts]
    return Replay(prompts, completions, draw.sample(range(6), 6))


@pytest.fixture(scope="module")
def rows(replay: Replay) -> Told:
    return Ours(CASE, "rows").learn(replay)


@pytest.mark.parametrize("at_once", [0, 5])
def test_both_layouts_learn_the_same_from_a_replay(replay: Replay, rows: Told, at_once: int) -> None:
    require_parity(CASE, rows, Ours(CASE, "shared", at_once).learn(replay))


def test_trl_and_ours_learn_the_same() -> None:
    folder = peer_folder()
    if not folder.is_dir():
        pytest.skip("TRL 1.12 is not here; python -m tests.benchmarks.ppo installs it")
    replay, told, seconds = ask_peer(CASE, folder, 1)
    require_parity(CASE, told, Ours(CASE).learn(replay))
    assert 0 < seconds.updates[0] < seconds.iterations[0]


def test_an_optimizer_that_stands_still_is_noticed(replay: Replay, rows: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    def frozen(learner: Learner, _step: int) -> float:
        for group in learner.optimizer.param_groups:
            group["lr"] = 0.0
        learner.optimizer.step()
        learner.optimizer.zero_grad()
        return 0.0

    monkeypatch.setattr(Learner, "update", frozen)
    told = Ours(CASE).learn(replay)
    with pytest.raises(NotTheSame):
        require_parity(CASE, rows, told)
    with pytest.raises(NotTheSame, match="changes of policy"):
        require_parity(CASE, rows, replace(rows, weights=told.weights))


def test_a_token_that_another_drew_is_noticed(replay: Replay, rows: Told) -> None:
    first, *others = replay.completions
    told = Ours(CASE).learn(replace(replay, completions=[[7, *first[1:]], *others]))
    with pytest.raises(NotTheSame, match="Advantages"):
        require_parity(CASE, rows, told)


def test_a_kl_that_costs_nothing_is_noticed(replay: Replay, rows: Told) -> None:
    ours = Ours(CASE)
    ours.config = replace(ours.config, kl_coefficient=0.0)
    with pytest.raises(NotTheSame, match="Advantages"):
        require_parity(CASE, rows, ours.learn(replay))


def test_a_gradient_that_is_a_little_off_is_noticed(replay: Replay, rows: Told) -> None:
    ours = Ours(CASE)
    for parameter in ours.models.policy.parameters():
        parameter.register_hook(lambda gradient: gradient * 1.01)
    with pytest.raises(NotTheSame, match="gradients of policy"):
        require_parity(CASE, rows, ours.learn(replay))


def test_what_is_timed_is_a_whole_iteration(replay: Replay) -> None:
    seconds = our_seconds(CASE, replay, 2)
    assert len(seconds.updates) == len(seconds.iterations) == 2
    assert min(seconds.updates) > 0


def test_the_cases_are_those_that_were_promised() -> None:
    mix, several, even = all_cases(256, 4)
    assert sum(mix.prompts) / len(mix.prompts) == pytest.approx(199, rel=0.01)
    assert mix.k == even.k == 1
    assert (several.k, set(several.prompts), set(even.prompts)) == (4, {256}, {128})
    assert len({case.completion for case in (mix, several, even)}) == 1
    assert torch.tensor([len(ids) for ids in mix.prompt_ids]).tolist() == list(mix.prompts)
