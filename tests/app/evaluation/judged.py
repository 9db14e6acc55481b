"""Rankings by several voices of outputs by several policies, brought in as a file."""

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.annotations.imports.importing import import_comparisons
from app.projects.models import Project


def bring(session: Session, project: Project, rows: Iterable[Mapping[str, Any]], source: str = "file") -> None:
    file = io.BytesIO("\n".join(map(json.dumps, rows)).encode())
    import_comparisons(session, project, file, source=source)


def judged(
    number: int, ranks: Mapping[str, int], *, texts: Mapping[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    """One prompt, and what one labeler says of the policies' outputs; each writes its own name unless said."""
    return {
        "prompt_id": f"p{number}",
        "prompt": [{"role": "user", "content": f"Question {number}?"}],
        "completions": [(texts or {}).get(policy, f"{policy} answers {number}") for policy in ranks],
        "authors": [[policy] for policy in ranks],
        "ranks": list(ranks.values()),
        "labeler": "w1",
        **more,
    }
