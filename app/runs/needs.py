"""What a run asks of its worker, and what a worker has to offer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, case, literal, or_

from app.runs.models import Run


@dataclass(frozen=True)
class Needs:
    """`memory`: MiB, of the GPU where it needs one, else of the machine. `label`: one that the worker was given."""

    gpu: bool = False
    memory: int | None = None
    label: str | None = None


@dataclass(frozen=True)
class Capacity:
    """`gpu_memory` is that of the smallest; memory that is not known is none."""

    gpus: int = 0
    memory: int = 0
    gpu_memory: int = 0
    labels: tuple[str, ...] = ()


def needs_of(settings: Mapping[str, Any], asked: Needs) -> Needs:
    """A stage that is set to the device `cuda` needs one, whatever else was asked."""
    return replace(asked, gpu=asked.gpu or settings.get("device") == "cuda")


def fits(capacity: Capacity) -> ColumnElement[bool]:
    """Of runs: whether a worker of this capacity may take it."""
    memory = case((Run.needs_gpu, literal(capacity.gpu_memory)), else_=literal(capacity.memory))
    return and_(
        or_(Run.needs_gpu.is_(False), literal(capacity.gpus) > 0),
        or_(Run.needs_memory.is_(None), Run.needs_memory <= memory),
        or_(Run.needs_label.is_(None), Run.needs_label.in_(capacity.labels)),
    )


def offers(capacity: Capacity, run: Run) -> bool:
    """The same of one run, for who only wants to know."""
    return meets(capacity, Needs(run.needs_gpu, run.needs_memory, run.needs_label))


def meets(capacity: Capacity, needs: Needs) -> bool:
    memory = capacity.gpu_memory if needs.gpu else capacity.memory
    return (
        (not needs.gpu or capacity.gpus > 0)
        and (needs.memory is None or needs.memory <= memory)
        and (needs.label is None or needs.label in capacity.labels)
    )
