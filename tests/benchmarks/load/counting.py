"""What the database holds at the end, counted by SQL."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

OVER_COLLECTED = text("""
    SELECT count(*) FROM (
        SELECT tasks.id FROM tasks JOIN annotations ON annotations.task_id = tasks.id
        WHERE annotations.current AND NOT annotations.surplus AND annotations.kind <> 'skip'
        GROUP BY tasks.id HAVING count(*) > tasks.overlap
    ) AS over
""")
COUNTED = text("""
    SELECT count(*) FILTER (WHERE current AND NOT surplus) AS annotations,
           count(*) FILTER (WHERE surplus) AS surplus,
           (SELECT count(*) FROM annotated_outputs WHERE rank IS NOT NULL) AS ranked,
           (SELECT count(*) FROM tasks WHERE remaining < 0 OR remaining > overlap) AS miscounted
    FROM annotations
""")


@dataclass(frozen=True)
class Counted:
    """Annotations that fill a slot, those that came too late to, outputs with a rank, tasks with impossible counts."""

    annotations: int
    surplus: int
    ranked: int
    miscounted: int


def over_collected(connection: Connection) -> int:
    """Tasks that hold more answers than they asked for, surplus ones and skips apart."""
    return int(connection.execute(OVER_COLLECTED).scalar_one())


def counted(connection: Connection) -> Counted:
    return Counted(*connection.execute(COUNTED).one())
