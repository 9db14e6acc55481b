"""What happens to tasks while nobody claims one: expired leases go back, so that progress pages tell the truth."""

from procrastinate import JobContext

from app import jobs
from app.db import transaction
from app.tasks.leasing import return_expired_leases


@jobs.periodic(cron="* * * * *")
@jobs.task(name="tasks.return_expired_leases", queueing_lock="tasks.return_expired_leases", pass_context=True)
def return_leases(context: JobContext, timestamp: int) -> None:
    del timestamp
    with transaction(jobs.engine_of(context)) as session:
        return_expired_leases(session)
