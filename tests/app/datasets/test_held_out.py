"""Nothing that held-out labelers said or wrote is trained on, whatever is chosen when a dataset is frozen."""

import io
import itertools
import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin, Role, User
from app.annotations.imports.importing import import_comparisons, import_demonstrations
from app.annotations.models import Annotation
from app.annotations.service import Sent, submit_demonstration, submit_prompt, submit_ranking
from app.annotations.submissions import Demonstration, Judgement
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.service import create_campaign, open_campaign
from app.clock import now
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import NothingToFreeze, freeze_dataset
from app.datasets.models import Dataset, DatasetAnnotation, DatasetKind
from app.projects.models import Project
from app.prompts.models import Prompt, PromptKind, Split
from app.prompts.writing import single_message
from app.quality.membership import admit_cohort, move
from app.tasks.leasing import claim_next_task
from tests.factories import make_labeler, make_project, make_tasks

WRITTEN = "Written by a held-out labeler."
KINDS = [CampaignKind.COMPARE, CampaignKind.DEMONSTRATE, CampaignKind.WRITE_PROMPTS, CampaignKind.EVALUATE]
MOST_CAMPAIGNS = 12  # at least as many as the project has


def answer(session: Session, labeler: User, campaign: Campaign) -> None:
    assignment = claim_next_task(session, labeler, campaign)
    assert assignment is not None
    text = WRITTEN if labeler.cohort is Cohort.HELD_OUT else "Written by a training labeler."
    sent = Sent("key")
    if campaign.kind is CampaignKind.DEMONSTRATE:
        submit_demonstration(session, assignment, Demonstration(f"{text} {assignment.id}"), sent)
    elif campaign.kind is CampaignKind.WRITE_PROMPTS:
        submit_prompt(session, assignment, single_message(PromptKind.PLAIN, f"{text} {assignment.id}"), sent)
    else:
        submit_ranking(session, assignment, Judgement((1, 2, 2, 3), ({},) * 4), sent)


def make_answered(session: Session, project: Project, kind: CampaignKind, cohort: Cohort) -> None:
    """Answered by a person and by a simulated labeler, who change to the other cohort or to another role after."""
    campaign = create_campaign(session, project, f"{kind} {cohort}", kind, cohort=cohort)
    make_tasks(session, campaign, 4)
    open_campaign(session, campaign)
    labelers = [make_labeler(session, cohort, origin=origin) for origin in (Origin.PERSON, Origin.SIMULATED)]
    admit_cohort(session, campaign)
    for labeler in labelers:
        answer(session, labeler, campaign)
        answer(session, labeler, campaign)
    other = Cohort.TRAINING if cohort is Cohort.HELD_OUT else Cohort.HELD_OUT
    move(session, labelers[0], Role.LABELER, other)
    move(session, labelers[1], Role.RESEARCHER)


def imported(number: int, cohort: Cohort, split: Split, *, simulated: bool) -> dict[str, object]:
    return {
        "prompt_id": "p",
        "prompt": [{"role": "user", "content": f"Imported {number} {cohort} {split} {simulated}?"}],
        "labeler": f"w-{cohort}",
        "cohort": cohort,
        "split": split,
        "simulated": simulated,
    }


def lines_of(rows: list[dict[str, object]]) -> io.BytesIO:
    return io.BytesIO("\n".join(map(json.dumps, rows)).encode())


@pytest.fixture
def project(session: Session) -> Project:
    """Every kind of work by both cohorts, by people and simulated labelers, made here and imported."""
    project = make_project(session)
    for kind in KINDS:
        for cohort in Cohort:
            if kind is not CampaignKind.EVALUATE or cohort is Cohort.HELD_OUT:
                make_answered(session, project, kind, cohort)
    rows = [
        imported(number, cohort, split, simulated=simulated)
        for number, (cohort, split, simulated) in enumerate(itertools.product(Cohort, Split, (False, True)))
    ]
    ranked = [{**each, "completions": ["a", "b"], "ranks": [1, 2]} for each in rows]
    import_comparisons(session, project, lines_of(ranked), source="ranked")
    import_demonstrations(session, project, lines_of([{**each, "completion": "a"} for each in rows]), source="shown")
    session.commit()
    return project


today = now().date()
days = st.none() | st.dates(min_value=today - timedelta(2), max_value=today + timedelta(2))
places = st.none() | st.lists(st.integers(0, MOST_CAMPAIGNS), min_size=1, unique=True)


@st.composite
def filters(draw: st.DrawFn) -> tuple[DatasetKind, DatasetFilter, list[int] | None]:
    """Campaigns by their place among the project's, last, because their numbers are the database's."""
    first, last = draw(days), draw(days)
    if first and last and first > last:
        first, last = last, first
    splits = tuple(draw(st.lists(st.sampled_from(Split), min_size=1, unique=True)))
    chosen = DatasetFilter(
        people=draw(st.sampled_from(["people", "simulated", "both"])),
        cohort=draw(st.sampled_from(Cohort)),
        splits=splits,
        since=first,
        until=last,
        attacks=draw(st.booleans()),
        labelers=draw(st.none() | st.lists(st.integers(1, 100), unique=True).map(tuple)),
        at_most=draw(st.none() | st.integers(1, 40)),
    )
    return draw(st.sampled_from(DatasetKind)), chosen, draw(places)


def frozen(session: Session, files: Path, project: Project, kind: DatasetKind, chosen: DatasetFilter) -> Dataset | None:
    name = f"dataset {session.scalar(select(Dataset.id).order_by(Dataset.id.desc()).limit(1)) or 0}"
    try:
        return freeze_dataset(session, files, project, name, kind, chosen)
    except NothingToFreeze:
        return None


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=filters())
def test_no_filter_lets_held_out_work_into_what_is_trained_on(
    session: Session, project: Project, tmp_path: Path, drawn: tuple[DatasetKind, DatasetFilter, list[int] | None]
) -> None:
    kind, chosen, places = drawn
    numbers = session.scalars(select(Campaign.id).where(Campaign.project_id == project.id).order_by(Campaign.id)).all()
    if places is not None:
        campaigns = tuple(numbers[place % len(numbers)] for place in places)
        chosen = chosen.model_copy(update={"campaigns": campaigns})
    dataset = frozen(session, tmp_path, project, kind, chosen)
    if dataset is None:
        return
    file = tmp_path / dataset.location / f"{kind}.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    stamped = set(
        session.scalars(
            select(Annotation.cohort)
            .join(DatasetAnnotation, DatasetAnnotation.annotation_id == Annotation.id)
            .where(DatasetAnnotation.dataset_id == dataset.id)
        )
    )
    assert stamped <= {chosen.cohort}
    held_out_texts = [row for row in rows if WRITTEN in json.dumps(row)]
    trainable = [row for row in rows if row["split"] != Split.TEST]
    if chosen.cohort is Cohort.TRAINING and kind is not DatasetKind.PROMPTS:
        assert {row["cohort"] for row in rows} == {"training"}
        assert not held_out_texts
    assert not [row for row in trainable if row in held_out_texts or row.get("cohort") == "held_out"]


@pytest.mark.usefixtures("project")
def test_the_world_of_the_property_holds_held_out_work_of_every_kind(session: Session) -> None:
    found = session.execute(select(Annotation.kind, Annotation.cohort).distinct()).all()
    assert {(kind.value, cohort) for kind, cohort in found} == {
        (kind, cohort) for kind in ("ranking", "demonstration", "prompt") for cohort in Cohort
    }
    written = session.scalars(select(Prompt.split).where(Prompt.messages[-1]["content"].astext.contains(WRITTEN))).all()
    assert len(written) == 4
    assert set(written) == {Split.TEST}
