"""What the benchmark of dashboards fills a database with is what Rondo itself would have written."""

from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from app.annotations.models import AnnotatedOutput, Annotation
from app.db import transaction
from app.evaluation.choosing import Chosen
from app.evaluation.report import evaluation_tables
from app.quality.agreement.questions import Measure
from app.quality.agreement.scope import Scope
from app.quality.agreement.tables import agreement_in
from tests.benchmarks.dashboards import readers_of
from tests.benchmarks.load.amassing import OUTPUTS, OVERLAP, POLICIES, amass

ANNOTATIONS = 600


def test_a_years_work_holds_together_and_says_something(fresh_database: Engine) -> None:
    project = amass(fresh_database, ANNOTATIONS)
    with transaction(fresh_database) as session:
        assert _count(session, Annotation) == ANNOTATIONS
        skipped = _count(session, Annotation, Annotation.skip_reason.is_not(None))
        assert 0 < skipped < ANNOTATIONS / 20
        assert _count(session, AnnotatedOutput) == (ANNOTATIONS - skipped) * OUTPUTS
        assert _broken_references(session) == []
        agreement = agreement_in(session, Scope(project=project.id))
        strict = next(line.figure for line in agreement.lines if line.measure is Measure.STRICT)
        assert strict.value is not None
        assert 0.5 < strict.value < 0.95
        assert {group.by.value for group in agreement.groups} == {"campaign", "cohort", "use_case"}
        tables = {table.name: table for table in evaluation_tables(session, Chosen(project))}
        assert {row[0] for row in tables["strengths"].rows} == set(POLICIES)
        assert tables["calibration"].rows
        assert [reader.name for reader in readers_of(session, project)] == ["researcher", "admin", "labeler"]


def test_every_task_is_answered_by_so_many_people(fresh_database: Engine) -> None:
    amass(fresh_database, 60)
    with transaction(fresh_database) as session:
        people = select(func.count(Annotation.labeler_id.distinct())).group_by(Annotation.task_id)
        assert set(session.scalars(people)) == {OVERLAP}


def _count(session: Session, model: type, *conditions: object) -> int:
    return session.scalars(select(func.count()).select_from(model).where(*conditions)).one()  # type: ignore[arg-type]


def _broken_references(session: Session) -> list[str]:
    """Foreign keys were not looked up while it was filled; each that is added anew is."""
    found = "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'"
    keys = session.execute(text(found)).all()
    broken = []
    for table, name, definition in keys:
        savepoint = session.begin_nested()
        try:
            session.execute(text(f'ALTER TABLE {table} ADD CONSTRAINT "again_{name[:50]}" {definition}'))
        except Exception:
            broken.append(name)
        savepoint.rollback()
    return broken
