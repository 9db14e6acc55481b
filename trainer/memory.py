"""What a run that needs more memory than there is tells its owner. No torch here: its errors are known by name."""

from dataclasses import fields

from trainer.config import RunSettings
from trainer.errors import TrainerError

# Settings that cost memory, those that change least of what is learned first.
COSTLY = (
    *("micro_tokens", "micro_batch", "sample_batch", "minibatch", "batch"),
    *("max_new_tokens", "max_completion_tokens", "max_prompt_tokens"),
)


class NotEnoughMemory(TrainerError):
    def __init__(self, config: RunSettings) -> None:
        super().__init__(f"There is not enough memory. {advice(config)}")


def ran_out_of_memory(error: Exception) -> bool:
    """On the GPU (`torch.OutOfMemoryError`), or on the CPU: torch's allocator raises a plain `RuntimeError`."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in str(error)
    )


def advice(config: RunSettings) -> str:
    """Which of a stage's settings to change, with their values."""
    known = {item.name: getattr(config, item.name) for item in fields(config)}
    lower = ", ".join(f"{name} ({told(known[name])})" for name in COSTLY if name in known)
    sentences = [f"Lower one of these settings: {lower}."]
    if known.get("gradient_checkpointing") == "off":
        sentences.append("Or set gradient_checkpointing to on.")
    if known.get("lora_rank") == 0:
        sentences.append("Or train adapters only: set lora_rank to 16.")
    return " ".join(sentences)


def told(value: int) -> str:
    return f"now {value}" if value else "now 0, which sets no limit"
