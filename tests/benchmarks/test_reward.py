"""The benchmark compares equals, and notices where it does not: a check that cannot fail says nothing."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, median
from types import ModuleType
from typing import Any

import pytest

from tests.benchmarks.reward_cases import FIXED, VOCABULARY, all_cases, ranking
from trainer.groups import RankedGroup

pytest.importorskip("trl", reason="the peer is in the extra `bench`", exc_type=ImportError)
pytestmark = pytest.mark.filterwarnings("ignore")  # TRL's own


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    from tests.benchmarks import reward

    return reward


@pytest.fixture
def groups() -> list[RankedGroup]:
    import random

    draw = random.Random(3)
    return [ranking(draw, 7, [5, 3, 8, 5]), ranking(draw, 4, [2, 6, 4])]


def sides(benchmark: ModuleType, groups: Sequence[RankedGroup], layout: str) -> tuple[Any, Any]:
    config = benchmark.model_config(hidden=64, layers=2)
    return benchmark.Theirs(config, groups), benchmark.Ours(config, layout)


@pytest.mark.parametrize("layout", ["rows", "shared"])
def test_trl_on_all_pairs_and_ours_learn_the_same(
    benchmark: ModuleType, groups: list[RankedGroup], layout: str
) -> None:
    benchmark.require_parity(*sides(benchmark, groups, layout), groups)


def test_a_swapped_rank_is_noticed(benchmark: ModuleType, groups: list[RankedGroup]) -> None:
    theirs, ours = sides(benchmark, groups, "shared")
    first, second, *others = groups[0].ranks
    swapped = [replace(groups[0], ranks=(second, first, *others)), groups[1]]
    learn = ours.learn
    ours.learn = lambda _groups: learn(swapped)
    with pytest.raises(benchmark.NotTheSame, match="loss"):
        benchmark.require_parity(theirs, ours, groups)


def test_a_part_of_the_model_that_learns_nothing_is_noticed(benchmark: ModuleType, groups: list[RankedGroup]) -> None:
    theirs, ours = sides(benchmark, groups, "shared")
    for parameter in ours.model.backbone.layers[0].parameters():
        parameter.requires_grad_(False)
    with pytest.raises(benchmark.NotTheSame, match=r"Only one side has gradients of .*layers\.0"):
        benchmark.require_parity(theirs, ours, groups)


def test_a_gradient_that_is_a_little_off_is_noticed(benchmark: ModuleType, groups: list[RankedGroup]) -> None:
    theirs, ours = sides(benchmark, groups, "shared")
    ours.model.backbone.norm.weight.register_hook(lambda gradient: gradient * 1.01)
    with pytest.raises(benchmark.NotTheSame, match=r"norm\.weight"):
        benchmark.require_parity(theirs, ours, groups)


def test_the_cases_are_those_that_were_promised() -> None:
    cases = all_cases()
    assert [(case.k, case.prompt, case.completion) for case in cases[:-1]] == list(FIXED)
    for case in cases[:-1]:
        assert {(group.k, len(group.prompt_ids)) for group in case.groups} == {(case.k, case.prompt)}
    assert sorted(group.k for group in cases[-1].groups) == [4, 5, 6, 7, 8, 9]
    prompts = [len(group.prompt_ids) for group in cases[-1].groups]
    assert fmean(prompts) == pytest.approx(199, rel=0.01)
    assert median(prompts) == pytest.approx(64, rel=0.1)
    assert all(max(group.prompt_ids) < VOCABULARY for case in cases for group in case.groups)
