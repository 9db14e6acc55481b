"""Small jobs in the background, queued by procrastinate in our own database.

A module declares one with `@jobs.task(name="campaigns.close_stale")`, a service queues it with `defer`. It takes only
JSON arguments, may run twice, and finds the database with `engine_of`.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import Any

from procrastinate import App, JobContext, PsycopgConnector, SyncPsycopgConnector
from procrastinate.jobs import JobDeferrer
from procrastinate.manager import JobManager
from sqlalchemy import Engine
from sqlalchemy.orm import Session

STALLED_AFTER = 30  # seconds without a heartbeat of the worker; it beats every 10
LOOK_EVERY = 0.5  # seconds between looks whether the worker is to stop

logger = logging.getLogger(__name__)

queue = App(connector=PsycopgConnector())  # replaced by one with an address while a worker runs
task = queue.task
periodic = queue.periodic


def defer(session: Session, name: str, **arguments: Any) -> int:
    """Queue a job in the session's transaction: it exists if that commits. Gives the job's number."""
    job = queue.configure_task(name, allow_unknown=False).job
    manager = JobManager(SyncPsycopgConnector())  # it stays closed: the session's connection is all it uses
    return JobDeferrer(manager, job, session.connection().connection.driver_connection).defer(**arguments)


def engine_of(context: JobContext) -> Engine:
    """For tasks declared with `pass_context=True`."""
    engine: Engine = context.additional_context["engine"]
    return engine


def run_worker(engine: Engine, stopping: Event) -> None:
    """Do jobs until `stopping` is set; a job in hand is finished first."""
    asyncio.run(_work_until(engine, stopping))


def run_due_jobs(engine: Engine) -> None:
    """Do what is queued by now, then return. In a thread of its own: the caller's may have an event loop running."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(_work(engine, {"wait": False}))).result()


async def _work_until(engine: Engine, stopping: Event) -> None:
    work = asyncio.create_task(_work(engine, {}))
    while not stopping.is_set() and not work.done():
        await asyncio.sleep(LOOK_EVERY)
    work.cancel()  # procrastinate takes this as: finish what is in hand, then stop
    with suppress(asyncio.CancelledError):
        await work


async def _work(engine: Engine, options: dict[str, Any]) -> None:
    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with queue.replace_connector(PsycopgConnector(conninfo=address)):
        async with queue.open_async():
            await queue.run_worker_async(
                additional_context={"engine": engine},
                concurrency=2,
                delete_jobs="successful",
                stalled_worker_timeout=STALLED_AFTER,
                install_signal_handlers=False,
                **options,
            )


@periodic(cron="* * * * *")
@task(name="jobs.retry_stalled", queueing_lock="jobs.retry_stalled", pass_context=True)
async def retry_stalled(context: JobContext, timestamp: int) -> None:
    """Queue again what was in the hands of a worker that was killed; procrastinate leaves that to us."""
    del timestamp
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER):
        logger.warning("Job %s stalled and is queued again", job.call_string)
        await manager.retry_job(job)
