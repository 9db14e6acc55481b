"""The tables of a round's report, the same on its page, in its file, as JSON and in the terminal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Double, func, select
from sqlalchemy.orm import Session

from app.campaigns.queries import frozen_form
from app.errors import message
from app.evaluation.choosing import Chosen
from app.evaluation.clusters import FEWEST_PROMPTS, Mean
from app.evaluation.ratings import Rated, RatingMean, flag_rates, ratings, scale_means
from app.evaluation.reward_models import Accuracy
from app.evaluation.tables import Cell, Column, Format, Table
from app.evaluation.win_rate import WinRate
from app.projects.forms import parse_form
from app.projects.models import Project
from app.quality.agreement.coefficients import Figure
from app.rounds.queries import StepView
from app.rounds.report.figures import RoundFigures, accuracies_on, agreement_of, ranked_in
from app.rounds.report.win_rate import evaluations_of
from app.runs.models import Run, RunMetric

CURVE_POINTS = 20
CURVES = ("score", "kl", "length")
INTERVAL = Column("low", message("From (95 %)"), Format.SHARE), Column("high", message("To (95 %)"), Format.SHARE)
POLICY, VOICE = Column("policy", message("Policy")), Column("judged_by", message("Judged by"))
PROMPTS = Column("prompts", message("Prompts"), Format.COUNT)
JUDGED = Column("judgements", message("Judgements"), Format.COUNT)


@dataclass(frozen=True)
class CurvePoint:
    """Means over neighbouring steps: the reward model's score, and nats of KL per completion."""

    first: int
    last: int
    reward: float
    kl: float
    length: float | None


def rounds_table(rounds: Sequence[RoundFigures]) -> Table:
    return Table(
        "rounds",
        message("Next to earlier rounds"),
        message("Each round as it ended; win rates are by held-out labelers, ties counting half."),
        (
            Column("round", message("Round"), Format.COUNT),
            Column("rankings", message("Rankings"), Format.COUNT),
            Column("agreement", message("Agreement"), Format.SHARE),
            Column("accuracy", message("Reward model, its labelers"), Format.SHARE),
            Column("accuracy_held_out", message("Reward model, held-out"), Format.SHARE),
            Column("reward", message("Reward"), Format.NUMBER),
            Column("kl", message("KL, nats"), Format.NUMBER),
            Column("win_rate_earlier", message("Against the policy before"), Format.SHARE),
            Column("win_rate_earlier_low", message("From (95 %)"), Format.SHARE),
            Column("win_rate_earlier_high", message("To (95 %)"), Format.SHARE),
            Column("win_rate_sft", message("Against the first SFT"), Format.SHARE),
            Column("win_rate_sft_low", message("From (95 %)"), Format.SHARE),
            Column("win_rate_sft_high", message("To (95 %)"), Format.SHARE),
            Column("words", message("Words per output"), Format.NUMBER),
        ),
        [_round_row(each) for each in rounds],
    )


def _round_row(each: RoundFigures) -> tuple[Cell, ...]:
    accuracy = share_of(each.accuracy)[0]
    return (
        each.round.number,
        each.labels.rankings if each.labels else None,
        each.agreement.value if each.agreement else None,
        each.validation_accuracy if accuracy is None else accuracy,
        share_of(each.accuracy_held_out)[0],
        each.reward,
        each.kl,
        *rate_of(each.against_earlier),
        *rate_of(each.against_baseline),
        each.lengths[0].words if each.lengths and each.lengths[0].policy == each.models.policy else None,
    )


def share_of(accuracy: Accuracy | None) -> tuple[Cell, Cell, Cell]:
    """On fewer than ten prompts nothing is said."""
    return (None, None, None) if accuracy is None else _enough(accuracy.share)


def _enough(mean: Mean) -> tuple[Cell, Cell, Cell]:
    return (mean.value, mean.low, mean.high) if mean.prompts >= FEWEST_PROMPTS else (None, None, None)


def rate_of(rate: WinRate | None) -> tuple[Cell, Cell, Cell]:
    """On fewer than ten prompts nothing is said."""
    return (rate.rate, rate.low, rate.high) if rate and rate.prompts >= FEWEST_PROMPTS else (None, None, None)


def data_table(steps: Sequence[StepView]) -> Table:
    return Table(
        "data",
        message("Data"),
        message("Frozen when their step came, and unchanged since: the digest says so."),
        (
            Column("step", message("Step")), Column("dataset", message("Dataset")),
            Column("rows", message("Rows"), Format.COUNT), Column("digest", message("SHA-256")),
        ),
        [
            (step.step.value, step.dataset.name, step.dataset.rows, step.dataset.digest)
            for step in steps
            if step.dataset
        ],
    )  # fmt: skip


def labels_table(figures: RoundFigures) -> Table:
    labels = figures.labels
    return Table(
        "labels",
        message("Labels"),
        message("What the reward model learned from. Pairs that a labeler tied teach it nothing of an order."),
        (
            Column("rankings", message("Rankings"), Format.COUNT), PROMPTS,
            Column("labelers", message("Labelers"), Format.COUNT),
            Column("untied", message("Pairs in an order"), Format.COUNT),
            Column("tied", message("Tied pairs"), Format.COUNT),
        ),
        [(labels.rankings, labels.prompts, labels.labelers, labels.untied, labels.tied)] if labels else [],
    )  # fmt: skip


def agreement_table(session: Session, figures: RoundFigures) -> Table:
    campaigns = [*ranked_in(session, figures.round), *evaluations_of(session, figures.round)]
    found = [(campaign.name, agreement_of(session, [campaign])) for campaign in campaigns]
    return Table(
        "agreement",
        message("Agreement"),
        message(
            "How often two labelers of a task put two of its outputs in the same order, pairs that either tied left "
            "out. It needs tasks that two have answered."
        ),
        (
            Column("campaign", message("Campaign")), Column("agreement", message("Agreement"), Format.SHARE), *INTERVAL,
            Column("compared", message("Compared"), Format.COUNT), PROMPTS,
        ),
        [(name, *_of_figure(one), one.comparisons, one.clusters) for name, one in found if one and one.comparisons],
    )  # fmt: skip


def _of_figure(figure: Figure) -> tuple[Cell, Cell, Cell]:
    return (figure.value, figure.low, figure.high)


def reward_table(session: Session, project: Project, figures: RoundFigures) -> Table:
    own = accuracies_on(session, project, ranked_in(session, figures.round), figures.models, unseen=True)
    held_out = accuracies_on(session, project, evaluations_of(session, figures.round), figures.models)
    trainers: list[tuple[Cell, ...]] = []
    if figures.validation_accuracy is not None:
        trainers = [("validation", None, figures.validation_accuracy, None, None, None, None)]
    return Table(
        "reward_model",
        message("Reward model"),
        message(
            "How often the output with the higher score is the one that labelers prefer, where they tied none: on "
            "prompts that it did not learn from, by its own labelers and by the held-out ones."
        ),
        (
            Column("on", message("On")), VOICE, Column("accuracy", message("Accuracy"), Format.SHARE), *INTERVAL,
            Column("verdicts", message("Verdicts"), Format.COUNT), PROMPTS,
        ),
        [*trainers, *_accuracy_rows("own", own), *_accuracy_rows("held_out", held_out)],
    )  # fmt: skip


def _accuracy_rows(on: str, found: Iterable[Accuracy]) -> list[tuple[Cell, ...]]:
    return [(on, each.voice, *share_of(each), each.share.count, each.share.prompts) for each in found]


def curve_of(session: Session, run: Run | None) -> list[CurvePoint]:
    """Reward and KL as the policy was trained: means over as many steps each as make about twenty points."""
    if run is None:
        return []
    told = RunMetric.values
    has_both = (func.jsonb_typeof(told["score"]) == "number") & (func.jsonb_typeof(told["kl"]) == "number")
    part = func.ntile(CURVE_POINTS).over(order_by=RunMetric.step)
    parts = (
        select(RunMetric.step, *(told[name].astext.cast(Double).label(name) for name in CURVES), part.label("part"))
        .where(RunMetric.run_id == run.id, has_both)
        .subquery()
    ).c
    means = (func.avg(parts[name]) for name in CURVES)
    query = select(func.min(parts.step), func.max(parts.step), *means).group_by(parts.part).order_by(parts.part)
    return [CurvePoint(*row) for row in session.execute(query)]


def curve_table(curve: Sequence[CurvePoint]) -> Table:
    return Table(
        "reward_kl",
        message("Reward against KL"),
        message("What the reward model says of the policy, and how many nats a completion it moved away for that."),
        (
            Column("first_step", message("From step"), Format.COUNT), Column("last_step", message("to"), Format.COUNT),
            Column("reward", message("Reward"), Format.NUMBER), Column("kl", message("KL, nats"), Format.NUMBER),
            Column("length", message("Tokens"), Format.NUMBER),
        ),
        [(each.first, each.last, each.reward, each.kl, each.length) for each in curve],
    )  # fmt: skip


def win_table(figures: RoundFigures) -> Table:
    models = figures.models
    rows = [(models.earlier, figures.against_earlier)]
    if models.baseline != models.earlier:
        rows.append((models.baseline, figures.against_baseline))
    return Table(
        "win_rates",
        message("What people prefer"),
        message(
            "The new policy's outputs against those of earlier ones, blind, by held-out labelers. Ties count half, and "
            "so do prompts to which both wrote the same; intervals are clustered by prompt."
        ),
        (
            POLICY, Column("against", message("Against")), Column("win_rate", message("Win rate"), Format.SHARE),
            *INTERVAL, Column("wins", message("Wins"), Format.COUNT), Column("ties", message("Ties"), Format.COUNT),
            Column("losses", message("Losses"), Format.COUNT), PROMPTS,
        ),
        [
            (models.policy.name, other.name, *rate_of(rate), rate.wins, rate.ties, rate.losses, rate.prompts)
            for other, rate in rows
            if models.policy and other and rate
        ],
    )  # fmt: skip


def rating_tables(session: Session, project: Project, figures: RoundFigures) -> list[Table]:
    """Of all policies that held-out labelers rated in this round (InstructGPT, figure 4)."""
    names = {each.id: each.name for each in figures.models.policies}
    evaluations = evaluations_of(session, figures.round)
    rated: list[Rated] = [each for one in evaluations for each in ratings(session, Chosen(project, one))]
    rated = [each for each in rated if each.policy in names]
    overall = [each for each in flag_rates(rated) if each.use_case is None]
    return [
        Table(
            "flags",
            message("Flags"),
            message("The share of outputs on which held-out labelers set the flag: less is better."),
            (
                Column("flag", message("Flag")), POLICY, VOICE, Column("rate", message("Share"), Format.SHARE),
                *INTERVAL, JUDGED, PROMPTS,
            ),
            [_rating_row(each, names[each.policy]) for each in overall],
        ),
        Table(
            "scales",
            message("Ratings on scales"),
            message("Means over all outputs, intervals clustered by prompt."),
            (
                Column("question", message("Question")), POLICY, VOICE, Column("mean", message("Mean"), Format.NUMBER),
                Column("low", message("From (95 %)"), Format.NUMBER),
                Column("high", message("To (95 %)"), Format.NUMBER), JUDGED, PROMPTS,
            ),
            [_rating_row(each, names[each.policy]) for each in scale_means(rated)],
        ),
    ]  # fmt: skip


def questions_in(session: Session, figures: RoundFigures) -> dict[str, str]:
    """What stood on the forms of the evaluations, by the name of the flag or scale."""
    forms = [parse_form(frozen_form(session, each).definition) for each in evaluations_of(session, figures.round)]
    return {question.name: question.label for form in forms for question in form.output}


def _rating_row(each: RatingMean, policy: str) -> tuple[Cell, ...]:
    return (each.question, policy, each.voice, *_enough(each.mean), each.mean.count, each.mean.prompts)


def length_table(figures: RoundFigures) -> Table:
    return Table(
        "lengths",
        message("Length"),
        message("Of what each policy wrote for test prompts. A policy that wins by writing more shows it here."),
        (
            POLICY, Column("words", message("Words"), Format.NUMBER),
            Column("tokens", message("Tokens"), Format.NUMBER),
            Column("ended", message("Ended by itself"), Format.SHARE),
            Column("outputs", message("Outputs"), Format.COUNT),
        ),
        [(each.policy.name, each.words, each.tokens, each.ended, each.outputs) for each in figures.lengths],
    )  # fmt: skip
