"""Files that were given up are removed by a job, so that they go exactly when what says so was committed."""

from app import jobs
from app.checkpoints.files import remove_files
from app.config import settings

REMOVE_FILES = "checkpoints.remove_files"


@jobs.task(name=REMOVE_FILES)
def remove(location: str) -> None:
    remove_files(settings().files, location)
