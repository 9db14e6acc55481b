import pytest

from app.checkpoints.service import named
from app.evaluation.choosing import Chosen
from app.evaluation.policies import against_baseline, duels, names_of, strengths_by_voice
from tests.app.evaluation.judged import bring, judged
from tests.factories import make_project

PROMPTS = 12


@pytest.fixture
def project(session):
    """Held-out labelers prefer the new policy on 9 of 12 prompts, tie on 1; a judge always prefers the old one."""
    project = make_project(session)
    ranks = (
        [{"old": 2, "new": 1, "third": 3}] * 9
        + [{"old": 1, "new": 1, "third": 2}]
        + [{"old": 1, "new": 2, "third": 3}] * 2
    )
    people = [judged(n, each, cohort="held_out") for n, each in enumerate(ranks)]
    judge = [judged(n, {"old": 1, "new": 2}, simulated=True, labeler="gpt") for n in range(PROMPTS)]
    bring(session, project, people, "people")
    bring(session, project, judge, "judge")
    return project


def number(session, project, name):
    return named(session, project, name).id


def test_each_voice_has_its_own_win_rate(session, project):
    old, new = (number(session, project, name) for name in ("old", "new"))
    found = duels(session, Chosen(project))
    by_voice = {each.voice.rpartition("/")[2]: each.rate for each in against_baseline(found, old) if each.policy == new}
    assert (by_voice["held_out"].wins, by_voice["held_out"].ties, by_voice["held_out"].losses) == (9, 1, 2)
    assert by_voice["held_out"].rate == pytest.approx(9.5 / 12)
    assert (by_voice["gpt"].wins, by_voice["gpt"].losses) == (0, PROMPTS)


def test_a_cohort_can_be_asked_for_alone(session, project):
    assert {each.voice for each in duels(session, Chosen(project, cohort="held_out"))} == {"held_out"}


def test_the_baseline_and_the_policy_see_the_same_verdicts(session, project):
    old, new = (number(session, project, name) for name in ("old", "new"))
    found = duels(session, Chosen(project, cohort="held_out"))
    (ours,) = (each.rate for each in against_baseline(found, old) if each.policy == new)
    (theirs,) = (each.rate for each in against_baseline(found, new) if each.policy == old)
    assert (ours.wins, ours.losses, ours.rate) == (theirs.losses, theirs.wins, 1 - theirs.rate)


def test_strengths_order_all_policies_as_people_do(session, project):
    fitted = strengths_by_voice(duels(session, Chosen(project)), number(session, project, "old"))["held_out"]
    names = names_of(session, [each.policy for each in fitted.policies])
    order = [names[each.policy] for each in sorted(fitted.policies, key=lambda each: -each.value)]
    assert order == ["new", "old", "third"]


def test_a_text_that_both_wrote_is_a_tie_between_them(session):
    project = make_project(session)
    shared = judged(1, {"old": 1, "third": 2}) | {"authors": [["old", "new"], ["third"]]}
    bring(session, project, [shared])
    old = number(session, project, "old")
    (tie,) = (each.rate for each in against_baseline(duels(session, Chosen(project)), old) if each.rate.ties)
    assert (tie.wins, tie.ties, tie.losses) == (0, 1, 0)


def test_length_is_that_of_the_texts(session):
    project = make_project(session)
    bring(session, project, [judged(1, {"old": 2, "new": 1}, texts={"old": "short", "new": "much longer"})])
    (duel,) = duels(session, Chosen(project))
    assert duel.longer_by == (len("short") - len("much longer")) * (
        1 if duel.first == number(session, project, "old") else -1
    )
