"""The texts of open campaigns formatted before anybody asks: a desk then finds nine of them in one look."""

from collections.abc import Iterator
from itertools import chain
from time import monotonic, sleep

from procrastinate import JobContext
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app import jobs
from app.campaigns.models import Campaign
from app.campaigns.queries import campaign as campaign_numbered
from app.campaigns.queries import languages_of, open_campaigns
from app.completions.evidence import read_evidence
from app.db import transaction
from app.tasks.queries import Shown, shown_after, waiting_before
from app.translation import speaking
from app.web.outputs import texts_of
from app.web.reading import keep_ahead

TASKS_AT_ONCE = 50
FEWEST_AHEAD, MOST_AHEAD = 5_000, 20_000  # tasks of a campaign; it is caught up on where fewer are ready
SECONDS = 50.0  # the next minute has a job of its own
REST = 0.5  # of the time spent: whoever shares this process's interpreter works too


@jobs.periodic(cron="* * * * *")
@jobs.task(name="campaigns.format_texts", queueing_lock="campaigns.format_texts", pass_context=True)
def format_texts(context: JobContext, timestamp: int) -> None:
    """Tasks that are added to a campaign in front of the others later are formatted when they are shown."""
    del timestamp
    end = monotonic() + SECONDS
    began = monotonic()
    for _ in formatted(jobs.engine_of(context)):
        if monotonic() > end:
            return
        sleep(REST * (monotonic() - began))
        began = monotonic()


def formatted(engine: Engine) -> Iterator[int]:
    """Formats what is handed out next in the open campaigns, and says of how many tasks, one transaction at a time."""
    with transaction(engine) as session:
        wanted = {campaign.id: _wanted(session, campaign) for campaign in open_campaigns(session)}
    for number, tasks in wanted.items():
        for _ in range(0, tasks, TASKS_AT_ONCE):
            with transaction(engine) as session:
                done = format_next(session, campaign_numbered(session, number))
            yield done
            if done < TASKS_AT_ONCE:
                break


def _wanted(session: Session, campaign: Campaign) -> int:
    ready = waiting_before(session, campaign, campaign.formatted_to)
    return MOST_AHEAD - ready if ready < FEWEST_AHEAD else 0


def format_next(session: Session, campaign: Campaign) -> int:
    """The campaign's next tasks, in every language that its members read; returns how many."""
    shown = shown_after(session, campaign, campaign.formatted_to, TASKS_AT_ONCE)
    if shown is None:
        return 0
    texts = _texts(shown)
    for language in languages_of(session, campaign):
        with speaking(language):
            keep_ahead(session, texts)
    campaign.formatted_to = shown.to
    return shown.tasks


def _texts(shown: Shown) -> list[str]:
    said = (message["content"] for prompt in shown.prompts for message in prompt.messages)
    outputs = (texts_of(output.text or "", read_evidence(output.evidence)) for output in shown.outputs)
    return [*said, *chain(*outputs)]
