import numpy as np
import pytest
from scipy.special import expit
from sqlalchemy import select

from app.checkpoints.models import CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.completions.models import Completion, CompletionScore
from app.evaluation.choosing import Chosen
from app.evaluation.reward_models import ScoredPair, accuracies, calibration, disagreements, scored_pairs
from tests.app.evaluation.judged import bring, judged
from tests.factories import make_project


@pytest.fixture
def project(session):
    """Two people on each of three prompts; the reward model likes the worse output of the last one, and strongly."""
    project = make_project(session)
    rows = [judged(n, {"good": 1, "bad": 2, "tied": 2}, labeler=f"w{who}") for n in range(3) for who in range(2)]
    bring(session, project, rows)
    model = register_checkpoint(session, project, CheckpointKind.REWARD, "rm", location="x")
    texts = session.scalars(select(Completion).where(Completion.text.not_like("tied%")))
    for completion in texts:
        good, last = completion.text.startswith("good"), completion.text.endswith("2")
        score = (1.0 if good else 0.0) if not last else (-2.0 if good else 3.0)
        session.add(CompletionScore(completion_id=completion.id, checkpoint_id=model.id, score=score))
    session.flush()
    return project


def test_accuracy_is_the_share_of_verdicts_that_the_scores_foretell(session, project):
    (found,) = accuracies(scored_pairs(session, Chosen(project)))
    assert (found.voice, found.share.count, found.share.prompts) == ("training", 6, 3)
    assert found.share.value == pytest.approx(2 / 3)


def test_the_widest_disagreement_comes_with_its_texts(session, project):
    (worst,) = disagreements(session, scored_pairs(session, Chosen(project)))
    assert (worst.margin, worst.verdicts, worst.against) == (5.0, 2, 2)
    assert (worst.prompt, worst.preferred, worst.scored_higher) == ("Question 2?", "good answers 2", "bad answers 2")


def pairs(draw, number, scale):
    """Of a model whose scores are the truth's, times `scale`."""
    for prompt in range(number):
        margin = float(draw.normal(0, 1.5))
        won = bool(draw.random() < expit(margin))
        yield ScoredPair("held_out", 1, prompt, 1, 2, margin * scale, int(won), int(not won))


def test_a_calibrated_model_is_right_as_often_as_it_foretells():
    for found in calibration(list(pairs(np.random.default_rng(1), 20_000, 1.0))):
        assert found.low <= found.foretold <= found.high
        assert found.right.value == pytest.approx(found.foretold, abs=0.03)


def test_a_model_that_is_too_sure_is_seen_to_be():
    most_sure = calibration(list(pairs(np.random.default_rng(2), 5_000, 4.0)))[-1]
    assert most_sure.foretold > most_sure.right.high + 0.05


def test_equal_scores_foretell_half():
    assert accuracies([ScoredPair("held_out", 1, 1, 1, 2, 0.0, 3, 1)])[0].share.value == 0.5
