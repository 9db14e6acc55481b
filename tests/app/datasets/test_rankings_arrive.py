"""A ranking with ties, from the submission to the trainer's group, unchanged (argilla#5712 is what happens without)."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.annotations.models import AnnotatedOutput
from app.annotations.ranking import dense_ranks
from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import read_ranking
from app.completions.models import Completion
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.projects.forms import RatingForm
from app.projects.models import Project
from tests.factories import make_assignment, make_labeler, make_open_campaign
from trainer.records import Comparison, read_lines

pytest.importorskip("torch")

from tests.trainer.tiny import make_tokenizer
from trainer.encoding import groups_from_comparisons, make_encoder

LETTERS = "abcdefghi"


@pytest.fixture(scope="module")
def encoder():
    return make_encoder(make_tokenizer(), 200, 100)


def as_posted(ranks):
    """What a browser sends: a rank by letter, gaps and all."""
    return {"rank": {letter: str(rank) for letter, rank in zip(LETTERS, ranks, strict=False)}}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.integers(2, 9).flatmap(lambda k: st.lists(st.integers(1, k), min_size=k, max_size=k)))
def test_a_ranking_with_ties_is_the_same_in_the_database_the_file_and_the_group(session, encoder, chosen):
    with tempfile.TemporaryDirectory() as folder, session.begin_nested() as savepoint:
        labeler = make_labeler(session)
        campaign = make_open_campaign(session, outputs=len(chosen))
        assignment = make_assignment(session, labeler, campaign)
        submission = read_ranking(as_posted(chosen), RatingForm(), len(chosen))
        submit_ranking(session, assignment, submission, Sent("key"))
        names = dict(session.execute(select(Completion.id, Completion.text)).all())
        wanted = dict(zip((names[each] for each in assignment.shown_order), dense_ranks(chosen), strict=True))

        stored = session.execute(select(AnnotatedOutput.completion_id, AnnotatedOutput.rank))
        assert {names[completion]: rank for completion, rank in stored} == wanted

        project = session.get_one(Project, campaign.project_id)
        kind = DatasetKind.COMPARISONS
        dataset = freeze_dataset(session, Path(folder), project, "all", kind, DatasetFilter())
        (row,) = read_lines(Comparison, Path(folder) / dataset.location / "comparisons.jsonl")
        assert dict(zip(row.completions, row.ranks, strict=True)) == wanted

        (group,) = groups_from_comparisons(encoder, [row])
        texts = [encoder.text(ids) for ids in group.completion_ids]
        assert dict(zip(texts, group.ranks, strict=True)) == wanted
        savepoint.rollback()
