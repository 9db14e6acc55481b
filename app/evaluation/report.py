"""Everything that is known of a project's policies and reward models, as tables."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from app.errors import message
from app.evaluation.choosing import Chosen
from app.evaluation.clusters import FEWEST_PROMPTS, Mean
from app.evaluation.cross_validation.report import cross_validation_tables
from app.evaluation.length_control import ControlledRate
from app.evaluation.policies import (
    AgainstBaseline,
    Duel,
    against_baseline,
    compared,
    duels,
    names_of,
    strengths_by_voice,
)
from app.evaluation.ratings import RatingMean, flag_rates, ratings, scale_means
from app.evaluation.reward_models import accuracies, calibration, disagreements, scored_pairs
from app.evaluation.tables import Cell, Column, Format, Table

ALL_USE_CASES = "*"

Names = Mapping[int, str]
POLICY, VOICE = Column("policy", message("Policy")), Column("judged_by", message("Judged by"))
MODEL = Column("reward_model", message("Reward model"))
INTERVAL = Column("low", message("From (95 %)"), Format.SHARE), Column("high", message("To (95 %)"), Format.SHARE)
NUMBERS = Column("low", message("From (95 %)"), Format.NUMBER), Column("high", message("To (95 %)"), Format.NUMBER)
PROMPTS = Column("prompts", message("Prompts"), Format.COUNT)
VERDICTS = Column("verdicts", message("Verdicts"), Format.COUNT)
JUDGED = Column("judgements", message("Judgements"), Format.COUNT)


def evaluation_tables(session: Session, chosen: Chosen, baseline: int | None = None) -> list[Table]:
    """`baseline`: the number of a checkpoint; without it, or where it was not compared, the oldest that was."""
    found, rated, scored = duels(session, chosen), ratings(session, chosen), scored_pairs(session, chosen)
    numbers = compared(found)
    names = names_of(session, [*numbers, *(each.policy for each in rated), *(each.reward_model for each in scored)])
    return [
        *_policies(found, names, baseline if baseline in numbers else next(iter(numbers), None)),
        _scales(scale_means(rated), names),
        _flags(flag_rates(rated), names),
        Table(
            "reward_models",
            message("Reward models against people"),
            message("How often the output with the higher score is the preferred one, where nobody tied them."),
            (MODEL, VOICE, Column("accuracy", message("Accuracy"), Format.SHARE), *INTERVAL, VERDICTS, PROMPTS),
            [(names[each.reward_model], each.voice, *_mean(each.share)) for each in accuracies(scored)],
        ),
        Table(
            "calibration",
            message("Calibration of reward models"),
            message("Verdicts by how sure the scores are of them, and how many of them the scores got right."),
            (
                MODEL, VOICE,
                Column("sure_from", message("Sure from"), Format.SHARE), Column("sure_to", message("to"), Format.SHARE),
                Column("foretold", message("Foretold"), Format.SHARE), Column("right", message("Right"), Format.SHARE),
                *INTERVAL, VERDICTS, PROMPTS,
            ),
            [
                (names[each.reward_model], each.voice, each.low, each.high, each.foretold, *_mean(each.right))
                for each in calibration(scored)
            ],
        ),
        Table(
            "disagreements",
            message("Where people and reward models disagree most"),
            message("Pairs that most verdicts order against the scores, the widest margin first."),
            (
                MODEL, VOICE, Column("prompt_id", message("Prompt"), Format.COUNT),
                Column("margin", message("Margin of scores"), Format.NUMBER), VERDICTS,
                Column("against", message("Against the scores"), Format.COUNT),
                Column("prompt", message("Asked")), Column("preferred", message("People prefer")),
                Column("scored_higher", message("Scored higher")),
            ),
            [
                (
                    names[each.reward_model], each.voice, each.prompt_id, each.margin, each.verdicts, each.against,
                    each.prompt, each.preferred, each.scored_higher,
                )
                for each in disagreements(session, scored)
            ],
        ),
        *cross_validation_tables(session, chosen.project),
    ]  # fmt: skip


def _policies(found: list[Duel], names: Names, baseline: int | None) -> list[Table]:
    rates = [] if baseline is None else against_baseline(found, baseline)
    return [
        Table(
            "win_rates",
            message("Win rates against the baseline"),
            message(
                "Ties count half; intervals are clustered by prompt. Prompts to which both wrote the same text have no "
                "task and do not count."
            ),
            (
                POLICY, Column("baseline", message("Baseline")), VOICE,
                Column("win_rate", message("Win rate"), Format.SHARE), *INTERVAL,
                Column("controlled", message("At equal length"), Format.SHARE),
                Column("controlled_low", message("From (95 %)"), Format.SHARE),
                Column("controlled_high", message("To (95 %)"), Format.SHARE),
                Column("wins", message("Wins"), Format.COUNT), Column("ties", message("Ties"), Format.COUNT),
                Column("losses", message("Losses"), Format.COUNT), PROMPTS,
            ),
            [_against_row(each, names, baseline) for each in rates if baseline is not None],
        ),
        Table(
            "strengths",
            message("Strengths of all policies"),
            message(
                "Bradley-Terry with ties (Davidson): Elo points over the baseline, intervals from 500 bootstrap draws "
                "of prompts."
            ),
            (POLICY, VOICE, Column("elo", message("Elo"), Format.NUMBER), *NUMBERS, VERDICTS, PROMPTS),
            [] if baseline is None else _strength_rows(found, names, baseline),
        ),
    ]  # fmt: skip


def _against_row(each: AgainstBaseline, names: Names, baseline: int) -> tuple[Cell, ...]:
    rate = each.rate
    counts = (rate.wins, rate.ties, rate.losses, rate.prompts)
    shown: tuple[Cell, ...] = (None,) * 6
    if rate.prompts >= FEWEST_PROMPTS:
        shown = (rate.rate, rate.low, rate.high, *_controlled(each.controlled))
    return (names[each.policy], names[baseline], each.voice, *shown, *counts)


def _controlled(rate: ControlledRate | None) -> tuple[Cell, Cell, Cell]:
    return (rate.rate, rate.low, rate.high) if rate else (None, None, None)


def _strength_rows(found: list[Duel], names: Names, baseline: int) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for voice, fitted in sorted(strengths_by_voice(found, baseline).items()):
        for each in sorted(fitted.policies, key=lambda strength: -strength.value):
            own = [duel for duel in found if duel.voice == voice and each.policy in (duel.first, duel.second)]
            prompts = len({duel.prompt_id for duel in own})
            elo: tuple[Cell, ...] = each.elo if prompts >= FEWEST_PROMPTS else (None, None, None)
            verdicts = sum(duel.wins + duel.ties + duel.losses for duel in own)
            rows.append((names[each.policy], voice, *elo, verdicts, prompts))
    return rows


def _scales(means: list[RatingMean], names: Names) -> Table:
    return Table(
        "scales",
        message("Ratings on scales"),
        message("Means over all outputs, intervals clustered by prompt."),
        (
            Column("question", message("Question")), POLICY, VOICE,
            Column("mean", message("Mean"), Format.NUMBER), *NUMBERS, JUDGED, PROMPTS,
        ),
        [(each.question, names[each.policy], each.voice, *_mean(each.mean)) for each in means],
    )  # fmt: skip


def _flags(rates: list[RatingMean], names: Names) -> Table:
    return Table(
        "flags",
        message("Flags by policy and use case"),
        message("The share of outputs on which the flag was set; * stands for all use cases."),
        (
            Column("flag", message("Flag")), Column("use_case", message("Use case")), POLICY, VOICE,
            Column("rate", message("Share"), Format.SHARE), *INTERVAL, JUDGED, PROMPTS,
        ),
        [(each.question, _use_case(each), names[each.policy], each.voice, *_mean(each.mean)) for each in rates],
    )  # fmt: skip


def _use_case(rate: RatingMean) -> str:
    return ALL_USE_CASES if rate.use_case is None else rate.use_case


def _mean(mean: Mean) -> tuple[Cell, ...]:
    shown = (mean.value, mean.low, mean.high) if mean.prompts >= FEWEST_PROMPTS else (None, None, None)
    return (*shown, mean.count, mean.prompts)
