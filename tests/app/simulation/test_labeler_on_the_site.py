"""Simulated labelers on the real site: a socket, the real pages, a database of their own."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.accounts.links import make_user_link
from app.accounts.models import LinkPurpose, Origin, Role, User
from app.accounts.service import create_user
from app.annotations.models import AnnotatedOutput, Annotation
from app.annotations.ranking import dense_ranks
from app.campaigns.models import CampaignKind
from app.campaigns.service import open_campaign
from app.completions.models import Completion
from app.config import Settings
from app.main import create_app
from app.projects.models import GuidelinesAcknowledgement, Project
from app.quality.membership import admit_cohort
from app.simulation.corpus import Corpus, make_corpus
from app.simulation.facts import Checker, Facts
from app.simulation.grammar import describe
from app.simulation.labeler import Account, Mind, work
from app.simulation.taste import Taste
from app.tasks.service import add_compare_tasks, add_demonstrate_tasks
from tests.factories import make_campaign, make_completion, make_labeler, make_project, make_prompt

PASSWORD = "correct horse battery"


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The address at which a thread serves the application, for the time of the block."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def site(fresh_database: Engine) -> Iterator[str]:
    with serving(create_app(Settings(), fresh_database)) as url:
        yield url


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(seed=2, places=40, texts_each=1, loose_texts=0)


def mind_of(corpus: Corpus) -> Mind:
    def write(facts: Facts, labeler: str) -> str:
        return f"{describe(facts, Random(0))}\nThat is all, says {labeler}."

    return Mind(Taste(Checker(corpus.known), seed=4, noise=0), write)


def make_accounts(session: Session, site: str, number: int) -> list[Account]:
    """The first signs in with a password, the others by a link."""
    first = create_user(session, name="P", email="p@example.org", role=Role.LABELER, password=PASSWORD)
    others = [make_labeler(session, origin=Origin.SIMULATED) for _ in range(number - 1)]
    links = [f"{site}/sign-in/once/{make_user_link(session, LinkPurpose.SIGN_IN, other)}" for other in others]
    accounts = [Account(str(other.email), link=link) for other, link in zip(others, links, strict=True)]
    return [Account(str(first.email), PASSWORD), *accounts]


def open_for_all(session: Session, kind: CampaignKind, project: Project, corpus: Corpus, overlap: int) -> None:
    """Six tasks. To compare: texts with every fact, without the last, and without the last two."""
    campaign = make_campaign(session, kind, project=project, overlap=overlap)
    places = corpus.train[:6]
    prompts = [make_prompt(session, project, str(facts)) for facts in places]
    if kind is CampaignKind.DEMONSTRATE:
        add_demonstrate_tasks(session, campaign, prompts)
    else:
        kept = [[Facts(facts.values[: len(facts) - less]) for less in (0, 1, 1, 2)] for facts in places]
        texts = [[describe(facts, Random(number)) for number, facts in enumerate(group)] for group in kept]
        outputs = [
            [make_completion(session, p, text) for text in group] for p, group in zip(prompts, texts, strict=True)
        ]
        add_compare_tasks(session, campaign, zip(prompts, outputs, strict=True))
    open_campaign(session, campaign)
    admit_cohort(session, campaign)


def test_a_crew_ranks_by_errors_with_ties_through_the_pages(site: str, fresh_database: Engine, corpus: Corpus) -> None:
    with Session(fresh_database) as session, session.begin():
        accounts = make_accounts(session, site, 3)
        open_for_all(session, CampaignKind.COMPARE, make_project(session), corpus, overlap=2)
    ticks: list[None] = []
    did = work(site, accounts, mind_of(corpus), lambda: ticks.append(None))
    assert sum(did.tasks.values()) == len(ticks) == 12
    with Session(fresh_database) as session:
        rankings = session.scalars(select(Annotation)).all()
        assert set(Counter(ranking.task_id for ranking in rankings).values()) == {2}
        people = {user.id: user.origin for user in session.scalars(select(User))}
        for ranking in rankings:
            assert ranking.simulated == (people[ranking.labeler_id] is Origin.SIMULATED)
            assert ranks_in_order_written(session, ranking) == [1, 2, 2, 3]


def ranks_in_order_written(session: Session, ranking: Annotation) -> list[int]:
    query = select(AnnotatedOutput).where(AnnotatedOutput.annotation_id == ranking.id)
    outputs = session.scalars(query.order_by(AnnotatedOutput.completion_id)).all()
    ranks = [output.rank or 0 for output in outputs]
    assert ranks == dense_ranks([-output.ratings["overall"] for output in outputs])
    return ranks


def test_a_crew_reads_the_guidelines_and_writes_through_the_pages(
    site: str, fresh_database: Engine, corpus: Corpus
) -> None:
    with Session(fresh_database) as session, session.begin():
        accounts = make_accounts(session, site, 2)
        open_for_all(
            session, CampaignKind.DEMONSTRATE, make_project(session, guidelines="Be brief."), corpus, overlap=1
        )
    did = work(site, accounts, mind_of(corpus), lambda: None)
    assert sum(did.tasks.values()) == 6
    with Session(fresh_database) as session:
        written = set(session.scalars(select(Completion.text)))
        told = {describe(facts, Random(0)) for facts in corpus.train[:6]}
        assert {str(text).split("\n")[0] for text in written} == told
        readers = set(session.scalars(select(GuidelinesAcknowledgement.user_id)))
        assert readers >= set(session.scalars(select(Annotation.labeler_id)))
