"""A project that has been worked in for a year: very many rankings of four policies' outputs, made inside the database.

A tenth of the tasks evaluates policies by held-out labelers; of the rest two thirds are in one large campaign. Every
task has three answers, of which two in a hundred are skips. Labelers agree in three of five cases and guess otherwise.
"""

from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Role
from app.accounts.service import create_user
from app.campaigns.models import CampaignKind
from app.campaigns.service import create_campaign, open_campaign
from app.db import transaction
from app.projects.models import Project
from app.projects.service import create_project
from app.quality.membership import admit_cohort
from tests.benchmarks.load.filling import tidy

OVERLAP = 3
OUTPUTS = 4
POLICIES = ["sft", "ppo", "ppo-ptx", "prompted"]
TRAINING, HELD_OUT = 180, 20
CAMPAIGNS = 10  # the first is large, the last evaluates

STATEMENTS = [
    # Whose outputs are judged, and the model that scored them.
    """
    INSERT INTO checkpoints (project_id, kind, name)
    SELECT :project, 'external', name FROM unnest(CAST(:policies AS text[])) AS name
    """,
    "INSERT INTO checkpoints (project_id, kind, name) VALUES (:project, 'external', 'reward')",
    """
    INSERT INTO prompts (project_id, messages, digest, source, split, external_id, use_case)
    SELECT :project, jsonb_build_array(jsonb_build_object('role', 'user', 'content', 'Question ' || number || '?')),
           sha256(convert_to('question ' || number, 'UTF8')), 'imported', 'train', 'year-' || number,
           (ARRAY['generation', 'open_qa', 'brainstorming', 'chat', 'rewriting'])[1 + number % 5]
    FROM generate_series(1, :tasks) AS number
    """,
    """
    INSERT INTO completions (prompt_id, text, digest)
    SELECT prompts.id, said.words, sha256(convert_to(said.words, 'UTF8'))
    FROM prompts CROSS JOIN generate_series(1, :outputs) AS place CROSS JOIN LATERAL (
        SELECT 'Answer ' || prompts.id * 10 + place || repeat(' and so on', (prompts.id % 7 + place)::integer) AS words
    ) AS said
    WHERE prompts.project_id = :project
    """,
    """
    INSERT INTO tasks (campaign_id, kind, prompt_id, overlap, remaining)
    SELECT campaigns.id, campaigns.kind, prompts.id, :overlap, 0
    FROM (
        SELECT id, row_number() OVER (ORDER BY id) - 1 AS number FROM prompts WHERE project_id = :project
    ) AS prompts
    JOIN (
        SELECT id, kind, row_number() OVER (ORDER BY id) - 1 AS number FROM campaigns WHERE project_id = :project
    ) AS campaigns ON campaigns.number = CASE WHEN prompts.number % 10 < 6 THEN 0
        WHEN prompts.number % 10 = 9 THEN :campaigns - 1 ELSE 1 + prompts.number / 10 % (:campaigns - 2) END
    """,
    """
    INSERT INTO task_completions (task_id, completion_id, prompt_id, position)
    SELECT tasks.id, completions.id, tasks.prompt_id,
           row_number() OVER (PARTITION BY tasks.id ORDER BY completions.id) - 1
    FROM tasks JOIN completions ON completions.prompt_id = tasks.prompt_id
    """,
    """
    INSERT INTO completion_authors (completion_id, checkpoint_id)
    SELECT shown.completion_id, checkpoints.id
    FROM task_completions AS shown
    JOIN checkpoints ON checkpoints.name = (CAST(:policies AS text[]))[1 + shown.position]
    """,
    """
    INSERT INTO completion_scores (completion_id, checkpoint_id, score)
    SELECT shown.completion_id, checkpoints.id, 1.5 - shown.position + shown.completion_id * 7919 % 40 / 10.0
    FROM task_completions AS shown JOIN checkpoints ON checkpoints.name = 'reward'
    """,
    """
    INSERT INTO assignments (task_id, labeler_id, state, shown_order, deadline, active_seconds)
    SELECT tasks.id, labelers.id, CASE WHEN (tasks.id * 3 + seat) % 50 = 0 THEN 'skipped' ELSE 'submitted' END,
           shown.ids, clock_timestamp(), 30 + (tasks.id + seat) % 90
    FROM tasks
    JOIN campaigns ON campaigns.id = tasks.campaign_id
    JOIN (
        SELECT task_id, array_agg(completion_id ORDER BY position) AS ids FROM task_completions GROUP BY task_id
    ) AS shown ON shown.task_id = tasks.id
    CROSS JOIN generate_series(0, :overlap - 1) AS seat
    JOIN (
        SELECT id, cohort, row_number() OVER (PARTITION BY cohort ORDER BY id) - 1 AS number,
               count(*) OVER (PARTITION BY cohort) AS all
        FROM users WHERE role = 'labeler'
    ) AS labelers ON labelers.cohort = campaigns.cohort AND labelers.number = (tasks.id * 7 + seat * 3) % labelers.all
    """,
    """
    INSERT INTO annotations (assignment_id, task_id, labeler_id, kind, cohort, simulated, form_version_id,
                             prompt_ratings, skip_reason, idempotency_key, seconds, created_at)
    SELECT assignments.id, assignments.task_id, assignments.labeler_id,
           CASE WHEN assignments.state = 'skipped' THEN 'skip' ELSE 'ranking' END, campaigns.cohort, false,
           campaigns.form_version_id, jsonb_build_object('ambiguous', assignments.id % 11 = 0),
           CASE WHEN assignments.state = 'skipped' THEN 'unclear' END, 'key', assignments.active_seconds,
           clock_timestamp() - (:annotations - assignments.id) * interval '1 year' / :annotations
    FROM assignments
    JOIN tasks ON tasks.id = assignments.task_id
    JOIN campaigns ON campaigns.id = tasks.campaign_id
    ORDER BY assignments.id
    """,
    """
    INSERT INTO annotated_outputs (annotation_id, completion_id, rank, ratings)
    SELECT said.id, shown.completion_id,
           (CAST(:orders AS integer[]))[said.chosen * :outputs + shown.position + 1],
           jsonb_build_object('overall', 2 + (said.task_id + said.id % 3 + shown.position) % 5,
                              'fails_instruction', (said.task_id * 31 + said.id % 2 + shown.position) % 4 = 0,
                              'hallucination', (said.task_id * 17 + shown.position * 5) % 9 < 3 - shown.position % 2)
    FROM (
        SELECT id, task_id, (CASE WHEN id * 31 % 5 < 3 THEN task_id ELSE id END) * 7919 % :choices AS chosen
        FROM annotations WHERE kind = 'ranking'
    ) AS said
    JOIN task_completions AS shown ON shown.task_id = said.task_id
    """,
]
# Ranks of the four outputs, later policies the better ones more often, some with ties.
ORDERS = [
    (4, 2, 1, 3), (4, 3, 1, 2), (3, 2, 1, 4), (3, 1, 2, 4), (2, 1, 1, 3), (4, 1, 2, 3), (1, 2, 3, 4), (3, 3, 1, 2),
    (2, 3, 1, 4), (4, 2, 3, 1), (3, 1, 1, 2), (2, 1, 4, 3),
]  # fmt: skip


def amass(engine: Engine, annotations: int) -> Project:
    """So many annotations, to a whole task. What refers to what holds by making, so foreign keys are not looked up."""
    with transaction(engine) as session:
        project = create_project(session, "A year's work", guidelines="Helpful first.")
        _hire(session)
        _plan(session, project)
        session.flush()
        connection = session.connection()
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        _fill(connection, project, annotations)
    tidy(engine)
    return project


def _hire(session: Session) -> None:
    for cohort, number in ((Cohort.TRAINING, TRAINING), (Cohort.HELD_OUT, HELD_OUT)):
        for each in range(1, number + 1):
            name = f"{cohort.value} {each}"
            create_user(
                session, name=name, email=f"{cohort.value}{each}@load.example", role=Role.LABELER, cohort=cohort
            )


def _plan(session: Session, project: Project) -> None:
    for number in range(1, CAMPAIGNS + 1):
        kind = CampaignKind.EVALUATE if number == CAMPAIGNS else CampaignKind.COMPARE
        cohort = Cohort.HELD_OUT if number == CAMPAIGNS else Cohort.TRAINING
        campaign = create_campaign(session, project, f"Campaign {number}", kind, overlap=OVERLAP, cohort=cohort)
        open_campaign(session, campaign)
        admit_cohort(session, campaign)


def _fill(connection: Connection, project: Project, annotations: int) -> None:
    sizes = {
        "project": project.id,
        "annotations": annotations,
        "tasks": annotations // OVERLAP,
        "overlap": OVERLAP,
        "outputs": OUTPUTS,
        "campaigns": CAMPAIGNS,
        "policies": POLICIES,
        "orders": [rank for order in ORDERS for rank in order],
        "choices": len(ORDERS),
    }
    for statement in STATEMENTS:
        connection.execute(text(statement), {name: value for name, value in sizes.items() if f":{name}" in statement})
        connection.execute(text("ANALYZE"))
