"""Of a dry run: whether the model that the round starts from is there and can be trained."""

from typing import Any

from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint
from app.files.place import Files
from app.projects.models import Project
from app.prompts.models import Prompt
from app.rounds.dry_run.findings import Finding, fine, missing, warning
from app.rounds.dry_run.model_facts import ModelFacts, Shape, folder_of, is_on_hub, read_facts, shape_from_nothing
from app.rounds.plan import RoundPlan, SamplingPlan, Step, stages_of, steps_of
from app.runs.models import Stage
from app.translation import gettext
from trainer.config import STAGES, defaults

CHARACTERS_PER_TOKEN = 3  # of small vocabularies; larger ones take four or five


def settings_in_force(plan: RoundPlan, stage: Stage) -> dict[str, Any]:
    """The plan's over the trainer's defaults."""
    return {**defaults(STAGES[stage.value]), **plan.stage_settings(stage)}


def starting_shape(session: Session, files: Files, plan: RoundPlan) -> Shape:
    """Of the model that the round trains; empty where its files cannot be read here."""
    if plan.start == "pretrain":
        return shape_from_nothing(settings_in_force(plan, Stage.PRETRAIN))
    checkpoint = session.get(Checkpoint, plan.checkpoint_id)
    folder = folder_of(checkpoint, files) if checkpoint else None
    return read_facts(folder).shape if folder else Shape()


def model_findings(session: Session, files: Files, project: Project, plan: RoundPlan) -> list[Finding]:
    shape = starting_shape(session, files, plan)
    return [
        *_start(session, files, plan, shape),
        *_mixed_in(session, files, plan),
        *_room(session, project, plan, shape),
    ]


def _mixed_in(session: Session, files: Files, plan: RoundPlan) -> list[Finding]:
    """Other checkpoints that are sampled: where their files are not here, and whether a task has room for all."""
    steps = set(steps_of(plan))
    numbers = [
        *(plan.candidate_others if Step.CANDIDATES in steps else ()),
        *(plan.others if Step.EARLIER_SAMPLES in steps else ()),
    ]
    others = [session.get_one(Checkpoint, number) for number in dict.fromkeys(numbers)]
    elsewhere = [_elsewhere(other) for other in others if folder_of(other, files) is None]
    return [*elsewhere, *_shares(plan, steps)]


def _shares(plan: RoundPlan, steps: set[Step]) -> list[Finding]:
    """Of policies and temperatures in a task's outputs."""
    earlier = len(plan.others) + (plan.mix_earlier_policy and Step.EARLIER_SAMPLES in steps)
    mixed = [
        (Step.CANDIDATES, plan.candidates, 1 + len(plan.candidate_others)),
        (Step.SAMPLES, plan.samples, 1 + earlier),
    ]
    return [
        _share(sampling, policies)
        for step, sampling, policies in mixed
        if step in steps and policies * len(sampling.temperatures) > 1
    ]


def _share(sampling: SamplingPlan, policies: int) -> Finding:
    sources = policies * len(sampling.temperatures)
    says = gettext("A prompt's outputs come in equal shares from {policies} policies at temperatures {temperatures}.")
    temperatures = ", ".join(f"{each:g}" for each in sampling.temperatures)
    counted = says.format(policies=policies, temperatures=temperatures)
    if sources > sampling.k_min:
        todo = gettext("That is more than the {k} outputs of the smallest task: raise K, or some are left out in turn.")
        return warning("mix", counted, todo.format(k=sampling.k_min))
    return fine("mix", counted)


def _start(session: Session, files: Files, plan: RoundPlan, shape: Shape) -> list[Finding]:
    if plan.start == "pretrain":
        says = gettext("A small model of about {weights} weights is made from nothing.")
        return [fine("model", says.format(weights=_weights(shape)))]
    checkpoint = session.get_one(Checkpoint, plan.checkpoint_id)
    folder = folder_of(checkpoint, files)
    if folder is None:
        return [_elsewhere(checkpoint)]
    return _files_found(checkpoint, read_facts(folder))


def _elsewhere(checkpoint: Checkpoint) -> Finding:
    names = {"name": checkpoint.name, "location": checkpoint.location}
    if is_on_hub(checkpoint):
        says = gettext("{name} is fetched from the hub ({location}) when the run starts; it cannot be looked at here.")
        todo = gettext("See that the workers reach the hub, or fetch the model into a folder first.")
        return warning("model", says.format(**names), todo)
    says = gettext("The files of {name} are not there: {location}.")
    return missing("model", says.format(**names), gettext("Bring the folder back, or choose another checkpoint."))


def _files_found(checkpoint: Checkpoint, facts: ModelFacts) -> list[Finding]:
    lacking = {
        "config.json": facts.has_config,
        gettext("weights (*.safetensors)"): facts.has_weights,
        gettext("a tokenizer"): facts.has_tokenizer,
    }
    if gone := [what for what, there in lacking.items() if not there]:
        says = gettext("The folder of {name} lacks {things}.").format(name=checkpoint.name, things=", ".join(gone))
        return [missing("model", says, gettext("Put what is missing into {folder}.").format(folder=facts.folder))]
    says = gettext("{name} is there: {weights} weights.")
    return [fine("model", says.format(name=checkpoint.name, weights=_weights(facts.shape))), _conversation(facts)]


def _conversation(facts: ModelFacts) -> Finding:
    """The trainer ends turns by the chat template, else by EOS (`trainer.encoding`)."""
    if not facts.has_chat_template and not facts.has_end_token:
        return missing(
            "tokenizer",
            gettext("The tokenizer has neither a chat template nor an EOS token, so that no output could end."),
            gettext("Name an eos_token in tokenizer_config.json."),
        )
    if not facts.has_chat_template:
        return warning(
            "tokenizer",
            gettext("The tokenizer has no chat template: conversations are written plainly, “User:” and “Assistant:”."),
            gettext("Nothing, if the model was trained so; else add its chat_template to tokenizer_config.json."),
        )
    return fine("tokenizer", gettext("The tokenizer has a chat template."))


def _room(session: Session, project: Project, plan: RoundPlan, shape: Shape) -> list[Finding]:
    """Whether the longest prompt and what is sampled after it fit into the positions that the model knows."""
    sampling = [stage for stage in stages_of(plan) if stage in (Stage.PPO, Stage.ALIGN, Stage.SAMPLE)]
    if not sampling or shape.context is None:
        return []
    limits = [settings_in_force(plan, stage) for stage in sampling]
    new = max(each["max_new_tokens"] for each in limits)
    tokens = min(_longest_prompt(session, project), *(each["max_prompt_tokens"] for each in limits))
    numbers = {"tokens": tokens, "new": new, "context": shape.context}
    if new >= shape.context:
        says = gettext("Up to {new} tokens are sampled, but the model knows {context} positions.")
        return [missing("context", says.format(**numbers), gettext("Lower max_new_tokens."))]
    if tokens + new > shape.context:
        says = gettext("The longest prompt (about {tokens} tokens) and {new} sampled ones exceed {context} positions.")
        return [warning("context", says.format(**numbers), gettext("Lower max_prompt_tokens or max_new_tokens."))]
    says = gettext("The longest prompt (about {tokens} tokens) and {new} sampled ones fit into {context} positions.")
    return [fine("context", says.format(**numbers))]


def _longest_prompt(session: Session, project: Project) -> int:
    """In tokens, about."""
    characters = select(func.max(func.length(cast(Prompt.messages, String))))
    longest = session.scalar(characters.where(Prompt.project_id == project.id, Prompt.in_use.is_(True)))
    return (longest or 0) // CHARACTERS_PER_TOKEN


def _weights(shape: Shape) -> str:
    """`716 k`, `1.3 B`."""
    count = float(shape.parameters or 0)
    for unit in ("", " k", " M"):
        if count < 1000:
            return f"{count:.3g}{unit}" if count else "?"
        count /= 1000
    return f"{count:.3g} B"
