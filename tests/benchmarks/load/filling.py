"""A campaign of very many comparisons of nine different Markdown texts of 100 words each, made inside the database.

A text is three of some hundred paragraphs of 33 words and its own number, so that no two are equal, and nothing that
was made for one is of use for another.
"""

from random import Random

from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.accounts.passwords import hash_password
from app.accounts.service import create_user
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.service import create_campaign, open_campaign
from app.db import transaction
from app.projects.service import create_project
from app.quality.membership import admit_cohort
from app.web.formatting import formatted

PASSWORD = "a password for labelers under load"
PARAGRAPHS = 300
TALE = (
    "the river mill serves cheap english food near a café where children are welcome and every guest who books early "
    "gets the quiet table by the window while rain falls on old stones of its garden until lamps go out at ten"
)
GUIDELINES = "Helpful first, then *true*, then **harmless**.\n\n- Tie what is alike.\n- Skip what you cannot judge.\n"

MAKE_PROMPTS = text("""
    INSERT INTO prompts (project_id, messages, digest, source, split, external_id)
    SELECT :project, jsonb_build_array(jsonb_build_object('role', 'user', 'content', said.content)),
           sha256(convert_to(said.content, 'UTF8')), 'imported', 'train', 'load-' || said.number
    FROM (
        SELECT task AS number, 'Question ' || task || ': ' || paragraphs.words AS content
        FROM generate_series(1, :tasks) AS task JOIN paragraphs ON paragraphs.number = task % :paragraphs
    ) AS said
""")
MAKE_COMPLETIONS = text("""
    INSERT INTO completions (prompt_id, text, digest)
    SELECT said.prompt_id, said.words, sha256(convert_to('text:' || said.words, 'UTF8'))
    FROM (
        SELECT prompts.id AS prompt_id,
               'Answer' || prompts.id * 10 + place || chr(10) || chr(10) || first.words || chr(10) || chr(10)
                   || second.listed || chr(10) || third.marked AS words
        FROM prompts
        CROSS JOIN generate_series(1, :outputs) AS place
        JOIN paragraphs AS first ON first.number = (prompts.id * 7 + place * 31) % :paragraphs
        JOIN paragraphs AS second ON second.number = (prompts.id * 11 + place * 37) % :paragraphs
        JOIN paragraphs AS third ON third.number = (prompts.id * 13 + place * 41) % :paragraphs
        WHERE prompts.project_id = :project
    ) AS said
""")
MAKE_TASKS = text("""
    INSERT INTO tasks (campaign_id, kind, prompt_id, overlap, remaining)
    SELECT :campaign, 'compare', id, :overlap, :overlap FROM prompts WHERE project_id = :project
""")
MAKE_OUTPUTS = text("""
    INSERT INTO task_completions (task_id, completion_id, prompt_id, position)
    SELECT tasks.id, completions.id, tasks.prompt_id,
           row_number() OVER (PARTITION BY tasks.id ORDER BY completions.id) - 1
    FROM tasks JOIN completions ON completions.prompt_id = tasks.prompt_id
    WHERE tasks.campaign_id = :campaign
""")


def make_campaign(engine: Engine, labelers: int, tasks: int, overlap: int, outputs: int) -> tuple[int, list[str]]:
    """The number of an open campaign that everybody is admitted to, and the labelers' addresses."""
    with transaction(engine) as session:
        emails = [labeler.email or "" for labeler in _hire(session, labelers)]
        project = create_project(session, "Load", guidelines=GUIDELINES)
        campaign = create_campaign(session, project, "Under load", CampaignKind.COMPARE, overlap=overlap)
        _fill(session.connection(), campaign, tasks, outputs)
        open_campaign(session, campaign)
        admit_cohort(session, campaign)
        number = campaign.id
    for _ in formatted(engine):  # as a worker does when a campaign opens
        pass
    tidy(engine)
    return number, emails


def tidy(engine: Engine) -> None:
    """What autovacuum would come round to after so many changes at once."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))
        connection.execute(text("CHECKPOINT"))


def _hire(session: Session, number: int) -> list[User]:
    """All with one password, hashed once."""
    hashed = hash_password(PASSWORD)
    names = [f"Labeler {each}" for each in range(1, number + 1)]
    hired = [
        create_user(session, name=name, email=f"labeler{each}@load.example", role=Role.LABELER)
        for each, name in enumerate(names, start=1)
    ]
    for labeler in hired:
        labeler.password_hash = hashed
    session.flush()
    return hired


def _fill(connection: Connection, campaign: Campaign, tasks: int, outputs: int) -> None:
    connection.execute(
        text("CREATE TEMPORARY TABLE paragraphs (number bigint, words text, listed text, marked text) ON COMMIT DROP")
    )
    random = Random(9)
    rows = [
        {"number": number, "words": _prose(random), "listed": _list(random), "marked": _marked(random)}
        for number in range(PARAGRAPHS)
    ]
    connection.execute(text("INSERT INTO paragraphs VALUES (:number, :words, :listed, :marked)"), rows)
    sizes = {"tasks": tasks, "outputs": outputs, "paragraphs": PARAGRAPHS, "overlap": campaign.overlap}
    for statement in (MAKE_PROMPTS, MAKE_COMPLETIONS, MAKE_TASKS, MAKE_OUTPUTS):
        connection.execute(statement, {**sizes, "project": campaign.project_id, "campaign": campaign.id})


def _prose(random: Random) -> str:
    return _sentence(random, 33)


def _list(random: Random) -> str:
    return "".join(f"- {_sentence(random, 11)}\n" for _ in range(3))


def _marked(random: Random) -> str:
    """With strong words, code and a link."""
    words = _sentence(random, 33).split()
    words[4], words[11] = f"**{words[4]}", f"{words[11]}**"
    words[17], words[24] = f"`{words[17]}`", f"[{words[24]}](https://example.org/{words[24]})"
    return " ".join(words)


def _sentence(random: Random, words: int) -> str:
    return " ".join(random.choices(TALE.split(), k=words)).capitalize() + "."
