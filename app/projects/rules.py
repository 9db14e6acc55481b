"""Rules: one sentence each about what a model must not do, attacked one at a time (Glaese et al. 2022, section 2).

A rule is made with the form on which answers are judged by it, and neither changes afterwards: what was said of an
answer was said of that sentence. A rule that is no longer wanted is archived.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.errors import DomainError, InvalidInput, NotFound, message
from app.projects.models import FormVersion, Project, Rule
from app.projects.ready_made import rule_form
from app.projects.service import add_form

LONGEST_NAME = 80  # as long as the label of an attribute
LONGEST_TEXT = 500  # as long as its description


class RuleNameTaken(DomainError):
    sentence = message("This project already has a rule named {name}.")


class RuleIncomplete(InvalidInput):
    sentence = message("A rule needs a name of at most {name} characters and a sentence of at most {text}.")


class RuleArchived(DomainError):
    sentence = message("The rule {name} is archived; bring it back before you use it.")


def create_rule(session: Session, project: Project, name: str, text: str, *, author: User | None = None) -> Rule:
    """Raises `RuleIncomplete`, `RuleNameTaken`."""
    name, text = name.strip(), text.strip()
    if not (0 < len(name) <= LONGEST_NAME and 0 < len(text) <= LONGEST_TEXT):
        raise RuleIncomplete(name=LONGEST_NAME, text=LONGEST_TEXT)
    if session.scalar(select(Rule.id).where(Rule.project_id == project.id, Rule.name == name)):
        raise RuleNameTaken(name=name)
    rule = Rule(project_id=project.id, name=name, text=text, archived=False)
    session.add(rule)
    session.flush()
    version = FormVersion(rule_id=rule.id, author_id=author.id if author else None)
    add_form(session, project, version, rule_form(name, text))
    return rule


def archive_rule(session: Session, rule: Rule) -> None:
    """No new campaign may name it; what was collected on it stays."""
    rule.archived = True
    session.flush()


def bring_rule_back(session: Session, rule: Rule) -> None:
    rule.archived = False
    session.flush()


def rule_numbered(session: Session, project: Project, number: int) -> Rule:
    """Raises `NotFound`, also for another project's rule."""
    found = session.get(Rule, number)
    if found is None or found.project_id != project.id:
        raise NotFound(what="rule", number=number)
    return found


def rules_of(session: Session, project: Project) -> Sequence[Rule]:
    """Those in use first, then by name."""
    return session.scalars(select(Rule).where(Rule.project_id == project.id).order_by(Rule.archived, Rule.name)).all()


def form_of_rule(session: Session, rule: Rule) -> FormVersion:
    return session.scalars(select(FormVersion).where(FormVersion.rule_id == rule.id)).one()
