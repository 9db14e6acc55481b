"""What stops a stage, in one sentence for the person who started it."""


class TrainerError(Exception):
    """The message is shown as it is: on the terminal, in `status.json`, on the run's page."""


class NotFinite(TrainerError):
    """A gradient or a weight is infinite or no number. What was kept before is whole."""


class Stopped(TrainerError):
    """Asked to stop (SIGTERM); a checkpoint was written."""
