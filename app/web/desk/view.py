"""What the desk's templates see. Of an output the page knows its letter and its text, nothing of who wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from secrets import token_urlsafe
from typing import Any

from markupsafe import Markup
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.models import Annotation
from app.annotations.queries import judged_outputs
from app.annotations.submissions import LETTERS
from app.annotations.written import typed_prompt
from app.campaigns.queries import frozen_form, frozen_guidelines
from app.completions.evidence import read_evidence
from app.completions.models import Completion
from app.projects.forms import Answer, Attribute, AttributeType, RatingForm
from app.projects.models import Guidelines
from app.projects.queries import rating_form
from app.projects.wording import in_readers_words
from app.prompts.models import Prompt
from app.tasks.drafts import WINDOW
from app.tasks.models import Assignment, AssignmentState
from app.tasks.queries import Desk
from app.translation import gettext
from app.web.desk.brief import writing_context
from app.web.desk.guidance import guidance
from app.web.forms import nested
from app.web.outputs import ShownText, shown_text, texts_of
from app.web.reading import html_of

Typed = Mapping[str, str]


@dataclass(frozen=True)
class ShownOutput:
    letter: str
    text: ShownText
    rank: int | None
    values: dict[str, Answer]


@dataclass(frozen=True)
class ShownAssignment:
    """The lease and where its forms go."""

    id: int
    letters: str
    draft_version: int
    draft_window: str
    active_seconds: int

    @property
    def submit_url(self) -> str:
        return f"/assignments/{self.id}/submit"

    @property
    def skip_url(self) -> str:
        return f"/assignments/{self.id}/skip"

    @property
    def draft_url(self) -> str:
        return f"/assignments/{self.id}/draft"

    @property
    def heartbeat_url(self) -> str:
        return f"/assignments/{self.id}/heartbeat"

    @property
    def stop_url(self) -> str:
        return f"/assignments/{self.id}/stop"

    @property
    def report_url(self) -> str:
        return f"/assignments/{self.id}/report"


@dataclass(frozen=True)
class ShownCampaign:
    name: str
    kind: str
    guidelines_html: Markup


def desk_context(
    session: Session, labeler: User, desk: Desk, typed: Typed, errors: Mapping[str, str], midnight: datetime
) -> dict[str, Any]:
    """`typed` are the fields as the form posts them, shown again as they are; `midnight` is the labeler's own."""
    form = in_readers_words(rating_form(frozen_form(session, desk.campaign)))
    tree = nested({name: [value] for name, value in typed.items()})
    guidelines = frozen_guidelines(session, desk.campaign)
    html = html_of(session, _texts(desk, guidelines))
    return {
        "assignment": _assignment(desk.assignment, len(desk.outputs)),
        "campaign": ShownCampaign(
            desk.campaign.name, desk.campaign.kind.value, html[guidelines.text] if guidelines else Markup("")
        ),
        "form": form,
        "conversation": [{"role": message["role"], "html": html[message["content"]]} for message in _messages(desk)],
        "outputs": [
            _output(letter, shown_text(output.text or "", read_evidence(output.evidence), html), form, tree)
            for letter, output in zip(LETTERS, desk.outputs, strict=False)
        ],
        "prompt_values": _values(form.prompt, tree.get("prompt")),
        "errors": _sentences(errors, form),
        "draft_saved_at": desk.assignment.draft_saved_at,
        "idempotency_key": token_urlsafe(16),
        "revising": desk.assignment.state is AssignmentState.SUBMITTED,
        "warning": _warning(desk),
        "warning_seen": bool(typed),
        **writing_context(session, desk, typed),
        **guidance(session, labeler, desk, midnight),
    }


def _warning(desk: Desk) -> str | None:
    """What is said of the campaign, then of the prompt. Where nothing is read but a brief, nothing is held back."""
    if desk.prompt is None:
        return None
    said = filter(None, (desk.campaign.content_warning, desk.prompt.content_warning))
    return " · ".join(dict.fromkeys(said)) or None


def typed_in(annotation: Annotation, session: Session, desk: Desk) -> dict[str, str]:
    """A submitted annotation as the form would post it, to be revised."""
    if annotation.prompt_id is not None:
        return typed_prompt(session.get_one(Prompt, annotation.prompt_id))
    judged = judged_outputs(session, [annotation]).get(annotation.id, {})
    typed = _named("prompt", annotation.prompt_ratings)
    for letter, output in zip(LETTERS, desk.outputs, strict=False):
        if judgement := judged.get(output.id):
            typed |= _named(f"output[{letter}]", judgement.ratings)
            typed |= {f"rank[{letter}]": str(judgement.rank)} if judgement.rank else {}
    if annotation.completion_id is not None:
        typed["text"] = session.get_one(Completion, annotation.completion_id).text or ""
    return typed


def _named(prefix: str, ratings: Mapping[str, Answer]) -> dict[str, str]:
    """A flag that is not ticked is not posted."""
    shown = {name: "1" if value is True else str(value) for name, value in ratings.items() if value is not False}
    return {f"{prefix}[{name}]": value for name, value in shown.items()}


def _assignment(assignment: Assignment, count: int) -> ShownAssignment:
    window, seconds = (assignment.draft or {}).get(WINDOW, ""), int(assignment.active_seconds)
    return ShownAssignment(assignment.id, LETTERS[:count], assignment.draft_version, window, seconds)


def _texts(desk: Desk, guidelines: Guidelines | None) -> list[str]:
    """All that is shown as formatted text, the prompt and its outputs first."""
    messages = [message["content"] for message in _messages(desk)]
    outputs = [texts_of(output.text or "", read_evidence(output.evidence)) for output in desk.outputs]
    return [*messages, *chain(*outputs), *([guidelines.text] if guidelines else [])]


def _messages(desk: Desk) -> list[dict[str, str]]:
    return desk.prompt.messages if desk.prompt else []


def _output(letter: str, text: ShownText, form: RatingForm, tree: Mapping[str, Any]) -> ShownOutput:
    ranks, outputs = _branch(tree, "rank"), _branch(tree, "output")
    rank = ranks.get(letter, "")
    return ShownOutput(
        letter,
        text,
        int(rank) if isinstance(rank, str) and rank.isdecimal() else None,
        _values(form.output, outputs.get(letter)),
    )


def _branch(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    branch = tree.get(name)
    return branch if isinstance(branch, Mapping) else {}


def _values(attributes: tuple[Attribute, ...], typed: object) -> dict[str, Answer]:
    """As the controls compare them: whole numbers of scales as numbers, a ticked flag as True."""
    values = typed if isinstance(typed, Mapping) else {}
    return {each.name: _value(each, str(values[each.name])) for each in attributes if each.name in values}


def _value(attribute: Attribute, typed: str) -> Answer:
    if attribute.type is AttributeType.FLAG:
        return True
    if attribute.type is AttributeType.SCALE and typed.isascii() and typed.isdecimal():
        return int(typed)
    return typed


def _sentences(errors: Mapping[str, str], form: RatingForm) -> list[str]:
    """Each error with the name of what it is about: "B, Overall quality: An answer is needed."."""
    labels = {each.name: each.label for each in (*form.output, *form.prompt)}
    return [_about(field, labels) + sentence for field, sentence in errors.items()]


def _about(field: str, labels: Mapping[str, str]) -> str:
    """`output[b][overall]` is about "B, Overall quality: ", `pair[2][query]` about "Pair 2: ", `text` about nothing."""
    root, *path = field.replace("]", "").split("[")
    if root == "pair" and path:
        return gettext("Pair {number}: ").format(number=path[0])
    letter = [path[0].upper()] if root in {"rank", "output"} and path else []
    name = [labels.get(path[-1], path[-1])] if root in {"output", "prompt"} and path else []
    return ", ".join(letter + name) + ": " if letter or name else ""
