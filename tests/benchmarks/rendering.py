"""How long does the costliest text take to render, and how long nine of them, as on the desk?

    python -m tests.benchmarks.rendering

The last line is one JSON object, in milliseconds of processor time: the worst single text, and nine long answers of
prose and code at once, before any of them was cached.
"""

import json
import time
from collections.abc import Callable
from functools import partial

from app.web.rendering import MAX_BYTES, render_untrusted
from tests.costly_texts import COSTLY

PROSE = "Let Postgres decide who may run: take an **advisory lock**, and give it back at the end of the job.\n\n"
CODE = "```python\n" + "rows = db.execute(query, [day]).fetchall()\n" * 20 + "```\n\n"
ATTEMPTS = 5


def main() -> None:
    each = {name: best_of(partial(render_untrusted, text)) for name, text in COSTLY.items()}
    for name, milliseconds in sorted(each.items(), key=lambda item: -item[1]):
        print(f"{milliseconds:6.0f} ms  {name}")
    answer = ((PROSE * 10 + CODE) * MAX_BYTES)[:MAX_BYTES]
    nine = best_of(lambda: [render_untrusted(answer) for _ in range(9)])
    print(json.dumps({"worst_ms": round(max(each.values()), 1), "nine_answers_ms": round(nine, 1)}))


def best_of(do: Callable[[], object]) -> float:
    """Milliseconds of processor time, the least of several attempts."""
    seconds = []
    for _ in range(ATTEMPTS):
        started = time.process_time()
        do()
        seconds.append(time.process_time() - started)
    return 1000 * min(seconds)


if __name__ == "__main__":
    main()
