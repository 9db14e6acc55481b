"""Ratings beside the ranking: what is learned of them, with answers known beforehand."""

import math
from dataclasses import replace

import pytest
import torch

from tests.trainer.tiny import make_group
from trainer.config import BadSetting
from trainer.groups import RankedGroup, rated_alone
from trainer.ratings import Attribute, attributes_of, from_text, learnable, ratings_loss, targets, to_text, told
from trainer.reward_measures import area_under_curve, measures_of_ratings

FLAG, NUMBER = Attribute("made_up", "flag"), Attribute("overall", "number", mean=4.0, spread=2.0)


def rated(*ratings: dict[str, float]) -> RankedGroup:
    ranks = range(1, len(ratings) + 1)
    return replace(make_group(ranks, lengths=[2] * len(ratings)), ratings=tuple(ratings))


def test_flags_and_numbers_are_found_with_their_mean_and_spread() -> None:
    groups = [rated({"overall": 2, "made_up": True}, {"overall": 6}), make_group()]
    assert attributes_of("all", groups) == (FLAG, NUMBER)
    assert attributes_of("overall, made_up", groups) == (NUMBER, FLAG)


def test_a_number_that_never_differs_is_not_divided_by_nothing() -> None:
    (attribute,) = attributes_of("overall", [rated({"overall": 3}, {"overall": 3})])
    assert attribute.spread == 1.0
    assert targets([attribute], [rated({"overall": 3})]).tolist() == [[0.0]]


@pytest.mark.parametrize(("asked", "groups"), [("harm", [rated({"overall": 3})]), ("all", [make_group()])])
def test_a_rating_that_nobody_gave_is_refused(asked: str, groups: list[RankedGroup]) -> None:
    with pytest.raises(BadSetting, match="which no output of the split train has") as caught:
        attributes_of(asked, groups)
    assert caught.value.name == "ratings"


def test_words_and_what_is_no_number_are_not_learned() -> None:
    assert learnable({"overall": 3, "made_up": False, "notes": "hm", "bad": math.nan, "worse": math.inf}) == {
        "overall": 3,
        "made_up": False,
    }


def test_targets_are_standardised_and_missing_ones_are_no_number() -> None:
    found = targets([FLAG, NUMBER], [rated({"overall": 6, "made_up": True}, {}), make_group((1,), lengths=(2,))])
    assert found[0].tolist() == [1.0, 1.0]
    assert found[1:].isnan().all()


def test_the_loss_is_squared_error_of_numbers_and_cross_entropy_of_flags() -> None:
    outputs = torch.tensor([[math.log(3), 0.5], [0.0, 7.0]])
    wanted = torch.tensor([[1.0, -1.0], [math.nan, math.nan]])
    assert float(ratings_loss(outputs, wanted, [FLAG, NUMBER])) == pytest.approx(-math.log(0.75) + 1.5**2)


def test_a_missing_rating_has_no_gradient() -> None:
    outputs = torch.randn(3, 2, requires_grad=True)
    wanted = torch.tensor([[1.0, math.nan], [math.nan, 0.3], [math.nan, math.nan]])
    ratings_loss(outputs, wanted, [FLAG, NUMBER]).backward()
    assert ((outputs.grad != 0) == wanted.isfinite()).all()


def test_what_is_told_is_in_the_units_of_the_ratings() -> None:
    (row,) = told(torch.tensor([[math.log(3), 0.5]]), [FLAG, NUMBER])
    assert row == {"made_up": pytest.approx(0.75), "overall": pytest.approx(5.0)}
    assert told(torch.zeros(2, 0), []) == [{}, {}]


def test_attributes_survive_as_text() -> None:
    assert from_text(to_text([FLAG, replace(NUMBER, mean=1 / 3)])) == (FLAG, replace(NUMBER, mean=1 / 3))


def test_rated_outputs_alone_are_compared_with_nothing() -> None:
    group = rated({"overall": 3}, {}, {"overall": 5})
    alone = rated_alone(group)
    assert [single.completion_ids for single in alone] == [(group.completion_ids[0],), (group.completion_ids[2],)]
    assert [single.ratings for single in alone] == [({"overall": 3},), ({"overall": 5},)]


def test_the_area_under_the_curve_is_the_chance_of_the_right_order() -> None:
    scores, flags = torch.tensor([3.0, 1.0, 2.0, 1.0]), torch.tensor([1.0, 1.0, 0.0, 0.0])
    assert area_under_curve(scores, flags) == pytest.approx((2 + 0.5) / 4)
    assert area_under_curve(scores, torch.zeros(4)) is None


def test_measures_leave_out_what_was_not_rated() -> None:
    outputs = torch.tensor([[2.0, 1.0], [-1.0, 2.0], [9.0, -9.0]])
    wanted = torch.tensor([[1.0, 1.0], [0.0, 2.0], [math.nan, math.nan]])
    assert measures_of_ratings(outputs, wanted, [FLAG, NUMBER]) == {
        "made_up": {"rated": 2, "auc": 1.0},
        "overall": {"rated": 2, "correlation": 1.0},
    }
