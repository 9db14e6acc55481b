"""All that may be noticed of a labeler's rankings, each sign with the chances it has where nothing is wrong.

Each gives its evidence after every answer (`signs_evidence`), so that looking often raises no more alarms. The
alternatives are far from what honest people do: a slight leaning to the first output or a somewhat lower score stays
unmentioned.
"""

from app.quality.signs.agreement import of_gold, of_others, of_repeats
from app.quality.signs.answers import Answers
from app.quality.signs.copying import of_copying
from app.quality.signs.findings import Finding, Thresholds
from app.quality.signs.habits import of_position, of_sameness, of_speed


def findings(answers: Answers, thresholds: Thresholds) -> list[Finding]:
    """Of every sign that there is anything to look at for, raised or not."""
    looks = (
        of_gold(answers, thresholds),
        of_others(answers),
        of_repeats(answers),
        of_position(answers),
        of_sameness(answers),
        of_speed(answers),
        of_copying(answers),
    )
    return [found for found in looks if found is not None]
