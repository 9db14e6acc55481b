"""Of a dry run: whether disk, memory and workers suffice, reckoned from the number of weights P.

Weights, gradients and Adam's two moments are fp32 (`trainer.economy`): 4 bytes each.

    memory   learned     16 P          weights, gradients, two moments
             asked        4 P          a reference or a reward model
             adapters     4 P + 16 A   A = 14 h r l: rank r beside seven matrices about h wide in each of l layers
             activations  34 · 2 · h l bytes a token [Korthikanti et al. 2022, eq. 2, without the scores of attention
                          and in fp32], a seventeenth of it where layers run again; logits take 8 V a token
    disk     a model 4 P; a checkpoint to resume from 12 P (weights and moments), or 12 A; one more while it is written

PPO learns a policy and a value model, and asks a reference (adapters need none) and a reward model.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.files.place import Files, trouble_with_store
from app.rounds.dry_run.findings import Finding, fine, missing, warning
from app.rounds.dry_run.model import settings_in_force
from app.rounds.dry_run.model_facts import Shape
from app.rounds.plan import RoundPlan, stages_of
from app.runs.models import Stage
from app.runs.needs import Capacity, meets
from app.runs.workers import capacity_of, workers
from app.translation import gettext

MEBIBYTE = 2**20
LEARNED, ASKED = 16, 4  # bytes a weight
KEPT, WRITTEN = 12, 4  # bytes a weight of a checkpoint and of a model
ACTIVATIONS, RECOMPUTED = 68, 4  # bytes a token, a layer and a unit of width
LOGITS = 8
MATRICES = 14  # of an adapter: two for each of seven
COMPLETIONS = 9  # of a ranking, at most


@dataclass(frozen=True)
class Machine:
    """`memory` is that of the largest device among the workers, or of this machine; in bytes."""

    memory: int
    workers: tuple[Capacity, ...]


def machine_of(session: Session) -> Machine:
    able = [view.worker for view in workers(session) if not view.silent and not view.worker.trouble]
    devices = [(worker.gpu_memory or worker.memory) * MEBIBYTE for worker in able]
    return Machine(max(devices, default=_memory_here()), tuple(capacity_of(worker) for worker in able))


def _memory_here() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def machine_findings(session: Session, files: Files, plan: RoundPlan, shape: Shape) -> list[Finding]:
    machine = machine_of(session)
    if shape.parameters is None:
        unknown = gettext("How large the model is cannot be told here, so neither disk nor memory was reckoned.")
        return [warning("size", unknown, gettext("See yourself that they suffice.")), *_workers(machine, plan)]
    return [_disk(files, plan, shape), _memory(machine, plan, shape), *_workers(machine, plan)]


def _disk(files: Files, plan: RoundPlan, shape: Shape) -> Finding:
    needed = disk_needed(plan, shape)
    if trouble := trouble_with_store(files):
        return missing("disk", trouble, gettext("Bring the store back, or correct RONDO_FILES."))
    if not isinstance(files, Path):
        says = gettext("The round writes up to {needed} to {store}, and as much on the disks of workers.")
        return fine("disk", says.format(needed=size_in_words(needed), store=files.url))
    there = files if files.exists() else Path()
    free = shutil.disk_usage(there).free
    numbers = {"needed": size_in_words(needed), "free": size_in_words(free)}
    says = gettext("The round writes up to {needed}; {free} are free.").format(**numbers)
    if needed > free:
        todo = gettext("Free some, delete old checkpoints, or lower keep_checkpoints.")
        return missing("disk", says, todo)
    return fine("disk", says)


def _memory(machine: Machine, plan: RoundPlan, shape: Shape) -> Finding:
    by_stage = {stage: memory_needed(stage, settings_in_force(plan, stage), shape) for stage in stages_of(plan)}
    if not by_stage:
        return fine("memory", gettext("Nothing is computed."))
    stage = max(by_stage, key=lambda each: by_stage[each])
    numbers = {
        "needed": size_in_words(by_stage[stage]),
        "stage": stage.value,
        "there": size_in_words(machine.memory),
    }
    says = gettext("{stage} takes up to {needed} of memory, the most of all stages; {there} are there.")
    says = says.format(**numbers)
    if by_stage[stage] > machine.memory:
        todo = gettext("Lower micro_batch, set gradient_checkpointing or lora_rank, or take a larger worker.")
        return warning("memory", says, todo)
    return fine("memory", says)


def _workers(machine: Machine, plan: RoundPlan) -> list[Finding]:
    if machine.workers:
        there = gettext("Workers that are there: {count}.").format(count=len(machine.workers))
        return [_waiting(stage, plan) for stage in _unfit(machine, plan)] or [fine("workers", there)]
    return [
        warning(
            "workers",
            gettext("No worker is there, so the round would wait."),
            gettext("Start one: rondo worker."),
        )
    ]


def _unfit(machine: Machine, plan: RoundPlan) -> list[Stage]:
    """Stages that none of the workers would take."""
    return [
        stage for stage in stages_of(plan) if not any(meets(each, plan.stage_needs(stage)) for each in machine.workers)
    ]


def _waiting(stage: Stage, plan: RoundPlan) -> Finding:
    needs = plan.stage_needs(stage)
    asked = [
        *([gettext("a GPU")] if needs.gpu else []),
        *([f"{needs.memory:,} MiB"] if needs.memory else []),
        *([needs.label] if needs.label else []),
    ]
    says = gettext("No worker that is there has what {stage} asks for: {needs}. The round would wait.")
    todo = gettext("Start a worker that has it, or ask for less.")
    return warning("workers", says.format(stage=stage.value, needs=", ".join(asked)), todo)


def disk_needed(plan: RoundPlan, shape: Shape) -> int:
    """Bytes at the end of the round, and while its last checkpoint is written."""
    return sum(_disk_of(stage, settings_in_force(plan, stage), shape) for stage in stages_of(plan))


def _disk_of(stage: Stage, settings: dict[str, Any], shape: Shape) -> int:
    if stage is Stage.SAMPLE:
        return 0  # text
    parameters = shape.parameters or 0
    models = 2 if stage is Stage.PPO else 1
    learned = _adapter_weights(settings, shape) if settings.get("lora_rank") else parameters
    return WRITTEN * parameters + (int(settings["keep_checkpoints"]) + 1) * KEPT * learned * models


def memory_needed(stage: Stage, settings: dict[str, Any], shape: Shape) -> int:
    """Bytes at the peak of one process."""
    tokens = _tokens_at_once(stage, settings, shape)
    return _models(stage, settings, shape) + tokens * _bytes_a_token(stage, settings, shape)


def _models(stage: Stage, settings: dict[str, Any], shape: Shape) -> int:
    parameters = shape.parameters or 0
    rank = settings.get("lora_rank", 0)
    learned = ASKED * parameters + LEARNED * _adapter_weights(settings, shape) if rank else LEARNED * parameters
    if stage is Stage.SAMPLE:
        return ASKED * parameters
    if stage is Stage.PPO:
        return 2 * learned + ASKED * parameters * (1 if rank else 2)
    return learned


def _adapter_weights(settings: dict[str, Any], shape: Shape) -> int:
    return MATRICES * int(settings["lora_rank"]) * (shape.hidden or 0) * (shape.layers or 0)


def _tokens_at_once(stage: Stage, settings: dict[str, Any], shape: Shape) -> int:
    """Of one pass forward and back, were all texts as long as they may be."""
    longest = settings["max_prompt_tokens"] + settings["max_completion_tokens"]
    length = min(longest, shape.context or longest)
    if stage is Stage.SAMPLE:
        return 0
    if stage is Stage.PRETRAIN:
        return int(settings["batch"] * settings["block"])
    if settings.get("micro_tokens"):
        return int(settings["micro_tokens"])
    rows = settings["micro_batch"] or settings.get("batch") or settings["minibatch"]
    return int(rows * length * (COMPLETIONS if stage in (Stage.REWARD, Stage.ALIGN) else 1))


def _bytes_a_token(stage: Stage, settings: dict[str, Any], shape: Shape) -> int:
    kept = RECOMPUTED if settings.get("gradient_checkpointing") == "on" else ACTIVATIONS
    at_once = settings.get("logits_at_once", 0)
    logits = 0 if stage is Stage.REWARD or at_once else LOGITS * (shape.vocabulary or 0)
    return kept * (shape.hidden or 0) * (shape.layers or 0) + logits


def size_in_words(count: float) -> str:
    """Decimal units: `3.2 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
