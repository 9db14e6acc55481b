"""What the demo starts from."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin, Role
from app.annotations.models import Annotation, AnnotationKind
from app.campaigns.models import Campaign, CampaignState
from app.demo.setting_up import CREW, crew_of, set_up, visitors_links
from app.projects.models import Project
from app.prompts.models import Prompt, Split
from app.simulation.corpus import make_corpus
from app.tasks.models import Task

CORPUS = make_corpus(seed=3, places=30, texts_each=2, loose_texts=0)


def test_every_place_is_a_prompt_in_the_split_that_the_corpus_gave_it(session: Session) -> None:
    setting = set_up(session, CORPUS, by_labelers=4)
    rows = session.execute(
        select(Prompt.split, func.count()).where(Prompt.project_id == setting.project_id).group_by(Prompt.split)
    )
    assert dict(rows.all()) == {
        Split.TRAIN: len(CORPUS.train),
        Split.VALIDATION: len(CORPUS.validation),
        Split.TEST: len(CORPUS.held_out),
    }


def test_what_labelers_will_write_is_not_imported(session: Session) -> None:
    setting = set_up(session, CORPUS, by_labelers=4)
    imported = session.scalar(select(func.count()).where(Annotation.kind == AnnotationKind.DEMONSTRATION))
    assert imported == len(CORPUS.demonstrations) - 4
    assert session.scalar(select(func.count()).where(Task.campaign_id == setting.campaign_id)) == 4
    assert session.get_one(Campaign, setting.campaign_id).state is CampaignState.OPEN
    assert {one.text for one in CORPUS.demonstrations} >= set(setting.unwritten.values())


def test_simulated_labelers_are_marked_and_belong_to_their_project(session: Session) -> None:
    first, second = set_up(session, CORPUS, 1), set_up(session, CORPUS, 1)
    for setting in (first, second):
        for cohort, number in CREW.items():
            crew = crew_of(session, setting.project_id, cohort)
            assert len(crew) == number
            assert {labeler.origin for labeler in crew} == {Origin.SIMULATED}
            assert {labeler.cohort for labeler in crew} == {cohort}
    assert not set(crew_of(session, first.project_id, Cohort.TRAINING)) & set(
        crew_of(session, second.project_id, Cohort.TRAINING)
    )
    assert session.scalars(select(Project.name).order_by(Project.id)).all() == ["Restaurants", "Restaurants 2"]


def test_the_reader_gets_a_link_for_each_role_and_keeps_the_accounts(session: Session) -> None:
    first, second = (visitors_links(session, "http://127.0.0.1:1") for _ in range(2))
    assert set(first) == set(Role)
    assert all(link.startswith("http://127.0.0.1:1/sign-in/once/") for link in first.values())
    assert not set(first.values()) & set(second.values())
