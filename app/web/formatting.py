"""The texts of open campaigns formatted before anybody asks: a desk then finds nine of them in one look."""

from itertools import chain
from time import monotonic, sleep

from procrastinate import JobContext
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app import jobs
from app.campaigns.models import Campaign
from app.campaigns.queries import languages_of, open_campaigns
from app.completions.evidence import read_evidence
from app.db import transaction
from app.tasks.queries import Shown, shown_after
from app.translation import speaking
from app.web.outputs import texts_of
from app.web.reading import keep_ahead

TASKS_AT_ONCE = 50
SECONDS = 50.0  # the next minute has a job of its own
REST = 0.5  # of the time spent: whoever shares this process's interpreter works too


@jobs.periodic(cron="* * * * *")
@jobs.task(name="campaigns.format_texts", queueing_lock="campaigns.format_texts", pass_context=True)
def format_texts(context: JobContext, timestamp: int) -> None:
    del timestamp
    end = monotonic() + SECONDS
    while monotonic() < end:
        began = monotonic()
        if not format_some(jobs.engine_of(context)):
            return
        sleep(REST * (monotonic() - began))


def format_some(engine: Engine) -> bool:
    """The next tasks of the open campaigns, in one transaction; False where all are done."""
    with transaction(engine) as session:
        return any(format_next(session, campaign) for campaign in open_campaigns(session))


def format_next(session: Session, campaign: Campaign) -> bool:
    """The campaign's next tasks, in every language that its members read; False where there are none."""
    shown = shown_after(session, campaign, campaign.formatted_to, TASKS_AT_ONCE)
    if shown is None:
        return False
    texts = _texts(shown)
    for language in languages_of(session, campaign):
        with speaking(language):
            keep_ahead(session, texts)
    campaign.formatted_to = shown.to
    return True


def _texts(shown: Shown) -> list[str]:
    said = (message["content"] for prompt in shown.prompts for message in prompt.messages)
    outputs = (texts_of(output.text or "", read_evidence(output.evidence)) for output in shown.outputs)
    return [*said, *chain(*outputs)]
