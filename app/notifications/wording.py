"""What an event says to people: a subject and a sentence, in the language spoken."""

from collections.abc import Mapping
from typing import Any

from app.errors import message
from app.notifications.models import EventKind
from app.translation import gettext, state_in_words

SUBJECTS = {
    EventKind.ROUND_FINISHED: message("{project}: round {round} is finished"),
    EventKind.ROUND_FAILED: message("{project}: round {round} failed"),
    EventKind.ROUND_AWAITS_APPROVAL: message("{project}: round {round} waits for approval"),
    EventKind.RUN_FAILED: message("{project}: run {run} failed"),
    EventKind.CAMPAIGN_DONE: message("{project}: the campaign {campaign} is done"),
    EventKind.DATA_WAITING: message("{project}: {rankings} new rankings wait for a round"),
    EventKind.AUTOMATION_STOPPED: message("{project}: rounds no longer start by themselves"),
    EventKind.WEBHOOK_DISABLED: message("{project}: a webhook was switched off"),
    EventKind.TEST: message("This is a test"),
}
SENTENCES = {
    EventKind.ROUND_FINISHED: message("Round {round} has taken all its steps. Its report tells what came out."),
    EventKind.ROUND_FAILED: message("Round {round} stopped: {error}"),
    EventKind.ROUND_AWAITS_APPROVAL: message("Somebody has to look at the samples before labelers get them."),
    EventKind.RUN_FAILED: message("The stage {stage} stopped: {error}"),
    EventKind.CAMPAIGN_DONE: message("Every task has been answered as often as it was asked for."),
    EventKind.DATA_WAITING: message("So many have come since a round last froze rankings, and none starts by itself."),
    EventKind.AUTOMATION_STOPPED: message(
        "{failures} of them failed in a row. Look at them, then let them start again."
    ),
    EventKind.WEBHOOK_DISABLED: message("{url} took none of {failures} attempts. Mend it, then switch it on again."),
    EventKind.TEST: message("Whoever reads this will also learn when something happens."),
}


def subject(kind: EventKind, facts: Mapping[str, Any]) -> str:
    """One line, whatever is in the names."""
    return " ".join(_filled(SUBJECTS[kind], facts).split())


def sentence(kind: EventKind, facts: Mapping[str, Any]) -> str:
    return _filled(SENTENCES[kind], facts)


def _filled(said: str, facts: Mapping[str, Any]) -> str:
    """A stage is said in words; all else is a number, or as people wrote it."""
    words = {"stage": state_in_words(facts["stage"])} if "stage" in facts else {}
    return gettext(said).format(**{**facts, **words})
