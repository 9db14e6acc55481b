"""Files that were given up are removed by a job, so that they go exactly when what says so was committed."""

from procrastinate import RetryStrategy

from app import jobs
from app.checkpoints.files import remove_files
from app.config import settings
from app.files.store import StoreUnreachable

REMOVE_FILES = "checkpoints.remove_files"
AGAIN = RetryStrategy(max_attempts=30, linear_wait=60, retry_exceptions={StoreUnreachable})  # over seven hours


@jobs.task(name=REMOVE_FILES, retry=AGAIN)
def remove(location: str) -> None:
    remove_files(settings().files, location)
