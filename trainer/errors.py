"""What stops a stage, in one sentence for the person who started it."""


class TrainerError(Exception):
    """The message is shown as it is: on the terminal, in `status.json`, on the run's page."""


class Stopped(TrainerError):
    """Asked to stop (SIGTERM); a checkpoint was written."""
