"""Settings that belong together, by name: stage -> setting -> value. No torch here."""

from typing import Any

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "tiny-cpu": {
        "pretrain": {"hidden": 96, "layers": 3, "heads": 4, "feed_forward": 256, "epochs": 2},
        "sft": {"epochs": 4, "learning_rate": 2e-3},
        "reward": {"epochs": 2, "learning_rate": 1e-3},
        "ppo": {"steps": 100, "learning_rate": 1e-3, "value_learning_rate": 1e-3, "max_new_tokens": 64},
        "sample": {"max_new_tokens": 64, "batch": 512},
    },
}
