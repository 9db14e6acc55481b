"""How lineage is laid out: rows from policies down to labelers, nothing on top of anything else."""

from itertools import combinations
from pathlib import Path

from sqlalchemy.orm import Session

from app.rounds.lineage import lineage_of
from app.web.lineage import HEIGHT, WIDTH, Box, drawn
from tests.app.rounds.report.reported import make_ended_round, make_sft
from tests.factories import make_project


def test_three_rounds_are_drawn_without_boxes_that_touch(session: Session, tmp_path: Path) -> None:
    project = make_project(session)
    policy = make_sft(session, project)
    for _ in range(3):
        policy = make_ended_round(session, tmp_path, project, policy, wins=[True]).policy
    drawing = drawn(lineage_of(session, policy))
    assert not [pair for pair in combinations(drawing.boxes, 2) if _touch(*pair)]
    assert all(0 <= box.x <= drawing.width - WIDTH and 0 <= box.y <= drawing.height - HEIGHT for box in drawing.boxes)
    rows = {box.kind: box.y for box in drawing.boxes}
    assert rows["labelers"] > rows["campaign"] > rows["dataset"] > rows["sft"]
    assert min(drawing.boxes, key=lambda box: box.y).title == "ppo-3"


def _touch(one: Box, other: Box) -> bool:
    return abs(one.x - other.x) < WIDTH and abs(one.y - other.y) < HEIGHT


def test_a_checkpoint_that_comes_from_nothing_known_stands_alone(session: Session) -> None:
    drawing = drawn(lineage_of(session, make_sft(session, make_project(session))))
    assert [(box.title, box.x, box.y) for box in drawing.boxes] == [("sft-1", 0, 0)]
    assert drawing.lines == []
