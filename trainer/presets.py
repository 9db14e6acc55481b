"""Settings that belong together, by name: stage -> setting -> value. No torch here.

`tiny-cpu` is a model of half a million weights that two CPU cores take through the whole loop in a few minutes. Its
batches are small because steps are what it lacks, not examples; its rates are large because it is small. Ties teach its
reward model half a win each: of few rankings none can be spared.

`one-gpu` learns adapters (LoRA) in bf16, for models of 1 to 8 billion weights in 24 to 80 GB. Adapters want a rate ten
times that of all weights [Schulman et al. 2025, LoRA Without Regret]; the batches are smaller than InstructGPT's.

`instructgpt-1.3b` and `instructgpt-6b` are what the paper prints [Ouyang et al. 2022, C.1 to C.4], the same for both
sizes: demonstrations and PPO are learned at that size, the reward model is one of 6B for all. PPO is PPO-ptx and needs
texts. What is not printed (the policy's rate, GAE, the clipping of values and gradients) stays at the defaults.
"""

from typing import Any

LENGTHS = {"max_prompt_tokens": 1024, "max_completion_tokens": 1024}

INSTRUCT_GPT: dict[str, dict[str, Any]] = {
    "sft": {
        **LENGTHS,
        "epochs": 16,
        "batch": 32,
        "learning_rate": 9.65e-6,
        "schedule": "cosine",
        "warmup_steps": 0,
        "residual_dropout": 0.2,
        "keep": "best",
        "max_new_tokens": 1024,
    },
    "reward": {
        **LENGTHS,
        "epochs": 1,
        "batch": 64,
        "learning_rate": 9e-6,
        "schedule": "cosine",
        "warmup_steps": 0,
        "loss": "pairwise",
        "ties": "drop",
        "keep": "last",
    },
    "ppo": {
        **LENGTHS,
        "max_new_tokens": 1024,
        "steps": 500,  # of 512 episodes: 256,000
        "batch_prompts": 512,
        "samples_per_prompt": 1,
        "minibatch": 64,
        "epochs": 1,
        "schedule": "constant",
        "warmup_steps": 10,
        "value_learning_rate": 9e-6,
        "kl_coefficient": 0.02,
        "clip": 0.2,
        "temperature": 1.0,
        "gamma": 1.0,
        "ema": 0.992,
        "ptx_coefficient": 27.8,
        "ptx_batch": 8,
    },
    "sample": {**LENGTHS, "max_new_tokens": 1024},
}

ADAPTERS = {"lora_rank": 32, "lora_alpha": 32, "precision": "bf16", "gradient_checkpointing": "on"}

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
    "one-gpu": {
        "sft": {
            **LENGTHS,
            **ADAPTERS,
            "epochs": 3,
            "batch": 32,
            "micro_batch": 4,
            "learning_rate": 1e-4,
            "residual_dropout": 0.0,
        },
        "reward": {
            **LENGTHS,
            **ADAPTERS,
            "epochs": 1,
            "batch": 32,
            "micro_tokens": 8192,
            "learning_rate": 9e-5,
        },
        "ppo": {
            **LENGTHS,
            **ADAPTERS,
            "max_new_tokens": 512,
            "steps": 200,
            "batch_prompts": 128,
            "minibatch": 64,
            "micro_batch": 4,
            "logits_at_once": 1024,
            "learning_rate": 1e-5,
            "value_learning_rate": 9e-5,
            "ema": 0.0,
        },
        "sample": {**LENGTHS, "max_new_tokens": 512, "batch": 64},
    },
    "instructgpt-1.3b": INSTRUCT_GPT,
    "instructgpt-6b": INSTRUCT_GPT,
}
