import pytest
from sqlalchemy import select

from app.evaluation.choosing import Chosen
from app.evaluation.policies import names_of
from app.evaluation.ratings import flag_rates, ratings, scale_means
from app.prompts.models import Prompt
from app.prompts.queries import use_cases_of
from tests.app.evaluation.judged import bring, judged
from tests.factories import make_project


@pytest.fixture
def project(session):
    """On the even prompts, which are of the use case "chat", the new policy is flagged and scored 2, else 6."""
    project = make_project(session)
    rows = []
    for n in range(10):
        ours = {"overall": 2 if n % 2 == 0 else 6, "hallucination": n % 2 == 0, "notes": "12"}
        ratings = [ours, {"overall": 4, "hallucination": False}]
        rows.append(judged(n, {"new": 1, "old": 2}, ratings=ratings, cohort="held_out"))
    bring(session, project, rows)
    for prompt in session.scalars(select(Prompt).where(Prompt.project_id == project.id)):
        even = int(prompt.messages[0]["content"].split()[1].rstrip("?")) % 2 == 0
        prompt.use_case = "chat" if even else "rewriting"
    session.flush()
    return project


def test_scales_have_a_mean_by_policy(session, project):
    found = scale_means(ratings(session, Chosen(project)))
    names = names_of(session, [each.policy for each in found])
    means = {(each.question, names[each.policy]): each.mean for each in found}
    assert set(means) == {("overall", "new"), ("overall", "old")}
    assert (means["overall", "new"].value, means["overall", "old"].value) == (4, 4)
    assert means["overall", "new"].low < 4 < means["overall", "new"].high
    assert means["overall", "old"].low == 4


def test_flags_have_a_rate_by_policy_and_use_case(session, project):
    found = flag_rates(ratings(session, Chosen(project)))
    names = names_of(session, [each.policy for each in found])
    rates = {(names[each.policy], each.use_case): each.mean.value for each in found}
    assert rates == {
        ("new", None): 0.5, ("new", "chat"): 1, ("new", "rewriting"): 0,
        ("old", None): 0, ("old", "chat"): 0, ("old", "rewriting"): 0,
    }  # fmt: skip


def test_one_use_case_is_not_told_twice(session, project):
    found = flag_rates(ratings(session, Chosen(project, use_case="chat")))
    assert {each.use_case for each in found} == {None}
    assert use_cases_of(session, project) == ["chat", "rewriting"]
