"""Answers to every task of a campaign, made inside the database: nine ranks with ties, and ratings of each output."""

from sqlalchemy import Engine, text

from app.db import transaction
from tests.benchmarks.load.filling import tidy

STATEMENTS = [
    """
    INSERT INTO checkpoints (project_id, kind, name)
    SELECT campaigns.project_id, 'external', 'policy-' || number
    FROM campaigns CROSS JOIN generate_series(1, 3) AS number WHERE campaigns.id = :campaign
    """,
    """
    INSERT INTO completion_authors (completion_id, checkpoint_id)
    SELECT shown.completion_id, checkpoints.id
    FROM task_completions AS shown
    JOIN tasks ON tasks.id = shown.task_id
    JOIN checkpoints ON checkpoints.name = 'policy-' || (1 + shown.position % 3)
    WHERE tasks.campaign_id = :campaign
    """,
    """
    INSERT INTO assignments (task_id, labeler_id, state, shown_order, deadline)
    SELECT tasks.id, labelers.id, 'submitted', '{}', clock_timestamp()
    FROM tasks CROSS JOIN LATERAL (
        SELECT id FROM users WHERE role = 'labeler' ORDER BY (id + tasks.id) % 50, id LIMIT 1
    ) AS labelers
    WHERE tasks.campaign_id = :campaign
    """,
    """
    INSERT INTO annotations (assignment_id, task_id, labeler_id, kind, cohort, simulated, form_version_id,
                             prompt_ratings, idempotency_key, seconds)
    SELECT assignments.id, tasks.id, assignments.labeler_id, 'ranking', 'training', false, campaigns.form_version_id,
           '{"ambiguous": false}', 'key', 90
    FROM assignments JOIN tasks ON tasks.id = assignments.task_id JOIN campaigns ON campaigns.id = tasks.campaign_id
    WHERE tasks.campaign_id = :campaign
    """,
    """
    INSERT INTO annotated_outputs (annotation_id, completion_id, rank, ratings)
    SELECT annotations.id, shown.completion_id, 1 + shown.position % 5,
           jsonb_build_object('overall', 1 + shown.position % 7, 'hallucination', shown.position = 3,
                              'fails_instruction', shown.position = 5)
    FROM annotations JOIN tasks ON tasks.id = annotations.task_id
    JOIN task_completions AS shown ON shown.task_id = tasks.id
    WHERE tasks.campaign_id = :campaign
    """,
    "UPDATE tasks SET remaining = 0 WHERE campaign_id = :campaign",
]


def answer_everything(engine: Engine, campaign: int) -> None:
    """One ranking a task, as if labelers had sent it."""
    with transaction(engine) as session:
        for statement in STATEMENTS:
            session.execute(text(statement), {"campaign": campaign})
    tidy(engine)
