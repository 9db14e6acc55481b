"""Results of the screening of labelers, for exports. What people say of themselves stays with admins."""

from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, exists, func, literal, select
from sqlalchemy.orm import Session

from app.accounts.models import Origin, User
from app.datasets.filtering import LiveFilter, on_days
from app.projects.models import Project
from app.quality.screening.models import Attempt, Part, PartScore, Screening, ScreeningPart


def screening_results(_session: Session, project: Project, chosen: LiveFilter) -> Select[Any]:
    """A line for each attempt, by when it began; its cohort is that of the labeler today."""
    return (
        select(
            cast(Attempt.id, String).label("attempt_id"),
            literal("labeler-").concat(cast(User.id, String)).label("labeler"),
            cast(User.cohort, String).label("cohort"),
            (User.origin == Origin.SIMULATED).label("simulated"),
            Attempt.number.label("attempt"),
            cast(Attempt.state, String).label("state"),
            _scores().label("scores"),
            Attempt.began_at,
            Attempt.finished_at,
            Attempt.decided_at,
        )
        .join(Screening, Screening.id == Attempt.screening_id)
        .join(User, User.id == Attempt.labeler_id)
        .where(Screening.project_id == project.id, *_chosen(chosen))
        .order_by(Attempt.id)
    )


def _scores() -> ColumnElement[Any]:
    """By part, the score with its cut-off of that day; none before the attempt was finished."""
    of_part = func.jsonb_build_object(
        *("score", PartScore.score, "cutoff", PartScore.cutoff, "rests_on", PartScore.rests_on)
    )
    return (
        select(func.jsonb_object_agg(cast(PartScore.part, String), of_part))
        .where(PartScore.attempt_id == Attempt.id, PartScore.part != Part.SELF_ASSESSMENT)
        .correlate(Attempt)
        .scalar_subquery()
    )


def _chosen(chosen: LiveFilter) -> list[ColumnElement[bool]]:
    conditions = on_days(Attempt.began_at, chosen.since, chosen.until)
    if chosen.people != "both":
        conditions.append((User.origin == Origin.SIMULATED) == (chosen.people == "simulated"))
    if chosen.cohort is not None:
        conditions.append(User.cohort == chosen.cohort)
    if chosen.campaign is not None:
        conditions.append(
            exists().where(
                ScreeningPart.campaign_id == chosen.campaign,
                ScreeningPart.screening_id == Attempt.screening_id,
                ScreeningPart.sitting == Attempt.number,
            )
        )
    return conditions
