"""`rondo users`: accounts from the command line, the first admin's among them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.accounts.invitations import invite, invite_first_admin
from app.accounts.links import make_user_link
from app.accounts.models import Cohort, LinkPurpose, Origin, Role, User
from app.accounts.queries import require_user, users_of
from app.accounts.service import deactivate, reactivate
from app.config import Settings, settings
from app.db import transaction
from app.quality.membership import move
from app.storage import storage
from app.web.addresses import served_address

app = typer.Typer(no_args_is_help=True, add_completion=False)

Email = Annotated[str, typer.Argument(help="The email address of the account.")]
OfRole = Annotated[Role, typer.Option(help="What the account may do.")]
OfCohort = Annotated[
    Cohort | None, typer.Option(help="For labelers: training by default; held_out labelers only evaluate.")
]


@app.callback()
def users() -> None:
    """Invite, list, deactivate and reset accounts, and change their roles."""


@app.command("invite")
def invite_user(email: Email, role: OfRole = Role.LABELER, cohort: OfCohort = None) -> None:
    """Print a link with which somebody makes an account. It works once, within 7 days."""
    with opened() as session:
        token = invite(session, email, role, cohort)
    typer.echo(served_address(settings(), f"/invitations/{token}"))


@app.command("list")
def list_users(
    origin: Annotated[Origin, typer.Option(help="People, simulated labelers or imported authors.")] = Origin.PERSON,
) -> None:
    """List the accounts of one kind."""
    table = Table("email", "name", "role", "cohort", "state")
    with opened() as session:
        for user in users_of(session, origin):
            state = "active" if user.active else "deactivated"
            table.add_row(user.email or "–", user.name, user.role, user.cohort or "–", state)
    Console().print(table)


@app.command("deactivate")
def deactivate_user(email: Email) -> None:
    """Sign an account out everywhere and let it in no more. Nothing it made is lost."""
    with account(email) as (session, user):
        deactivate(session, user)
    typer.echo(f"{email} is deactivated.")


@app.command("reactivate")
def reactivate_user(email: Email) -> None:
    """Let a deactivated account in again."""
    with account(email) as (session, user):
        reactivate(session, user)
    typer.echo(f"{email} is active.")


@app.command("reset")
def reset_user(email: Email) -> None:
    """Print a link with which the owner chooses a new password. It works once, within one day."""
    with account(email) as (session, user):
        token = make_user_link(session, LinkPurpose.RESET, user)
    typer.echo(served_address(settings(), f"/reset/{token}"))


@app.command("role")
def change_user_role(email: Email, role: Annotated[Role, typer.Argument()], cohort: OfCohort = None) -> None:
    """Change what an account may do, or a labeler's cohort."""
    with account(email) as (session, user):
        move(session, user, role, cohort)
        place = f"{user.role} ({user.cohort})" if user.cohort else user.role
    typer.echo(f"{email} is now {place}.")


def show_first_admin_link(engine: Engine, served: Settings) -> None:
    """On a server without an administrator, print the link that makes one; an earlier link stops working."""
    with transaction(engine) as session:
        token = invite_first_admin(session)
    if token:
        typer.echo(f"Nobody administers this server yet. Open once: {served_address(served, f'/invitations/{token}')}")


@contextmanager
def opened() -> Iterator[Session]:
    with storage(settings()) as engine, transaction(engine) as session:
        yield session


@contextmanager
def account(email: str) -> Iterator[tuple[Session, User]]:
    """Raises `NoSuchAccount`."""
    with opened() as session:
        yield session, require_user(session, email)
