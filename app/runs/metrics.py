"""A run's numbers: stored line by line, and in bands of 64 steps from which long curves are drawn.

A band holds the least and the greatest of each number among its steps. It is made anew from its lines whenever one of
them is written, so that a resumed run, which writes some steps again, leaves no band behind the lines.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.runs.models import Run, RunMetric, RunMetricBand
from app.runs.queries import latest_lines, numbers_in
from app.runs.service import Claim
from app.runs.telling import Kind, tell

BAND = 64  # steps; the migration that makes the first bands says so too
MOST_POINTS = 1_000  # of a curve; a screen has no more columns

MAKE_BANDS = text("""
    INSERT INTO run_metric_bands (run_id, band, lines, low, high)
    SELECT run_id, band, max(lines), jsonb_object_agg(name, low), jsonb_object_agg(name, high)
      FROM (SELECT run_id, step / :size AS band, key AS name, count(*) AS lines,
                   min(value::float8) AS low, max(value::float8) AS high
              FROM run_metrics, jsonb_each(values)
             WHERE run_id = :run AND step >= :first AND step < :after
               AND jsonb_typeof(value) = 'number' AND key NOT IN ('step', 'time')
             GROUP BY run_id, band, key) AS numbers
     GROUP BY run_id, band
    ON CONFLICT (run_id, band) DO UPDATE SET lines = excluded.lines, low = excluded.low, high = excluded.high
""")


def record_metrics(session: Session, claim: Claim, lines: Sequence[dict[str, Any]]) -> None:
    """Store lines of `metrics.jsonl`; a step that is written again (after a resume) replaces its older line."""
    if not lines:
        return
    rows = {line["step"]: {"run_id": claim.run_id, "step": line["step"], "values": line} for line in lines}
    statement = insert(RunMetric)
    replace = {"values": statement.excluded["values"]}
    session.execute(
        statement.on_conflict_do_update(index_elements=["run_id", "step"], set_=replace), list(rows.values())
    )
    first, last = min(rows) // BAND, max(rows) // BAND
    span = {"run": claim.run_id, "size": BAND, "first": first * BAND, "after": (last + 1) * BAND}
    session.execute(MAKE_BANDS, span)
    told = [{"step": step, **numbers_in(row["values"])} for step, row in rows.items()]
    tell(session, claim.run_id, claim.project_id, Kind.LINE, told)


@dataclass(frozen=True)
class Curves:
    """Steps in order, and each number at each of them; None where a step does not say it."""

    steps: list[float]
    series: dict[str, list[float | None]]


def curves_of(session: Session, run: Run, most: int = MOST_POINTS) -> Curves:
    """Every line where there are at most `most`, else the least and the greatest of equal stretches of the run."""
    lines = session.scalar(select(func.sum(RunMetricBand.lines)).where(RunMetricBand.run_id == run.id)) or 0
    return _curves_of_lines(session, run) if lines <= most else _curves_of_bands(session, run, most // 2)


def _curves_of_lines(session: Session, run: Run) -> Curves:
    query = select(RunMetric.step, RunMetric.values).where(RunMetric.run_id == run.id).order_by(RunMetric.step)
    return _curves([(step, numbers_in(values)) for step, values in session.execute(query)])


def _curves_of_bands(session: Session, run: Run, most: int) -> Curves:
    """Two points a stretch: the least of each number, and half a stretch later the greatest; then the last line."""
    query = select(RunMetricBand.band, RunMetricBand.low, RunMetricBand.high).where(RunMetricBand.run_id == run.id)
    bands = session.execute(query.order_by(RunMetricBand.band)).all()
    together = -(-(bands[-1].band - bands[0].band + 1) // most)
    points: list[tuple[float, dict[str, float]]] = []
    for stretch in _stretches(bands, together):
        start, half = stretch[0].band * BAND, together * BAND / 2
        points.append((start, _extremes((each.low for each in stretch), min)))
        points.append((start + half, _extremes((each.high for each in stretch), max)))
    last = latest_lines(session, run, 1)[0]
    return _curves([*(point for point in points if point[0] < last["step"]), (last["step"], numbers_in(last))])


def _stretches(bands: Sequence[Any], together: int) -> Iterable[list[Any]]:
    stretch: list[Any] = []
    for band in bands:
        if stretch and band.band // together != stretch[0].band // together:
            yield stretch
            stretch = []
        stretch.append(band)
    yield stretch


def _extremes(numbers: Iterable[Mapping[str, float]], extreme: Callable[[float, float], float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for each in numbers:
        for name, value in each.items():
            found[name] = extreme(found[name], value) if name in found else value
    return found


def _curves(points: Sequence[tuple[float, Mapping[str, float]]]) -> Curves:
    names = sorted({name for _, numbers in points for name in numbers})
    series = {name: [numbers.get(name) for _, numbers in points] for name in names}
    return Curves([step for step, _ in points], series)
