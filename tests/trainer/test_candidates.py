"""What is accepted, ranked and kept of a policy's own completions; and that it is drawn but once."""

import math
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.tiny import make_group, make_policy, make_tokenizer
from trainer.candidates import Candidates, accept, accepted_ranking, best_completion, drawn_candidates, ranks_by_score
from trainer.config import AlignConfig
from trainer.encoding import make_encoder
from trainer.folder import RunFolder
from trainer.likelihoods import Speaker
from trainer.models import RewardModel
from trainer.prompts import Prompt
from trainer.records import Sample, read_lines

ENCODER = make_encoder(make_tokenizer(), 50, 50)
PROMPTS = [Prompt("p1", (5, 6, 7)), Prompt("p2", (8, 9))]
CANDIDATES = Candidates(make_group((1, 1, 1), lengths=(4, 2, 7)), (0.5, 2.0, -1.0))
scores = st.lists(st.floats(-5, 5), min_size=2, max_size=12)


def test_the_highest_score_is_the_best_of_n() -> None:
    best = best_completion(CANDIDATES)
    assert best.completion_ids == (CANDIDATES.group.completion_ids[1],)
    assert (best.ranks, best.truncated, best.prompt_ids) == ((1,), (False,), CANDIDATES.group.prompt_ids)


def test_ranks_are_dense_and_equal_scores_tie() -> None:
    assert ranks_by_score([0.5, 2.0, -1.0, 2.0]) == [2, 1, 3, 1]


def test_all_that_are_accepted_are_ranked_by_score() -> None:
    ranking = accepted_ranking(CANDIDATES, AlignConfig(accepted=3, acceptance=100.0))
    by_ids = dict(zip(ranking.completion_ids, ranking.ranks, strict=True))
    assert [by_ids[ids] for ids in CANDIDATES.group.completion_ids] == [2, 1, 3]


@settings(max_examples=50, deadline=None)
@given(scores, st.integers(1, 12), st.floats(0.01, 100), st.integers(0, 1000))
def test_as_many_as_asked_for_are_accepted_each_once(
    told: list[float], count: int, temperature: float, seed: int
) -> None:
    places = accept(told, count, temperature, random.Random(seed))
    assert len(places) == min(count, len(told))
    assert len(set(places)) == len(places)
    assert set(places) <= set(range(len(told)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=2, max_size=12, unique=True), st.integers(0, 1000))
def test_a_low_temperature_accepts_the_best_first(told: list[int], seed: int) -> None:
    places = accept(told, 2, 1e-3, random.Random(seed))
    assert [told[place] for place in places] == sorted(told, reverse=True)[:2]


def test_the_first_to_be_accepted_follows_the_tilted_distribution() -> None:
    """Scores 0, -1, -2 at temperature 1: the chance to pass is 1, 1/e and 1/e^2 in each pass over the candidates."""
    passed = Counter(
        place for seed in range(4000) for place in accept([0.0, -1.0, -2.0], 3, 1.0, random.Random(seed))[:1]
    )
    assert passed[0] == 4000  # candidates are taken in order, and the best always passes
    second = Counter(accept([0.0, -1.0, -2.0], 2, 1.0, random.Random(seed))[1] for seed in range(4000))
    # Place 1 with 1/e at once; place 2 with (1 - 1/e) / e^2; else again, the best left being place 1, which passes.
    late = (1 - 1 / math.e) / math.e**2
    assert second[2] / 4000 == pytest.approx(late, abs=0.02)


def drawn(tmp_path: Path, seed: int = 0, turn: int = 0, policy_seed: int = 0) -> list[Candidates]:
    if not (tmp_path / "reward").exists():
        RewardModel(make_policy(seed=1).base_model).save(tmp_path / "reward")
        make_tokenizer().save_pretrained(tmp_path / "reward")
    config = AlignConfig(model="m", reward_model=str(tmp_path / "reward"), candidates=4, max_new_tokens=6, seed=seed)
    speaker = Speaker(make_policy(seed=policy_seed), ENCODER)
    return drawn_candidates(config, RunFolder(tmp_path), speaker, PROMPTS, turn)


def test_candidates_are_written_down_and_never_drawn_again(tmp_path: Path) -> None:
    first = drawn(tmp_path)
    assert [candidates.group.prompt_id for candidates in first] == ["p1", "p2"]
    assert all(candidates.group.k == len(set(candidates.scores)) == 4 for candidates in first)
    assert drawn(tmp_path, policy_seed=7) == first
    assert drawn(tmp_path, turn=1, policy_seed=7) != first
    samples = list(read_lines(Sample, tmp_path / "drawn-1.jsonl"))
    assert [sample.token_ids for sample in samples[:4]] == list(first[0].group.completion_ids)
    assert [cut for row in first for cut in row.group.truncated] == [s.finish_reason == "length" for s in samples]


def test_the_seed_decides_what_is_drawn(tmp_path: Path) -> None:
    first = drawn(tmp_path)
    (tmp_path / "drawn-1.jsonl").unlink()
    assert drawn(tmp_path) == first
    (tmp_path / "drawn-1.jsonl").unlink()
    assert drawn(tmp_path, seed=1) != first
