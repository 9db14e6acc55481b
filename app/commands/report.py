"""`rondo report`: what is known of labels, labelers and policies, as tables in the terminal or as JSON."""

import typer

from app.commands.report_agreement import agreement
from app.commands.report_evaluation import evaluation
from app.commands.report_labelers import labelers

app = typer.Typer(no_args_is_help=True, add_completion=False)
app.command()(agreement)
app.command()(evaluation)
app.command()(labelers)


@app.callback()
def report() -> None:
    """Print what is known of labels, labelers and policies, as tables or JSON."""
