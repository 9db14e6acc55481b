"""`python -m trainer.devices`: the GPUs that a run on this machine would find, as JSON: `[[name, MiB], ...]`."""

import json

import torch


def devices() -> list[tuple[str, int]]:
    """Name and memory in MiB of each."""
    found = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    return [(each.name, each.total_memory >> 20) for each in found]


if __name__ == "__main__":
    print(json.dumps(devices()))
