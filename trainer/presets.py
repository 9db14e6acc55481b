"""Settings that belong together, by name: stage -> setting -> value. No torch here.

`tiny-cpu` is a model of half a million weights that two CPU cores take through the whole loop in a few minutes. Its
batches are small because steps are what it lacks, not examples; its rates are large because it is small. Ties teach its
reward model half a win each: of few rankings none can be spared.
"""

from typing import Any

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "tiny-cpu": {
        "pretrain": {
            "threads": 2,
            "vocabulary": 1500,
            "hidden": 96,
            "layers": 3,
            "heads": 4,
            "feed_forward": 256,
            "context": 256,
            "epochs": 1,
            "batch": 8,
            "learning_rate": 3e-3,
            "warmup_steps": 30,
            "checkpoint_every": 500,
        },
        "sft": {
            "threads": 2,
            "epochs": 8,
            "batch": 16,
            "learning_rate": 2e-3,
            "warmup_steps": 20,
            "residual_dropout": 0.0,
            "keep": "last",
            "checkpoint_every": 500,
        },
        "reward": {
            "threads": 2,
            "epochs": 2,
            "batch": 8,
            "learning_rate": 8e-4,
            "warmup_steps": 20,
            "residual_dropout": 0.0,
            "ties": "half",
            "keep": "average",
            "ema": 0.99,
            "checkpoint_every": 200,
        },
        "ppo": {
            "threads": 2,
            "steps": 60,
            "batch_prompts": 64,
            "samples_per_prompt": 2,
            "minibatch": 32,
            "learning_rate": 4e-4,
            "value_learning_rate": 1e-3,
            "schedule": "cosine",
            "warmup_steps": 4,
            "kl_coefficient": 0.05,
            "max_new_tokens": 80,
            "ema": 0.9,
            "checkpoint_every": 20,
        },
        "sample": {"max_new_tokens": 80, "batch": 256},
    },
}
