"""Writes imported annotations, a thousand at a time, in the order of their foreign keys."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from app.accounts.models import Cohort
from app.annotations.imports.judgements import Judgement
from app.annotations.imports.sources import Campaigns, ImportSource, Labelers
from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.campaigns.models import Campaign, CampaignKind
from app.checkpoints.service import external_checkpoint
from app.clock import now
from app.completions.service import NewCompletion, add_completions, completion_digest
from app.db import Row
from app.projects.models import Project
from app.prompts.importing import Line, prompt_of
from app.prompts.messages import messages_digest
from app.prompts.models import Source
from app.prompts.service import NewPrompt, add_prompts
from app.tasks.models import Assignment, AssignmentState, Task, TaskCompletion
from trainer.records import Comparison, Demonstration

HUMAN = "human"
AS_GIVEN = "as_given"


@dataclass(frozen=True)
class Submitted:
    """One annotation with the outputs its labeler saw; completion ids in the order of the file.

    `as_given` is kept with the assignment, where a labeler's own typing is, if storing it merged equal texts.
    """

    task_id: int
    labeler_id: int
    completion_ids: tuple[int, ...]
    kind: AnnotationKind
    record: Demonstration | Comparison
    key: str
    as_given: list[dict[str, Any]] | None = None


class AnnotationRows:
    """What both kinds share: finding duplicates, labelers, campaigns, and the rows from assignment downwards."""

    def __init__(self, session: Session, project: Project, source: ImportSource) -> None:
        self.added = self.duplicates = self.prompts = self.completions = self.settled_apart = 0
        self.session = session
        self.project = project
        self.source = source
        self.labelers = Labelers(session, f"{project.name}/{source.name}")
        self.campaigns = Campaigns(session, project, source)
        self._keys: set[str] = set()
        self._answers: Counter[int] = Counter()  # by task id

    def new_by_key(self, rows: Iterable[tuple[str, Row]]) -> dict[str, Row]:
        """Without the exact duplicates, which are counted: of earlier rows, and of earlier imports."""
        fresh: dict[str, Row] = {}
        for key, row in rows:
            if key in self._keys:
                self.duplicates += 1
            else:
                self._keys.add(key)
                fresh[key] = row
        known = self._known_keys(list(fresh))
        self.duplicates += len(known)
        return {key: row for key, row in fresh.items() if key not in known}

    def _known_keys(self, keys: Sequence[str]) -> set[str]:
        query = (
            select(Annotation.idempotency_key)
            .join(Task, Task.id == Annotation.task_id)
            .join(Campaign, Campaign.id == Task.campaign_id)
            .where(Campaign.project_id == self.project.id, Campaign.imported, Annotation.idempotency_key.in_(keys))
        )
        return set(self.session.scalars(query))

    def insert_tasks(self, campaign: Campaign, prompt_ids: Sequence[int]) -> list[int]:
        task = {"campaign_id": campaign.id, "kind": campaign.kind, "overlap": 1, "remaining": 0}
        return self._insert(Task, [task | {"prompt_id": prompt_id} for prompt_id in prompt_ids])

    def insert_annotations(self, submitted: Sequence[Submitted]) -> list[int]:
        assignment_ids = self._insert(Assignment, [self._assignment(each) for each in submitted])
        pairs = zip(submitted, assignment_ids, strict=True)
        numbers = self._insert(Annotation, [self._annotation(each, assignment) for each, assignment in pairs])
        self.added += len(numbers)
        self._answers.update(each.task_id for each in submitted)
        return numbers

    def finish(self) -> None:
        """Say of tasks and campaigns how many labelers they had."""
        several = [{"id": task, "overlap": answers} for task, answers in self._answers.items() if answers > 1]
        if several:
            self.session.execute(update(Task), several)
        for campaign_id in self.campaigns.numbers:
            most = select(func.least(func.max(Task.overlap), 20)).where(Task.campaign_id == campaign_id)
            self.session.execute(
                update(Campaign).where(Campaign.id == campaign_id).values(overlap=most.scalar_subquery())
            )

    def _assignment(self, each: Submitted) -> dict[str, Any]:
        return {
            "task_id": each.task_id,
            "labeler_id": each.labeler_id,
            "state": AssignmentState.SUBMITTED,
            "shown_order": list(each.completion_ids) if each.kind is not AnnotationKind.DEMONSTRATION else [],
            "active_seconds": each.record.seconds or 0.0,
            "draft": {AS_GIVEN: each.as_given} if each.as_given else None,
            "deadline": now(),
        }

    def _annotation(self, each: Submitted, assignment_id: int) -> dict[str, Any]:
        demonstrated = each.kind is AnnotationKind.DEMONSTRATION
        return {
            "assignment_id": assignment_id,
            "task_id": each.task_id,
            "labeler_id": each.labeler_id,
            "kind": each.kind,
            "cohort": Cohort(each.record.cohort),
            "simulated": each.record.simulated,
            "form_version_id": self.source.form.id,
            "completion_id": each.completion_ids[0] if demonstrated else None,
            "prompt_ratings": dict(each.record.prompt_ratings) if isinstance(each.record, Comparison) else {},
            "idempotency_key": each.key,
            "seconds": each.record.seconds,
        }

    def _insert(self, model: type[Task] | type[Assignment] | type[Annotation], rows: list[dict[str, Any]]) -> list[int]:
        """Ids in the order of the rows."""
        if not rows:
            return []
        statement = insert(model).returning(model.id, sort_by_parameter_order=True)
        return list(self.session.scalars(statement, rows))


class DemonstrationRows(AnnotationRows):
    """A demonstration is a task of its own: one labeler may have written several texts for a prompt."""

    def add(self, lines: Sequence[Line[Demonstration]]) -> None:
        fresh = self.new_by_key((self._key(line), line) for line in lines)
        if fresh:
            self._write(fresh)

    def _key(self, line: Line[Demonstration]) -> str:
        record = line.record
        parts = (messages_digest(prompt_of(record.prompt)), completion_digest(record.completion), record.labeler)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def _write(self, fresh: dict[str, Line[Demonstration]]) -> None:
        prompts = [NewPrompt(prompt_of(line.record.prompt), split=line.split) for line in fresh.values()]
        ids, added = add_prompts(self.session, self.project, prompts, source=Source.IMPORTED)
        self.prompts += added
        prompt_ids = [ids[messages_digest(prompt.messages)] for prompt in prompts]
        labelers = [self.labelers.number(line.record.labeler, line.record.cohort) for line in fresh.values()]
        texts = [
            NewCompletion(prompt_id, line.record.completion, user_id=labeler)
            for prompt_id, line, labeler in zip(prompt_ids, fresh.values(), labelers, strict=True)
        ]
        completion_ids, added = add_completions(self.session, texts)
        self.completions += added
        tasks = self.insert_tasks(self.campaigns.of(CampaignKind.DEMONSTRATE), prompt_ids)
        rows = zip(tasks, labelers, texts, fresh.items(), strict=True)
        self.insert_annotations(
            [
                Submitted(
                    task,
                    labeler,
                    (completion_ids[text.prompt_id, text.digest],),
                    AnnotationKind.DEMONSTRATION,
                    line.record,
                    key,
                )
                for task, labeler, text, (key, line) in rows
            ]
        )


class ComparisonRows(AnnotationRows):
    """Judgements of the same outputs share a task, except where one labeler judged them again."""

    def __init__(self, session: Session, project: Project, source: ImportSource) -> None:
        super().__init__(session, project, source)
        self._tasks: dict[tuple[bytes, int], int] = {}
        self._turns: Counter[tuple[bytes, str]] = Counter()
        self._checkpoints: dict[str, int] = {}

    def add(self, judgements: Sequence[Judgement]) -> None:
        fresh = self.new_by_key((judgement.key, judgement) for judgement in judgements)
        if fresh:
            self.settled_apart += sum(judgement.settled_apart for judgement in fresh.values())
            self._write(fresh)

    def _write(self, fresh: dict[str, Judgement]) -> None:
        judgements = list(fresh.values())
        prompts = [NewPrompt(each.messages, split=each.split, use_case=each.use_case) for each in judgements]
        prompt_ids, added = add_prompts(self.session, self.project, prompts, source=Source.IMPORTED)
        self.prompts += added
        texts = [text for each in judgements for text in self._texts(each, prompt_ids[each.prompt_digest])]
        ids, added = add_completions(self.session, texts)
        self.completions += added
        shown = [
            tuple(ids[prompt_ids[each.prompt_digest], output.digest] for output in each.outputs) for each in judgements
        ]
        tasks = self._task_ids(judgements, prompt_ids, shown)
        submitted = [
            Submitted(
                task,
                self.labelers.number(each.record.labeler, each.record.cohort),
                seen,
                _kind(each),
                each.record,
                key,
                each.as_given(seen),
            )
            for task, seen, (key, each) in zip(tasks, shown, fresh.items(), strict=True)
        ]
        numbers = self.insert_annotations(submitted)
        self.session.execute(insert(AnnotatedOutput), _outputs(numbers, judgements, shown))

    def _texts(self, judgement: Judgement, prompt_id: int) -> list[NewCompletion]:
        texts = []
        for output in judgement.outputs:
            new = NewCompletion(prompt_id, output.text, output.external_id, evidence=output.evidence)
            texts += [self._written_by(new, author) for author in output.authors] or [new]
        return texts

    def _written_by(self, new: NewCompletion, author: str) -> NewCompletion:
        if author == HUMAN:
            user = self.labelers.number("authors", Cohort.TRAINING)
            return replace(new, user_id=user)
        if author not in self._checkpoints:
            self._checkpoints[author] = external_checkpoint(self.session, self.project, author).id
        return replace(new, checkpoint_id=self._checkpoints[author])

    def _task_ids(
        self, judgements: Sequence[Judgement], prompt_ids: dict[bytes, int], shown: Sequence[tuple[int, ...]]
    ) -> list[int]:
        keys = [self._task_key(judgement) for judgement in judgements]
        for kind in (CampaignKind.COMPARE, CampaignKind.RATE):
            firsts = {
                key: place
                for place, key in reversed(list(enumerate(keys)))
                if key not in self._tasks and _campaign_kind(judgements[place]) is kind
            }
            if firsts:
                prompts = [prompt_ids[judgements[place].prompt_digest] for place in firsts.values()]
                numbers = self.insert_tasks(self.campaigns.of(kind), prompts)
                self._tasks.update(zip(firsts, numbers, strict=True))
                seen = [shown[place] for place in firsts.values()]
                self.session.execute(insert(TaskCompletion), _task_completions(numbers, prompts, seen))
        return [self._tasks[key] for key in keys]

    def _task_key(self, judgement: Judgement) -> tuple[bytes, int]:
        turn = (judgement.task_key, judgement.record.labeler)
        self._turns[turn] += 1
        return judgement.task_key, self._turns[turn]


def _campaign_kind(judgement: Judgement) -> CampaignKind:
    return CampaignKind.RATE if len(judgement.outputs) == 1 else CampaignKind.COMPARE


def _kind(judgement: Judgement) -> AnnotationKind:
    return AnnotationKind.RATING if judgement.outputs[0].rank is None else AnnotationKind.RANKING


def _task_completions(
    tasks: Sequence[int], prompt_ids: Sequence[int], shown: Sequence[tuple[int, ...]]
) -> list[dict[str, int]]:
    return [
        {"task_id": task, "prompt_id": prompt_id, "completion_id": completion_id, "position": position}
        for task, prompt_id, seen in zip(tasks, prompt_ids, shown, strict=True)
        for position, completion_id in enumerate(seen)
    ]


def _outputs(
    annotation_ids: Sequence[int], judgements: Sequence[Judgement], shown: Sequence[tuple[int, ...]]
) -> list[dict[str, Any]]:
    return [
        {"annotation_id": number, "completion_id": completion_id, "rank": output.rank, "ratings": output.ratings}
        for number, judgement, seen in zip(annotation_ids, judgements, shown, strict=True)
        for completion_id, output in zip(seen, judgement.outputs, strict=True)
    ]
