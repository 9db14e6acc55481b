"""Low-rank adapters (LoRA, Hu et al. 2021) through peft: the weights stay, two thin matrices beside each are learned.

Adapters are put into the model itself, so it stays what it was for everything else: with adapters off it is the model
that it started as, which is the reference of PPO without a second copy. A finished model has them added to its weights
and is read by the next stage like any other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from trainer.config import BadSetting, ModelSettings
from trainer.errors import TrainerError

ALL_LINEAR = "all-linear"


def add_adapters(model: Any, settings: ModelSettings) -> None:
    """Freeze the weights and put fresh adapters beside those named; they change nothing yet. Raises `TrainerError`."""
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise TrainerError("LoRA needs the package peft: pip install 'rondo[lora]'.") from error
    names = [name.strip() for name in settings.lora_targets.split(",")]
    config = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        target_modules=ALL_LINEAR if names == [ALL_LINEAR] else names,
        fan_in_fan_out=model.config.model_type == "gpt2",
    )
    try:
        inject_adapter_in_model(config, model)
    except ValueError as error:
        raise BadSetting(
            "lora_targets", "names nothing that a model of type {kind} has", kind=kind_of(model)
        ) from error


def kind_of(model: Any) -> str:
    return str(model.config.model_type)


def adapters_in(model: nn.Module) -> list[tuple[str, Any]]:
    """Each adapted module by its name; none without peft."""
    return [(name, module) for name, module in model.named_modules() if hasattr(module, "lora_A")]


@contextmanager
def adapters_off(model: nn.Module) -> Iterator[None]:
    """The model that it started as; itself where it has no adapters."""
    adapted = [module for _, module in adapters_in(model)]
    for module in adapted:
        module.enable_adapters(False)
    try:
        yield
    finally:
        for module in adapted:
            module.enable_adapters(True)


def merge_adapters(model: nn.Module) -> None:
    """Add what was learned to the weights beside it, and take the adapters out."""
    for name, module in adapters_in(model):
        module.merge()
        model.set_submodule(name, module.get_base_layer())
