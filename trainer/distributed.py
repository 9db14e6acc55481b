"""One run on several processes: who computes what, and how weights, gradients and sums are shared.

Each process holds a shard of every weight, of its gradient and of what AdamW keeps of it (FSDP2, `fully_shard`). Losses
are divided by what the whole step holds, so the gradients of the processes add up to that of a single one: nothing is
averaged. A pass through a model gathers its weights from all processes, so all must make as many (`own_parts`).
"""

import atexit
import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MethodType
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel

from trainer.errors import TrainerError
from trainer.processes import leads, world_size

T = TypeVar("T")


def join_processes(device: torch.device) -> None:
    """Meet the other processes of this run, if there are any; on CUDA each takes a GPU of its own."""
    if world_size() == 1 or dist.is_initialized():
        return
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    atexit.register(dist.destroy_process_group)


def wait_for_all() -> None:
    if world_size() > 1:
        dist.barrier()


def summed(*values: float) -> tuple[float, ...]:
    """Each added up over the processes."""
    if world_size() == 1:
        return values
    total = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(total)
    return tuple(total.tolist())


def add_up(tensors: Sequence[Tensor]) -> None:
    """Each over the processes, in place."""
    if world_size() > 1:
        for tensor in tensors:
            dist.all_reduce(tensor)


def any_process(flag: bool) -> bool:
    return bool(summed(float(flag))[0])


def of_all_processes(value: T) -> list[T]:
    """What each process has, in their order."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value)
    return values


def shard(model: nn.Module, device: torch.device) -> None:
    """Split the weights over the processes, layer by layer, in place; scalars stay whole."""
    if world_size() == 1:
        return
    mesh = init_device_mesh(device.type, (world_size(),))
    scalars = {parameter for parameter in model.parameters() if parameter.ndim == 0}
    for module in (*decoder_layers(model), model):
        sharded = fully_shard(module, mesh=mesh, reshard_after_forward=True, ignored_params=scalars)
        sharded.set_gradient_divide_factor(1.0)
        sharded.set_force_sum_reduction_for_comms(True)
    model.call = MethodType(_call, model)  # type: ignore[assignment]
    register_fsdp_forward_method(model, "call")


def decoder_layers(model: nn.Module) -> list[nn.Module]:
    """The layers that transformers keeps whole on a device."""
    families = [module for module in model.modules() if isinstance(module, PreTrainedModel)]
    names = {name for family in families for name in family._no_split_modules or ()}
    return [module for module in model.modules() if type(module).__name__ in names]


def through(model: Any, function: Callable[..., T], *arguments: Any) -> T:
    """`function(model, *arguments)` with the weights gathered, as they are in a call of the model itself."""
    if isinstance(model, FSDPModule):
        answer: T = model.call(function, *arguments)  # type: ignore[attr-defined]
        return answer
    return function(model, *arguments)


def _call(model: nn.Module, function: Callable[..., T], *arguments: Any) -> T:
    return function(model, *arguments)


@contextmanager
def whole(model: nn.Module) -> Iterator[None]:
    """All weights in each process, for passes that the others need not make: sampling ends where it ends."""
    sharded = [module for module in model.modules() if isinstance(module, FSDPModule)]
    for module in sharded:
        module.set_reshard_after_forward(False, recurse=False)
        module.unshard()
    try:
        yield
    finally:
        for module in sharded:
            module.set_reshard_after_forward(True, recurse=False)
            module.reshard()


def whole_tensor(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def save_pretrained(model: Any, folder: Path) -> None:
    """The whole model, written by the process that leads."""
    state = None if world_size() == 1 else whole_state(model)
    if leads():
        model.save_pretrained(folder, state_dict=state)


def whole_state(model: nn.Module) -> dict[str, Tensor]:
    """Its weights on the CPU; tied ones stay one tensor."""
    known: dict[int, Tensor] = {}
    state = model.state_dict(keep_vars=True)
    for tensor in state.values():
        if id(tensor) not in known:
            known[id(tensor)] = whole_tensor(tensor.detach()).cpu()
    return {name: known[id(tensor)] for name, tensor in state.items()}


def clip_gradients(parameters: Sequence[nn.Parameter], limit: float) -> float:
    """Scale all gradients so that their common norm is `limit` at most; the norm before.

    Gradients of what is sharded were added up in the backward pass; those of scalars are here.
    """
    if world_size() == 1:
        return float(nn.utils.clip_grad_norm_(parameters, limit))
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    shards = [gradient.to_local() for gradient in gradients if isinstance(gradient, DTensor)]
    scalars = [gradient for gradient in gradients if not isinstance(gradient, DTensor)]
    for gradient in scalars:
        dist.all_reduce(gradient)
    (squares,) = summed(_squares(shards))
    norm = math.sqrt(squares + _squares(scalars))
    if norm > limit:
        torch._foreach_mul_([*shards, *scalars], limit / (norm + 1e-6))
    return norm


def _squares(tensors: Sequence[Tensor]) -> float:
    return float(torch.stack([tensor.norm() for tensor in tensors]).square().sum()) if tensors else 0.0


def local(tensor: Tensor) -> Tensor:
    """What this process holds of it."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def save_shards(state: Mapping[str, Any], folder: Path) -> None:
    """Each process writes what it holds; any number of processes can read it."""
    with _alone_on_purpose():
        save(dict(state), checkpoint_id=folder, no_dist=world_size() == 1)


def load_shards(state: Mapping[str, Any], folder: Path) -> None:
    """Fill `state`, which must have all its tensors, however many processes wrote them. Raises `TrainerError`."""
    try:
        with _alone_on_purpose():
            load(cast("dict[str, Any]", state), checkpoint_id=folder, no_dist=world_size() == 1)
    except CheckpointException as error:
        raise TrainerError(f"{folder} was written by another kind of run; start in a new folder.") from error


@contextmanager
def _alone_on_purpose() -> Iterator[None]:
    """torch warns where there is one process, even where it was told so."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield
