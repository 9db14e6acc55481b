"""What candidates say reaches no dataset and no figure, whatever is chosen."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin
from app.annotations.models import Annotation
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import NothingToFreeze, freeze_dataset
from app.datasets.models import DatasetAnnotation, DatasetKind
from app.prompts.models import Split
from app.quality.agreement.scope import Scope
from app.quality.agreement.tables import agreement_in
from app.quality.screening.models import Part
from app.tasks.models import Purpose, Task
from tests.app.quality.screening.screened import Screened, make_screening, take
from tests.factories import make_labeler

EVERY = (Part.FLAGS, Part.RANKINGS, Part.DEMONSTRATIONS)
PEOPLE = ("people", "simulated", "both")


@pytest.fixture
def screened(session: Session) -> Screened:
    """Taken by people and simulated labelers of both cohorts, by one of them twice."""
    screened = make_screening(session, EVERY)
    for cohort in Cohort:
        for origin in (Origin.PERSON, Origin.SIMULATED):
            take(session, screened, make_labeler(session, cohort, origin=origin))
    session.commit()
    return screened


filters = st.builds(
    DatasetFilter,
    people=st.sampled_from(PEOPLE),
    cohort=st.sampled_from(Cohort),
    splits=st.lists(st.sampled_from(Split), min_size=1, unique=True).map(tuple),
    attacks=st.booleans(),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from([DatasetKind.DEMONSTRATIONS, DatasetKind.COMPARISONS]),
    chosen=filters,
    part=st.none() | st.sampled_from(EVERY),
)
def test_no_filter_lets_a_screening_into_a_dataset(
    session: Session, screened: Screened, tmp_path: Path, kind: DatasetKind, chosen: DatasetFilter, part: Part | None
) -> None:
    if part is not None:
        chosen = chosen.model_copy(update={"campaigns": (screened.campaign(session, part).id,)})
    with pytest.raises(NothingToFreeze):
        freeze_dataset(session, tmp_path, screened.project, "Screened", kind, chosen)
    assert not session.scalars(select(DatasetAnnotation)).all()


@pytest.mark.parametrize("people", PEOPLE)
def test_agreement_knows_nothing_of_it(session: Session, screened: Screened, people: str) -> None:
    purposes = session.scalars(select(Task.purpose).join(Annotation, Annotation.task_id == Task.id).distinct()).all()
    assert purposes == [Purpose.SCREENING]
    found = agreement_in(session, Scope(project=screened.project.id, people=people))  # type: ignore[arg-type]
    assert not found.lines
    assert not found.pairs
