"""The charts of a round's report: what people prefer, reward against KL, the reward model, flags, the rounds so far."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.evaluation.clusters import FEWEST_PROMPTS
from app.evaluation.win_rate import WinRate
from app.rounds.report.figures import RoundFigures
from app.rounds.report.report import RoundReport
from app.rounds.report.tables import CurvePoint
from app.translation import gettext as _
from app.web.charts import Dots, Format, Mark, Panel, Plot, Point, axis_of, dots, series_of
from app.web.evaluation_charts import voice_name

HALF = 0.5
FEWEST_POINTS = 3


@dataclass(frozen=True)
class ReportCharts:
    """Each is None, or empty, where there is too little to draw."""

    wins: Dots | None
    rounds: Dots | None
    reward_model: Dots | None
    reward_kl: list[Plot]
    flags: Dots | None


def report_charts(report: RoundReport) -> ReportCharts:
    return ReportCharts(
        wins=dots([Panel(_("Win rate of the new policy"), tuple(_wins(report)))], Format.SHARE, reference=HALF),
        rounds=_rounds(report.rounds),
        reward_model=_reward_model(report),
        reward_kl=_reward_kl(report.curve),
        flags=_flags(report),
    )


def _wins(report: RoundReport) -> Iterable[Mark]:
    for row in report.table("win_rates").as_json():
        against = _("against {name}").format(name=row["against"])
        yield Mark(against, row["win_rate"], row["low"], row["high"], hint=_prompts(row["prompts"]))


def _prompts(number: int) -> str:
    return _("{number} prompts").format(number=number)


def _rounds(rounds: list[RoundFigures]) -> Dots | None:
    """A round alone has nothing to stand beside."""
    if len(rounds) < 2:
        return None
    panels = [
        Panel(_("Against the first SFT"), tuple(_by_round(rounds, lambda each: each.against_baseline))),
        Panel(_("Against the policy before"), tuple(_by_round(rounds, lambda each: each.against_earlier))),
    ]
    return dots(panels, Format.SHARE, reference=HALF)


def _by_round(rounds: list[RoundFigures], rate_of: Any) -> Iterable[Mark]:
    for each in rounds:
        rate: WinRate | None = rate_of(each)
        shown = (rate.rate, rate.low, rate.high) if rate and rate.prompts >= FEWEST_PROMPTS else (None, None, None)
        yield Mark(_("Round {number}").format(number=each.round.number), *shown)


def _reward_model(report: RoundReport) -> Dots | None:
    rows = report.table("reward_model").as_json()
    if len(rows) > 1:  # the trainer's own figure is one of the others, without its interval
        rows = [row for row in rows if row["on"] != "validation" or not _has_own(rows)]
    marks = tuple(
        Mark(measured_on(row["on"]), row["accuracy"], row["low"], row["high"], hint=_hint(row)) for row in rows
    )
    return dots([Panel(_("Accuracy of the reward model"), marks)], Format.SHARE, reference=HALF)


def _has_own(rows: Iterable[Mapping[str, Any]]) -> bool:
    return any(row["on"] == "own" for row in rows)


def _hint(row: Mapping[str, Any]) -> str:
    return voice_name(row["judged_by"]) if row["judged_by"] else ""


def measured_on(on: str) -> str:
    return {
        "validation": _("Validation set, while it was trained"),
        "own": _("Its own labelers, prompts it never saw"),
        "held_out": _("Held-out labelers, outputs of policies"),
    }[on]


def _reward_kl(curve: list[CurvePoint]) -> list[Plot]:
    if len(curve) < FEWEST_POINTS:
        return []
    points = tuple(Point(each.kl, each.reward) for each in curve)
    first, last = curve[0], curve[-1]
    text = _("From step {first} to {last} the reward went from {low:.3g} to {high:.3g}, and the KL to {kl:.3g} nats.")
    words = text.format(first=first.first, last=last.last, low=first.reward, high=last.reward, kl=last.kl)
    return [
        Plot(
            name="reward-kl",
            title=_("Reward against KL"),
            points=points,
            x=axis_of([0.0, *(point.x for point in points)]),
            y=axis_of(point.y for point in points),
            x_title=_("KL to the policy before, nats a completion"),
            y_title=_("Reward"),
            format=Format.NUMBER,
            text=words,
        )
    ]


def _flags(report: RoundReport) -> Dots | None:
    """Those that somebody set; a panel for each, a mark for each policy and voice."""
    rows = report.table("flags").as_json()
    series = series_of(row["policy"] for row in rows)
    panels: dict[str, list[Mark]] = {}
    for row in rows:
        mark = Mark(
            row["policy"], row["rate"], row["low"], row["high"], voice_name(row["judged_by"]), series[row["policy"]]
        )
        panels.setdefault(_(report.questions.get(row["flag"], row["flag"])), []).append(mark)
    was_set = (Panel(title, tuple(marks)) for title, marks in panels.items() if any(mark.value for mark in marks))
    return dots(was_set, Format.SHARE, include=[0.0])
