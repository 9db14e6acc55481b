"""How long do pages take that look at a year's work: a million annotations?

    python -m tests.benchmarks.dashboards

An embedded database with that many rankings, `rondo serve` in one process, and people on a real socket who open every
page that looks at more than one task: a researcher, an admin and a labeler who has answered most. Every page is opened
three times; the first counts like the others, so that nothing has to be warm. Filling the database counts for nothing.

The last line is one JSON object: how many annotations there are, and the milliseconds of the slowest answer.
"""

import argparse
import http.client
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

import app.tables  # noqa: F401  (models name each other's tables)
from app.accounts.models import Role, User
from app.accounts.service import create_user
from app.accounts.sessions import begin_session
from app.annotations.models import Annotation
from app.campaigns.models import Campaign
from app.config import Settings
from app.db import transaction
from app.projects.models import Project
from app.prompts.models import Prompt
from app.storage import storage
from app.tasks.models import Task
from tests.benchmarks.load.amassing import amass
from tests.benchmarks.load.serving import Served, serving

OPENED = 3


@dataclass(frozen=True)
class Reader:
    """Somebody signed in, and the addresses that they open."""

    name: str
    token: str
    paths: list[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotations", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="keep the database here, and take it from here where it is")
    given = parser.parse_args()
    with _home(given.home) as home, storage(settings := Settings(home=home)) as engine:
        project = filled(engine, given.annotations)
        with transaction(engine) as session:
            readers = list(readers_of(session, session.merge(project)))
            annotations = session.scalar(select(func.count()).select_from(Annotation))
        with serving(settings, "--processes", "1", "--no-worker") as served:
            slowest = max(measure(served, reader) for reader in readers)
    print(json.dumps({"annotations": annotations, "slowest_ms": round(1000 * slowest)}))


@contextmanager
def _home(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
    else:
        with tempfile.TemporaryDirectory(prefix="rondo-dashboards-") as home:
            yield Path(home)


def filled(engine: Engine, annotations: int) -> Project:
    started = time.monotonic()
    with transaction(engine) as session:
        project = session.scalars(select(Project)).first()
    project = project or amass(engine, annotations)
    print(f"filled in {time.monotonic() - started:.0f} s", flush=True)
    return project


def readers_of(session: Session, project: Project) -> Iterator[Reader]:
    """Those who look at work, each signed in anew."""
    of_project = f"?project={project.id}"
    first, *_, last = session.scalars(
        select(Campaign.id).where(Campaign.project_id == project.id).order_by(Campaign.id)
    )
    prompt, task = session.scalar(select(func.min(Prompt.id))), session.scalar(select(func.min(Task.id)))
    busiest = session.scalars(
        select(User).join(Annotation, Annotation.labeler_id == User.id).group_by(User.id).order_by(func.count().desc())
    ).first()
    assert busiest is not None
    researcher = [
        "/projects", f"/projects/{project.id}", f"/reports{of_project}", "/prompts", f"/prompts{of_project}",
        "/prompts?words=nowhere", f"/prompts/{prompt}", "/campaigns", f"/campaigns/{first}", f"/campaigns/{last}",
        f"/campaigns/{first}/tasks", f"/campaigns/new{of_project}&kind=compare", f"/tasks/{task}",
        f"/agreement{of_project}", f"/agreement{of_project}&campaign={first}",
        f"/agreement{of_project}&cohort=held_out", f"/agreement{of_project}&use_case=chat",
        f"/agreement/tables.json{of_project}", f"/evaluation{of_project}", f"/evaluation{of_project}&campaign={first}",
        f"/evaluation{of_project}&use_case=chat", f"/evaluation/tables.json{of_project}", f"/exports{of_project}",
        "/labelers", f"/labelers?campaign={first}", f"/labelers/{busiest.id}", f"/gold?campaign={first}",
        f"/review{of_project}", f"/review{of_project}&order=disagreements", f"/review/decisions{of_project}",
        "/datasets", f"/datasets/new{of_project}", "/checkpoints", "/rounds",
    ]  # fmt: skip
    yield Reader("researcher", _signed_in(session, Role.RESEARCHER), researcher)
    yield Reader(
        "admin", _signed_in(session, Role.ADMIN), ["/users", f"/users/{busiest.id}", f"/rounds/new{of_project}"]
    )
    yield Reader("labeler", begin_session(session, busiest), ["/tasks", "/history", "/account"])


def _signed_in(session: Session, role: Role) -> str:
    email = f"{role.value}{session.scalar(select(func.max(User.id)))}@load.example"
    return begin_session(session, create_user(session, name=role.value, email=email, role=role))


def measure(served: Served, reader: Reader) -> float:
    """Seconds of the slowest answer."""
    slowest = 0.0
    for path in reader.paths:
        taken = [opened(served, reader.token, path) for _ in range(OPENED)]
        print(f"{reader.name:>10} {path:<52} " + " ".join(f"{1000 * each:7.0f} ms" for each in taken), flush=True)
        slowest = max(slowest, *taken)
    return slowest


def opened(served: Served, token: str, path: str) -> float:
    """Seconds from the request to the last byte."""
    connection = http.client.HTTPConnection(served.host, served.port)
    started = time.monotonic()
    connection.request("GET", path, headers={"Cookie": f"rondo-session={token}"})
    answer = connection.getresponse()
    answer.read()
    taken = time.monotonic() - started
    connection.close()
    if answer.status != http.client.OK:
        raise SystemExit(f"{path} answered {answer.status}")
    return taken


if __name__ == "__main__":
    main()
