"""What reviewers decided is seen in datasets, and lets nothing held out or simulated into training data."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin, Role, User
from app.annotations.models import Annotation
from app.annotations.review.adjudication import prefer, rank_anew
from app.annotations.review.decisions import approve, correct_judgement, exclude, restore, send_back
from app.annotations.review.models import ExclusionReason
from app.annotations.service import Sent, submit_prompt, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign, CampaignKind
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import NothingToFreeze, freeze_dataset
from app.datasets.models import Dataset, DatasetAnnotation, DatasetKind
from app.errors import DomainError
from app.projects.models import Project
from app.prompts.models import PromptKind
from app.prompts.writing import single_message
from app.quality.membership import admit_cohort, move
from app.tasks.models import Assignment, Task
from tests.factories import make_assignment, make_labeler, make_open_campaign, make_project, make_user

JUDGED = Judgement((1, 2, 2, 3), ({},) * 4)
OTHER = Judgement((4, 3, 2, 1), ({},) * 4)


@pytest.fixture
def reviewer(session: Session) -> User:
    return make_user(session, Role.RESEARCHER)


@pytest.fixture
def project(session: Session) -> Project:
    return make_project(session)


def by_three(session: Session, project: Project) -> list[Annotation]:
    """Three labelers' rankings of one task."""
    labelers = [make_labeler(session) for _ in range(3)]
    campaign = make_open_campaign(session, overlap=3, project=project)
    return [
        submit_ranking(session, make_assignment(session, labeler, campaign), JUDGED, Sent("key"))
        for labeler in labelers
    ]


def task_of(session: Session, annotation: Annotation) -> Task:
    return session.get_one(Task, annotation.task_id)


def frozen(
    session: Session, files: Path, project: Project, kind: DatasetKind = DatasetKind.COMPARISONS, **chosen: object
) -> Dataset:
    name = f"dataset {session.scalar(select(Dataset.id).order_by(Dataset.id.desc()).limit(1)) or 0}"
    return freeze_dataset(session, files, project, name, kind, DatasetFilter.model_validate(chosen))


def taken(session: Session, dataset: Dataset) -> list[int]:
    query = select(DatasetAnnotation.annotation_id).where(DatasetAnnotation.dataset_id == dataset.id)
    return list(session.scalars(query.order_by(DatasetAnnotation.annotation_id)))


def test_what_is_kept_out_is_counted_by_reason_in_the_manifest(
    session: Session, tmp_path: Path, project: Project, reviewer: User
) -> None:
    one, two, three = by_three(session, project)
    exclude(session, reviewer, one, ExclusionReason.CARELESS)
    send_back(session, reviewer, two, "Look again.")
    dataset = frozen(session, tmp_path, project)
    assert taken(session, dataset) == [three.id]
    manifest = json.loads((tmp_path / dataset.location / "manifest.json").read_text())
    assert manifest["excluded"] == dataset.manifest["excluded"] == {"careless": 1, "sent_back": 1}
    restore(session, reviewer, one)
    approve(session, reviewer, two)
    again = frozen(session, tmp_path, project)
    assert taken(session, again) == [one.id, two.id, three.id]
    assert again.manifest["excluded"] == {}


def test_only_what_the_filter_asks_for_is_counted(
    session: Session, tmp_path: Path, project: Project, reviewer: User
) -> None:
    one, _, _ = by_three(session, project)
    other, _, _ = by_three(session, project)
    elsewhere, _, _ = by_three(session, make_project(session))
    for annotation in (one, other, elsewhere):
        exclude(session, reviewer, annotation, ExclusionReason.MISTAKEN)
    campaign = task_of(session, one).campaign_id
    assert frozen(session, tmp_path, project).manifest["excluded"] == {"mistaken": 2}
    assert frozen(session, tmp_path, project, campaigns=(campaign,)).manifest["excluded"] == {"mistaken": 1}


def test_only_reviewed_work_is_taken_where_that_is_asked(
    session: Session, tmp_path: Path, project: Project, reviewer: User
) -> None:
    one, two, _ = by_three(session, project)
    approve(session, reviewer, one)
    corrected = correct_judgement(session, reviewer, two, OTHER, "corrected").correction_id
    assert taken(session, frozen(session, tmp_path, project, reviewed=True)) == [one.id, corrected]


def test_an_adjudicated_task_gives_only_what_is_preferred(
    session: Session, tmp_path: Path, project: Project, reviewer: User
) -> None:
    _, two, _ = by_three(session, project)
    rest = by_three(session, project)
    prefer(session, reviewer, task_of(session, two), two)
    everything = frozen(session, tmp_path, project)
    assert everything.rows == 6
    adjudicated = frozen(session, tmp_path, project, adjudicated=True)
    assert taken(session, adjudicated) == [two.id, *(each.id for each in rest)]
    assert taken(session, frozen(session, tmp_path, project, adjudicated=True, reviewed=True)) == [two.id]


def test_an_adjudicators_own_ranking_is_taken_only_where_that_is_asked(
    session: Session, tmp_path: Path, project: Project, reviewer: User
) -> None:
    one, two, three = by_three(session, project)
    made = rank_anew(session, reviewer, task_of(session, one), OTHER, "key")
    assert taken(session, frozen(session, tmp_path, project)) == [one.id, two.id, three.id]
    dataset = frozen(session, tmp_path, project, adjudicated=True)
    assert taken(session, dataset) == [made.annotation_id]
    (line,) = (tmp_path / dataset.location / "comparisons.jsonl").read_text().splitlines()
    assert json.loads(line)["ranks"] == [4, 3, 2, 1]
    exclude_all = [exclude(session, reviewer, each, ExclusionReason.DUPLICATE) for each in (one, two, three)]
    assert len(exclude_all) == 3
    assert taken(session, frozen(session, tmp_path, project, adjudicated=True)) == [made.annotation_id]


def test_what_is_preferred_no_longer_counts_once_it_is_revised(
    session: Session, tmp_path: Path, project: Project, reviewer: User
) -> None:
    one, two, three = by_three(session, project)
    prefer(session, reviewer, task_of(session, two), two)
    assignment = session.get_one(Assignment, two.assignment_id)
    revised = submit_ranking(session, assignment, OTHER, Sent("second"))
    dataset = frozen(session, tmp_path, project, adjudicated=True)
    assert taken(session, dataset) == [one.id, three.id, revised.id]


def test_an_excluded_prompt_is_not_drawn_whatever_its_version(
    session: Session, tmp_path: Path, project: Project, reviewer: User
) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session, CampaignKind.WRITE_PROMPTS, tasks=2, project=project)
    first, second = (make_assignment(session, labeler, campaign), None)
    written = submit_prompt(session, first, single_message(PromptKind.PLAIN, "Where does A live?"), Sent("one"))
    second = make_assignment(session, labeler, campaign)
    kept = submit_prompt(session, second, single_message(PromptKind.PLAIN, "Why is it dark?"), Sent("two"))
    exclude(session, reviewer, written, ExclusionReason.PERSONAL_INFORMATION)
    submit_prompt(session, first, single_message(PromptKind.PLAIN, "Where does B live?"), Sent("three"))
    dataset = frozen(session, tmp_path, project, DatasetKind.PROMPTS)
    rows = [json.loads(line) for line in (tmp_path / dataset.location / "prompts.jsonl").read_text().splitlines()]
    assert [row["prompt_id"] for row in rows] == [str(kept.prompt_id)]
    assert dataset.manifest["excluded"] == {"personal_information": 1}


ACTIONS = ("approve", "correct", "correct by a simulated", "send back and revise", "move", "restore", "prefer", "rank")


def act(session: Session, action: str, assignment: Assignment, reviewers: tuple[User, User], key: str) -> None:
    """Whatever is refused is refused."""
    query = select(Annotation).where(Annotation.assignment_id == assignment.id, Annotation.current)
    annotation, person = session.scalars(query).one(), reviewers[0]
    try:
        with session.begin_nested():
            if action == "approve":
                approve(session, person, annotation)
            elif action.startswith("correct"):
                correct_judgement(session, reviewers[action.endswith("simulated")], annotation, OTHER, key)
            elif action == "send back and revise":
                send_back(session, person, annotation, "Again.")
                submit_ranking(session, assignment, JUDGED, Sent(key))
            elif action == "move":
                labeler = session.get_one(User, assignment.labeler_id)
                other = Cohort.TRAINING if labeler.cohort is Cohort.HELD_OUT else Cohort.HELD_OUT
                move(session, labeler, Role.LABELER, other)
                labeler.origin = Origin.PERSON
                session.flush()
            elif action == "restore":
                exclude(session, person, annotation, ExclusionReason.CARELESS)
                restore(session, person, annotation)
            elif action == "prefer":
                prefer(session, person, task_of(session, annotation), annotation)
            else:
                rank_anew(session, reviewers[len(key) % 2], task_of(session, annotation), OTHER, key)
    except DomainError:
        pass


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    acts=st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 3)), max_size=8),
    people=st.sampled_from(["people", "simulated", "both"]),
    adjudicated=st.booleans(),
    reviewed=st.booleans(),
)
def test_no_review_lets_held_out_or_simulated_work_into_what_it_should_not_be_in(
    session: Session,
    tmp_path: Path,
    acts: list[tuple[str, int]],
    people: str,
    adjudicated: bool,
    reviewed: bool,
) -> None:
    """Two tasks of either cohort, each ranked by a person and a simulated labeler, reviewed in any way there is."""
    project = make_project(session)
    reviewers = make_user(session, Role.RESEARCHER), make_user(session, Role.RESEARCHER, origin=Origin.SIMULATED)
    assignments = []
    for cohort in Cohort:
        campaign = make_open_campaign(session, overlap=2, project=project)
        campaign.cohort = cohort
        labelers = [make_labeler(session, cohort, origin=origin) for origin in (Origin.PERSON, Origin.SIMULATED)]
        admit_cohort(session, campaign)
        for labeler in labelers:
            assignments.append(make_assignment(session, labeler, campaign))
            submit_ranking(session, assignments[-1], JUDGED, Sent("key"))
    for number, (action, place) in enumerate(acts):
        act(session, action, assignments[place], reviewers, "k" * (number + 1))
    try:
        dataset = frozen(session, tmp_path, project, people=people, adjudicated=adjudicated, reviewed=reviewed)
    except NothingToFreeze:
        return
    rows = session.execute(
        select(Annotation.assignment_id, Annotation.task_id, Annotation.simulated)
        .join(DatasetAnnotation, DatasetAnnotation.annotation_id == Annotation.id)
        .where(DatasetAnnotation.dataset_id == dataset.id)
    ).all()
    held_out, simulated = {assignments[2].task_id}, {assignments[1].id, assignments[3].id}
    campaigns = {session.get_one(Campaign, session.get_one(Task, each.task_id).campaign_id).cohort for each in rows}
    assert campaigns == {Cohort.TRAINING}
    assert not [each for each in rows if each.task_id in held_out]
    if people == "people":
        assert not [each for each in rows if each.simulated or each.assignment_id in simulated]
    elif people == "simulated":
        assert all(each.simulated for each in rows)
