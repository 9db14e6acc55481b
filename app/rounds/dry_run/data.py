"""Of a dry run: whether there is anything to learn from, prompts to answer, and people to judge."""

from collections.abc import Callable

from app.prompts.models import Split
from app.rounds.chosen_data import NEWEST_TASKS, ChosenData, RankedData
from app.rounds.dry_run.findings import Finding, fine, missing, warning
from app.rounds.plan import RoundPlan, Step, steps_of
from app.translation import gettext

FEW_RANKINGS = 100  # from which a reward model learns next to nothing


def data_findings(plan: RoundPlan, found: ChosenData) -> list[Finding]:
    steps = set(steps_of(plan))
    looked_at: dict[Step, Callable[[], list[Finding]]] = {
        Step.DEMONSTRATIONS: lambda: _demonstrations(plan, found.demonstrations),
        Step.CANDIDATE_PROMPTS: lambda: _candidates(plan, found),
        Step.COMPARISONS: lambda: [] if Step.COMPARE in steps else _rankings(found.ranked),
        Step.PROMPTS: lambda: _prompts("prompts", found.train_prompts),
        Step.SAMPLE_PROMPTS: lambda: _prompts("sample_prompts", found.sample_prompts),
        Step.TEST_PROMPTS: lambda: _evaluation(found),
    }
    return [finding for step, look in looked_at.items() if step in steps for finding in look()]


def _demonstrations(plan: RoundPlan, by_split: dict[Split, int]) -> list[Finding]:
    count = by_split[Split.TRAIN]
    if count:
        says = gettext("Demonstrations to learn from: {count}; to validate with: {validation}.")
        return [fine("demonstrations", says.format(count=count, validation=by_split[Split.VALIDATION]))]
    if plan.start == "checkpoint":
        return [
            warning(
                "demonstrations",
                gettext("No demonstration is chosen, so the reward model is centred on the outputs that were ranked."),
                gettext("Nothing, if that is meant; else choose demonstrations."),
            )
        ]
    return [
        missing(
            "demonstrations",
            gettext("No demonstration of the training split is chosen, and fine-tuning learns from them."),
            gettext("Import or write demonstrations, choose other campaigns or days, or start from a policy."),
        )
    ]


def _rankings(ranked: RankedData) -> list[Finding]:
    if not ranked.rankings:
        return [
            missing(
                "rankings",
                gettext("No ranking of the training split is chosen."),
                gettext("Choose other campaigns, days or people, or let the round collect rankings."),
            )
        ]
    if not ranked.pairs:
        tied = gettext("All outputs in the {count} rankings are tied, so there is nothing to learn.")
        todo = gettext("Let labelers rank again, or choose other campaigns or days.")
        return [missing("rankings", tied.format(count=ranked.rankings), todo)]
    says = gettext(
        "Rankings: {rankings}, of {prompts} prompts, by labelers: {labelers}; pairs in order: {pairs}, tied: {tied}."
    )
    if ranked.reckoned:
        says = gettext(
            "Rankings: {rankings}, of {prompts} prompts, by labelers: {labelers}; pairs in order: about {pairs}, tied: "
            "about {tied}, reckoned from the newest."
        )
    counted = says.format(**vars(ranked))
    if ranked.rankings < FEW_RANKINGS:
        few = gettext("That is little: expect a weak reward model, or collect more.")
        return [warning("rankings", counted, few), _agreement(ranked)]
    return [fine("rankings", counted), _agreement(ranked)]


def _agreement(ranked: RankedData) -> Finding:
    """A coin agrees with a coin half the time."""
    figure = ranked.agreement
    if figure is None or figure.value is None:
        return warning(
            "agreement",
            gettext("How far labelers agree is not known: no two of them put the same outputs in an order."),
            gettext("Let two or more labelers rank the same tasks."),
        )
    numbers = {"value": _percent(figure.value), "low": _percent(figure.low), "high": _percent(figure.high)}
    says = gettext("Labelers agree on {value} of pairs (95 % interval {low} to {high}), by the newest {tasks} tasks.")
    says = says.format(**numbers, tasks=NEWEST_TASKS)
    if figure.low is not None and figure.low <= 0.5:
        return warning("agreement", says, gettext("That may be chance: look at the guidelines and at who disagrees."))
    return fine("agreement", says)


def _candidates(plan: RoundPlan, found: ChosenData) -> list[Finding]:
    if not found.candidate_prompts:
        return _prompts("candidate_prompts", 0)
    tasks = found.candidate_prompts * plan.candidates.rankings
    says = gettext("Tasks to be ranked: {tasks}, on {prompts} prompts; labelers for each: {overlap}.")
    counted = says.format(tasks=tasks, prompts=found.candidate_prompts, overlap=plan.overlap)
    if found.labelers < plan.overlap:
        there = gettext("Labelers who can sign in: {labelers}. The round waits until enough have ranked.")
        todo = gettext("Invite labelers of the training cohort.")
        waits = warning("labelers", there.format(labelers=found.labelers), todo)
        return [fine("candidate_prompts", counted), waits]
    return [fine("candidate_prompts", counted)]


def _prompts(about: str, count: int) -> list[Finding]:
    if count:
        return [fine(about, gettext("Prompts to be answered: {count}.").format(count=count))]
    return [
        missing(
            about,
            gettext("There is no prompt to answer."),
            gettext("Import prompts, let labelers write some, or choose “at random” instead of fresh ones."),
        )
    ]


def _evaluation(found: ChosenData) -> list[Finding]:
    if not found.test_prompts:
        return [
            missing(
                "test_prompts",
                gettext("There is no test prompt to compare policies on."),
                gettext("Import prompts of the test split, or leave the comparison out."),
            )
        ]
    says = gettext("Test prompts: {count}; held-out labelers to compare on them: {labelers}.")
    counted = says.format(count=found.test_prompts, labelers=found.held_out_labelers)
    if not found.held_out_labelers:
        return [warning("test_prompts", counted, gettext("Invite held-out labelers, or the round waits for them."))]
    return [fine("test_prompts", counted)]


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{share:.1%}"
