"""The table says what it should: sabotaged rankings, optimizers and endings are seen in it."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.simulation.corpus import make_corpus
from app.simulation.facts import Checker, parse_facts
from app.simulation.taste import Taste
from tests.benchmarks.align import Row, complaints, counted
from tests.benchmarks.align_start import QUICK, ranked, write_data
from tests.trainer.test_align import ENCODER, make_comparison, run, settings
from trainer.align import evaluate, load_speaker, preference_loss, with_reference
from trainer.encoding import groups_from_comparisons
from trainer.likelihoods import Speaker
from trainer.loop import prepare
from trainer.models import load_policy
from trainer.records import Comparison, Demonstration, Message, PromptRecord, Sample, read_lines, write_lines

FACTS = "name[Figgs], eatType[pub], area[old town]"
RIGHT, POOR, WRONG = "Figgs is a pub in the old town.", "Figgs is a pub.", "Figgs is a bakery."
PROMPT = PromptRecord("p1", (Message("user", FACTS),), "train")
CHECKER = Checker([parse_facts(FACTS)])
START = Row(outputs=100, errors=150, perfect=20, words=2000, unended=0, kl=0.0, learning=0, sampling=1)
BETTER = replace(START, errors=60, perfect=60, kl=4.0)


def sample(text: str, finish: str = "stop") -> Sample:
    return Sample("p1", text, (1,), finish, -1.0, "m", 0, 1.0)  # type: ignore[arg-type]


def test_errors_are_counted_against_the_facts_of_the_prompt() -> None:
    said = [sample(RIGHT), sample(POOR), sample(WRONG, "length")]
    row = counted(said, [PROMPT], CHECKER, kl=1.0, learning=2.0, sampling=3.0)
    assert (row.outputs, row.errors, row.perfect, row.words, row.unended) == (3, 3, 1, 16, 1)


def test_rankings_put_fewer_errors_first_and_repeated_texts_once(tmp_path: Path) -> None:
    write_lines(tmp_path / "prompts.jsonl", [PROMPT])
    said = [sample(text) for text in (WRONG, RIGHT, RIGHT, POOR)]
    (ranking,) = ranked(said, tmp_path / "prompts.jsonl", Taste(CHECKER, seed=1, noise=0.0), turn=0)
    assert dict(zip(ranking.completions, ranking.ranks or (), strict=True)) == {RIGHT: 1, POOR: 2, WRONG: 3}


def test_a_place_that_is_held_out_is_neither_demonstrated_nor_ranked(tmp_path: Path) -> None:
    corpus = make_corpus(seed=1, places=30, texts_each=2, loose_texts=0)
    write_data(tmp_path, corpus, QUICK)
    prompts = {row.prompt_id: row for row in read_lines(PromptRecord, tmp_path / "prompts.jsonl")}
    held_out = {str(facts) for facts in corpus.held_out}
    assert {row.prompt[-1].content for row in prompts.values() if row.split == "test"} == held_out
    written = {row.prompt[-1].content for row in read_lines(Demonstration, tmp_path / "demonstrations.jsonl")}
    assert not written & held_out
    said = [replace(sample(text), prompt_id=name) for name in prompts for text in (RIGHT, POOR)]
    rankings = ranked(said, tmp_path / "prompts.jsonl", Taste(Checker(), seed=1), turn=0)
    assert not {row.prompt[-1].content for row in rankings} & held_out


def test_what_has_gained_and_ends_is_not_complained_of() -> None:
    assert complaints({"sft": START, "dpo": BETTER}) == []


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (replace(BETTER, errors=150), "dpo gained nothing: 150 errors in 100 outputs"),
        (replace(BETTER, kl=0.001), "dpo is where it started"),
        (replace(BETTER, unended=20), "dpo does not end 20 of 100 texts"),
    ],
)
def test_what_no_honest_table_can_hold_is_complained_of(row: Row, complaint: str) -> None:
    (found,) = complaints({"sft": START, "dpo": row})
    assert found.startswith(complaint)


def trained(tmp_path: Path, rows: list[Comparison], rate: float) -> float:
    """Margin, in nats, that a policy trained on these rankings gives to the right ones."""
    config = settings(tmp_path, "dpo", epochs=12, learning_rate=rate, kl_prompts=0)
    write_lines(Path(config.comparisons), rows)
    folder = run(config, tmp_path / "run")
    device = prepare(config)
    right = groups_from_comparisons(ENCODER, [make_comparison(number) for number in range(9)])
    lessons = with_reference(load_speaker(config, device), right, 64)
    learned = Speaker(load_policy(folder.model).eval(), ENCODER)
    return evaluate(learned, lessons, preference_loss(config), 64).order["margin"]


def test_swapped_ranks_turn_the_policy_the_wrong_way_and_a_frozen_optimizer_leaves_it(tmp_path: Path) -> None:
    for name in ("right", "swapped", "frozen"):
        (tmp_path / name).mkdir()
    rows = [make_comparison(number) for number in range(9)]
    swapped = [replace(row, ranks=(3, 2, 1)) for row in rows]
    assert trained(tmp_path / "right", rows, 3e-3) > 0.3
    assert trained(tmp_path / "swapped", swapped, 3e-3) < -0.3
    assert trained(tmp_path / "frozen", rows, 0.0) == pytest.approx(0.0, abs=1e-3)
