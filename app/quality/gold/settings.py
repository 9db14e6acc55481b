"""At which rates a campaign mixes in known answers and repeats, and below which agreement labelers are stopped."""

from sqlalchemy.orm import Session

from app.campaigns.models import Campaign
from app.errors import InvalidInput, message
from app.quality.gold.answers import OnlyRankingsAreKnown
from app.tasks.service import RANKED

MOST = 0.5


class PausedBeforeWarned(InvalidInput):
    sentence = message("Warn at the same agreement as you pause, or earlier.")


class TooMuchMixedIn(InvalidInput):
    sentence = message("At least half of the tasks have to be real ones.")


def set_mixing(session: Session, campaign: Campaign, gold_rate: float, repeat_rate: float) -> None:
    """Shares of each labeler's tasks. Raises `OnlyRankingsAreKnown`, `TooMuchMixedIn`."""
    if campaign.kind not in RANKED:
        raise OnlyRankingsAreKnown(name=campaign.name)
    if gold_rate + repeat_rate > MOST:
        raise TooMuchMixedIn
    campaign.gold_rate, campaign.repeat_rate = gold_rate, repeat_rate
    session.flush()


def set_thresholds(session: Session, campaign: Campaign, warn_below: float, pause_below: float) -> None:
    """Shares of pairs. Raises `PausedBeforeWarned`."""
    if pause_below > warn_below:
        raise PausedBeforeWarned
    campaign.warn_below, campaign.pause_below = warn_below, pause_below
    session.flush()
