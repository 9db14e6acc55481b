"""Coefficients against the libraries that others trust, and against examples that their authors print."""

import krippendorff
import numpy as np
import pytest
from scipy.stats import kendalltau
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa

from app.quality.agreement.coefficients import (
    FLEISS_KAPPA,
    GWET_AC1,
    RAW_AGREEMENT,
    Undefined,
    cohen_features,
    cohen_kappa,
    figure,
    interval_distances,
    krippendorff_alpha,
    nominal_distances,
    ordinal_distances,
)
from app.quality.agreement.pairs import (
    FIRST,
    HALF_TIES_AGREEMENT,
    SECOND,
    STRICT_AGREEMENT,
    TIE,
    WMT_KAPPA,
    mean_tau,
    tau_b,
    verdicts,
    wmt_chance,
)

VALUES = np.arange(1.0, 6.0)
LEVELS = {
    "nominal": nominal_distances,
    "ordinal": ordinal_distances,
    "interval": interval_distances(VALUES),
}


def ratings(seed: int, *, missing: float, items: int = 60, raters: int = 7) -> np.ndarray:
    """[raters, items] of 1 to 5 round a true value, with holes (not a number)."""
    random = np.random.default_rng(seed)
    truth = random.integers(1, 6, items)
    said = np.clip(truth + random.integers(-1, 2, (raters, items)), 1, 5).astype(float)
    said[random.random((raters, items)) < missing] = np.nan
    return said


def counts_of(said: np.ndarray) -> np.ndarray:
    return np.stack([(said == value).sum(axis=0) for value in VALUES], axis=1).astype(float)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("missing", [0.0, 0.3, 0.8])
def test_alpha_is_krippendorffs_with_raters_missing_anywhere(level: str, missing: float) -> None:
    for seed in range(5):
        said = ratings(seed, missing=missing)
        expected = krippendorff.alpha(reliability_data=said, level_of_measurement=level, value_domain=list(VALUES))
        assert krippendorff_alpha(LEVELS[level]).of(counts_of(said)) == pytest.approx(expected, abs=1e-12)


def test_alpha_of_krippendorffs_own_example() -> None:
    """Computing Krippendorff's Alpha-Reliability (2011), example C: four observers, twelve units, holes."""
    hole = np.nan
    said = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, hole, hole, hole],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, hole, 3],
            [hole, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, hole],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, hole],
        ]
    )
    found = {level: krippendorff_alpha(distances).of(counts_of(said)) for level, distances in LEVELS.items()}
    assert found == pytest.approx({"nominal": 0.743, "ordinal": 0.815, "interval": 0.849}, abs=5e-4)


def test_fleiss_is_fleiss_where_every_item_has_as_many_raters() -> None:
    for seed in range(5):
        counts = counts_of(ratings(seed, missing=0))
        assert FLEISS_KAPPA.of(counts) == pytest.approx(fleiss_kappa(counts), abs=1e-12)


def test_cohen_is_cohen() -> None:
    said = ratings(1, missing=0).astype(int) - 1
    features = cohen_features(said[0], said[1], 5)
    table = features.sum(axis=0).reshape(5, 5)
    assert float(cohen_kappa(features.sum(axis=0))) == pytest.approx(cohens_kappa(table).kappa, abs=1e-12)


def test_ac1_of_gwets_table() -> None:
    """Handbook of Inter-Rater Reliability, table 2.1's shape: 118 both yes, 5 and 2 apart, 0 both no."""
    counts = np.array([[2, 0]] * 118 + [[1, 1]] * 7, dtype=float)
    observed = 118 / 125
    chance = 2 * (243 / 250) * (7 / 250)
    assert GWET_AC1.of(counts) == pytest.approx((observed - chance) / (1 - chance))
    assert GWET_AC1.of(counts) > 0.94 > 0 > FLEISS_KAPPA.of(counts), "the paradox that AC1 was made for"


def test_ac1_counts_labels_that_nobody_gave_and_items_of_a_single_rater() -> None:
    two = np.array([[2, 0], [1, 1], [0, 2], [1, 0]], dtype=float)
    three = np.column_stack([two, np.zeros(4)])
    shares = np.array([(1 + 0.5 + 0 + 1) / 4, (0 + 0.5 + 1 + 0) / 4])
    chance = (shares * (1 - shares)).sum()
    assert GWET_AC1.of(two) == pytest.approx((2 / 3 - chance) / (1 - chance))
    assert GWET_AC1.of(three) == pytest.approx((2 / 3 - chance / 2) / (1 - chance / 2))


def test_tau_b_is_kendalls_with_ties() -> None:
    random = np.random.default_rng(3)
    ranks = random.integers(1, 5, (6, 7))
    found = tau_b(verdicts(ranks))
    expected = [kendalltau(ranks[i], ranks[j]).statistic for i in range(6) for j in range(i + 1, 6)]
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_ranking_that_ties_everything_has_no_tau_and_is_left_out_of_the_mean() -> None:
    taus = tau_b(verdicts(np.array([[1, 1, 1], [1, 2, 3], [1, 2, 3]])))
    assert np.isnan(taus[:2]).all()
    found = mean_tau(taus, np.zeros(3, dtype=np.int64))
    assert (found.value, found.comparisons) == (pytest.approx(1), 1)


def counts_of_votes(*votes: tuple[int, ...]) -> np.ndarray:
    return np.array([[list(each).count(label) for label in (FIRST, TIE, SECOND)] for each in votes], dtype=float)


@pytest.mark.parametrize(
    ("votes", "strict", "half", "same"),
    [
        ((FIRST, FIRST), 1, 1, 1),
        ((FIRST, SECOND), 0, 0, 0),
        ((TIE, TIE), None, 1, 1),
        ((FIRST, TIE), None, 0.5, 0),
        ((FIRST, FIRST, SECOND), 1 / 3, 1 / 3, 1 / 3),
        ((FIRST, TIE, SECOND, SECOND), 1 / 3, 2.5 / 6, 1 / 6),
    ],
)
def test_ties_count_by_the_rule_that_is_stated(
    votes: tuple[int, ...], strict: float | None, half: float, same: float
) -> None:
    counts, prompt = counts_of_votes(votes), np.zeros(1, dtype=np.int64)
    found = [figure(rule, counts, prompt) for rule in (STRICT_AGREEMENT, HALF_TIES_AGREEMENT, RAW_AGREEMENT)]
    assert [each.value for each in found] == [
        pytest.approx(value) if value is not None else None for value in (strict, half, same)
    ]
    assert found[0].undefined is (Undefined.ALL_TIED if strict is None else None)


def test_wmts_chance_is_of_all_judgements_also_of_pairs_judged_once() -> None:
    counts = counts_of_votes((FIRST, FIRST, TIE), (TIE,), (SECOND,))
    ties = 2 / 5
    chance = ties**2 + (1 - ties) ** 2 / 2
    assert wmt_chance(counts) == pytest.approx(chance)
    assert WMT_KAPPA.of(counts) == pytest.approx((1 / 3 - chance) / (1 - chance))


ONE_PROMPT_EACH = np.arange(20)


@pytest.mark.parametrize("coefficient", [FLEISS_KAPPA, krippendorff_alpha(nominal_distances), WMT_KAPPA])
def test_constant_labels_leave_a_coefficient_undefined_and_say_so(coefficient) -> None:  # type: ignore[no-untyped-def]
    ties = counts_of_votes(*[(TIE, TIE, TIE)] * 20)
    found = figure(coefficient, ties, ONE_PROMPT_EACH)
    assert (found.value, found.low, found.undefined) == (None, None, Undefined.CONSTANT)
    assert (found.items, found.comparisons) == (20, 60)


@pytest.mark.parametrize("coefficient", [RAW_AGREEMENT, FLEISS_KAPPA, GWET_AC1, STRICT_AGREEMENT, WMT_KAPPA])
def test_where_nothing_was_judged_twice_nothing_is_said(coefficient) -> None:  # type: ignore[no-untyped-def]
    found = figure(coefficient, counts_of_votes(*[(FIRST,)] * 20), ONE_PROMPT_EACH)
    assert (found.value, found.undefined) == (None, Undefined.NOTHING_SHARED)


def test_two_raters_who_always_say_the_same_one_thing_have_no_kappa() -> None:
    same = np.ones(30, dtype=np.int64)
    assert np.isnan(cohen_kappa(cohen_features(same, same, 3).sum(axis=0)))
