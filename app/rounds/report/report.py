"""The report of a round: what it learned from, how good its models are, and how it stands beside earlier rounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint
from app.evaluation.clusters import FEWEST_PROMPTS
from app.evaluation.tables import Table
from app.evaluation.win_rate import WinRate
from app.projects.models import Project
from app.rounds.models import Round
from app.rounds.report.figures import RoundFigures, figures_of
from app.rounds.report.tables import (
    CurvePoint,
    agreement_table,
    curve_of,
    curve_table,
    data_table,
    labels_table,
    length_table,
    questions_in,
    rating_tables,
    reward_table,
    rounds_table,
    win_table,
)

NEARLY_ALWAYS = 0.9  # a win rate above it leaves later rounds little to show


@dataclass(frozen=True)
class RoundReport:
    """`rounds`: the figures of this round and of those before it in the project, oldest first.

    `questions`: flags and scales in the words of the form, by name.
    """

    project: Project
    round: Round
    rounds: list[RoundFigures]
    curve: list[CurvePoint]
    tables: list[Table]
    questions: dict[str, str]

    @property
    def figures(self) -> RoundFigures:
        return self.rounds[-1]

    def table(self, name: str) -> Table:
        return next(table for table in self.tables if table.name == name)

    @property
    def is_saturated(self) -> bool:
        """Whether it wins over the first SFT nearly always, so that later rounds cannot show there what they gain."""
        rate = self.figures.against_baseline
        return rate is not None and rate.prompts >= FEWEST_PROMPTS and rate.rate > NEARLY_ALWAYS

    def as_json(self) -> dict[str, Any]:
        models = self.figures.models
        return {
            "project": self.project.name,
            "round": self.round.number,
            "state": self.round.state.value,
            "started": self.round.created_at.isoformat(),
            "finished": self.round.finished_at.isoformat() if self.round.finished_at else None,
            "policy": _checkpoint(models.policy),
            "reward_model": _checkpoint(models.reward),
            "policy_before": _checkpoint(models.earlier),
            "first_sft": _checkpoint(models.baseline),
            "win_rate_earlier": _rate(self.figures.against_earlier),
            "win_rate_sft": _rate(self.figures.against_baseline),
            "saturated": self.is_saturated,
            "plan": self.round.plan,
            "tables": {table.name: table.as_json() for table in self.tables},
        }


def _checkpoint(checkpoint: Checkpoint | None) -> dict[str, Any] | None:
    return {"id": checkpoint.id, "name": checkpoint.name, "digest": checkpoint.digest} if checkpoint else None


def _rate(rate: WinRate | None) -> dict[str, Any] | None:
    return {"win_rate": rate.rate, "low": rate.low, "high": rate.high, "prompts": rate.prompts} if rate else None


def round_report(session: Session, found: Round) -> RoundReport:
    """As far as the round has come; what is missing is None or an empty table."""
    project = session.get_one(Project, found.project_id)
    rounds = [figures_of(session, project, each) for each in _up_to(session, found)]
    curve = curve_of(session, rounds[-1].models.policy_run)
    tables = _tables(session, project, rounds, curve)
    return RoundReport(project, found, rounds, curve, tables, questions_in(session, rounds[-1]))


def _up_to(session: Session, found: Round) -> Sequence[Round]:
    query = select(Round).where(Round.project_id == found.project_id, Round.number <= found.number)
    return session.scalars(query.order_by(Round.number)).all()


def _tables(
    session: Session, project: Project, rounds: Sequence[RoundFigures], curve: Sequence[CurvePoint]
) -> list[Table]:
    figures = rounds[-1]
    return [
        win_table(figures),
        rounds_table(rounds),
        data_table(figures.steps),
        labels_table(figures),
        agreement_table(session, figures),
        reward_table(session, project, figures),
        curve_table(curve),
        *rating_tables(session, project, figures),
        length_table(figures),
    ]
