"""What a run finds in its folder."""

import io
import json
from pathlib import Path

from sqlalchemy.orm import Session

from app.annotations.imports.importing import import_demonstrations
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.runs.models import Stage
from app.runs.service import Input, enqueue_run
from app.worker.folders import write_run_folder
from tests.factories import make_project
from trainer.records import TextRecord, read_lines


def test_a_model_is_pretrained_on_the_training_split_alone(session: Session, tmp_path: Path) -> None:
    project = make_project(session)
    lines = [
        {
            "prompt_id": split,
            "prompt": [{"role": "user", "content": f"Of {split}?"}],
            "completion": f"Of {split}.",
            "split": split,
        }
        for split in ("train", "validation", "test")
    ]
    import_demonstrations(session, project, io.BytesIO("\n".join(map(json.dumps, lines)).encode()), source="words")
    dataset = freeze_dataset(session, tmp_path, project, "all", DatasetKind.DEMONSTRATIONS, DatasetFilter())
    run = enqueue_run(session, project, Stage.PRETRAIN, {}, [Input("texts", dataset)])
    folder = write_run_folder(session, run, tmp_path)
    assert [each.text for each in read_lines(TextRecord, folder / "texts.jsonl")] == ["Of train?\nOf train."]
