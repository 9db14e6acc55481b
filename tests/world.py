"""One small world with something of everything, and the address of every page in it."""

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.invitations import invite
from app.accounts.links import make_user_link
from app.accounts.models import Cohort, LinkPurpose, Role, User
from app.accounts.sessions import begin_session
from app.annotations.models import Annotation, AnnotationKind
from app.annotations.review.adjudication import prefer
from app.annotations.review.decisions import exclude, send_back, stand_by
from app.annotations.review.models import ExclusionReason
from app.annotations.service import Sent, skip, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.service import open_campaign
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.service import external_checkpoint, register_checkpoint
from app.completions.models import Completion
from app.completions.service import add_completion
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import Dataset, DatasetKind
from app.projects.guidelines import acknowledge
from app.projects.models import Guidelines, Project
from app.projects.service import create_project, publish_guidelines
from app.prompts.models import Prompt, PromptKind, Source
from app.prompts.reports import report_prompt
from app.prompts.service import add_prompt
from app.quality.gold.mixing import begin_training
from app.quality.membership import admit, admit_cohort
from app.rounds.approval.deciding import reject_samples, sample_again
from app.rounds.approval.queries import approvals_of, asked_now
from app.rounds.models import Round, RoundRun, RoundState
from app.rounds.plan import RoundPlan, Step
from app.rounds.service import start_round
from app.runs.metrics import record_metrics
from app.runs.models import Run, Stage
from app.runs.service import Input, claim_next_run, enqueue_run, fail_run
from app.tasks.briefs import ATTACK, Brief
from app.tasks.leasing import claim_next_task
from app.tasks.models import Assignment, AssignmentState, Purpose, Task
from app.tasks.service import add_compare_tasks
from tests.app.quality.gold.known import known_task
from tests.app.rounds.sampled import advance, make_policies, says, start_sampling_round
from tests.factories import PLAIN, make_campaign, make_completion, make_open_campaign, make_tasks, make_user
from tests.world_of_automation import addresses_of_automation, addresses_of_mail
from tests.world_of_screening import addresses_of_attempts, addresses_of_results, addresses_of_screening
from tests.world_of_validation import addresses_of_validating, addresses_of_validation, make_validation

GUIDELINES = "## Helpful first\n\n1. Does it do what was asked?\n2. Is it **true**?\n3. Would it harm anybody?\n"
QUESTION = "Explain to a child of six why the sea is salty. Use at most three sentences."
ANSWERS = (
    "Rain washes tiny bits of salt out of the rocks, and rivers carry them to the sea. The water goes up into the "
    "sky again, but the salt stays. So the sea has become **saltier and saltier**.",
    "The sea is salty because whales are salty.",
    "Because of *dissolved minerals*:\n\n| mineral | share |\n|---|---|\n| sodium chloride | 85 % |\n| others | 15 % |",
    "Rivers bring a little salt, and it stays:\n\n```python\nsalt += river.salt\n```\n",
    "雨水把岩石里的一点点**盐**冲进河里，河水再把盐带到大海。水会变成云飞走，盐却留了下来，所以海水越来越咸。",
    "البحر مالح لأن الأنهار تحمل إليه القليل من الملح، ثم يتبخر الماء ويبقى الملح.",
    "1. Rain falls on rocks.\n2. Rocks give a little salt.\n3. The sea keeps it.",
    "I am not sure, but I think that fish like it that way!",
    "Seawater holds about $35$ grams of salt in a litre, so $\\frac{35}{1000}$ of it is salt.",
)
FEW_SHOT = Brief(kind=PromptKind.FEW_SHOT, use_case="classification", use_cases=("classification", "rewriting", "chat"))

DESK = "/assignments/{number}"
VISITOR = "visitor"  # nobody is signed in
AT_A_DESK = {f"at-{kind.value}": kind for kind in CampaignKind}  # a labeler has one task at a time
ROLES = {role.value: role for role in Role} | dict.fromkeys(AT_A_DESK, Role.LABELER)
READERS = (VISITOR, *ROLES)

Addresses = dict[str, dict[str, str]]


@dataclass
class World:
    """`addresses`: by who looks, then by route, the pages to look at, each by a short name."""

    people: dict[str, User] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, Addresses] = field(default_factory=dict)


def make_world(session: Session, files: Path) -> World:
    world = World(people={name: make_user(session, role) for name, role in ROLES.items()})
    world.sessions = {name: begin_session(session, user) for name, user in world.people.items()}
    project = create_project(session, "Sea and sky", guidelines=GUIDELINES)
    policy = _checkpoints(session, project)
    prompt, campaign = _compared(session, world, project)
    desks = {name: _desk(session, world.people[name], project, kind) for name, kind in AT_A_DESK.items()}
    dataset = freeze_dataset(session, files, project, "Salt", DatasetKind.COMPARISONS, DatasetFilter())
    turn, run = _round(session, project, dataset, policy)
    world.addresses = {
        VISITOR: _addresses_of_visitors(session, world),
        "labeler": _addresses_of_labelers(session, world, project),
        "researcher": _addresses_of_researchers(session, project, prompt, campaign, dataset, policy, turn, run)
        | {"/rounds/{number}/samples": _samples(session, files, turn)},
        "admin": _addresses_of_admins(session, world, project),
    } | {name: {DESK: {"desk": f"/assignments/{assignment.id}"}} for name, assignment in desks.items()}
    _add_validation(session, files, world, project)
    return world


def _add_validation(session: Session, files: Path, world: World, project: Project) -> None:
    """Last, because its imported rankings are not those of the people above."""
    validation = make_validation(session, files)
    world.addresses["researcher"] |= addresses_of_validation(validation, project)
    world.addresses["admin"] |= addresses_of_validating(validation)


def _checkpoints(session: Session, project: Project) -> Checkpoint:
    base = register_checkpoint(session, project, CheckpointKind.SFT, "sft-1", location="runs/1/model", digest="ab12")
    metrics = {"reward": 1.25, "kl": 0.031}
    return register_checkpoint(
        session, project, CheckpointKind.POLICY, "ppo-1", location="runs/2/model", parent=base, metrics=metrics
    )


def _compared(session: Session, world: World, project: Project) -> tuple[Prompt, Campaign]:
    """A campaign with one answered task, one skipped and one on a desk; the prompt was reported."""
    campaign = make_campaign(session, project=project, name="Why the sea is salty", overlap=2)
    messages = [{"role": "system", "content": "You are a patient teacher."}, {"role": "user", "content": QUESTION}]
    prompt, _ = add_prompt(session, project, messages, source=Source.IMPORTED)
    add_compare_tasks(session, campaign, [(prompt, _by_two_policies(session, project, prompt))])
    make_tasks(session, campaign, 2)
    open_campaign(session, campaign)
    admit_cohort(session, campaign)
    labeler = world.people["labeler"]
    submit_ranking(session, _claimed(session, labeler, campaign), _judgement(), Sent("ranked"))
    skip(session, _claimed(session, labeler, campaign), "I cannot judge this subject.", Sent("skipped"))
    report_prompt(session, prompt, labeler, "It asks for *three* sentences and for a table.")
    return prompt, campaign


def _by_two_policies(session: Session, project: Project, prompt: Prompt) -> list[Completion]:
    policies = [external_checkpoint(session, project, name) for name in ("deep-sea", "high-sky")]
    authored = zip(ANSWERS[:4], policies * 2, strict=True)
    return [add_completion(session, prompt, text, checkpoint=policy) for text, policy in authored]


def _claimed(session: Session, labeler: User, campaign: Campaign) -> Assignment:
    claimed = claim_next_task(session, labeler, campaign)
    assert claimed is not None
    return claimed


def _judgement() -> Judgement:
    ratings = (
        {"overall": 6, "notes": "Right, and a child understands it."},
        {"overall": 2, "hallucination": True},
        {},
        {},
    )
    return Judgement((1, 3, 2, 2), tuple({"overall": 4} | rating for rating in ratings), {"ambiguous": True})


def _round(session: Session, project: Project, dataset: Dataset, policy: Checkpoint) -> tuple[Round, Run]:
    """A round whose reward model failed after three steps."""
    turn = start_round(session, project, RoundPlan(start="checkpoint", checkpoint_id=policy.id, rankings="existing"))
    inputs = [Input("comparisons", dataset), Input("model", policy)]
    run = enqueue_run(session, project, Stage.REWARD, {"learning_rate": 2e-5}, inputs)
    session.add(RoundRun(run_id=run.id, round_id=turn.id, step=Step.REWARD))
    claim = claim_next_run(session, "worker:7")
    assert claim is not None
    losses = (0.69, 0.61, 0.52)
    record_metrics(session, claim, [{"step": step, "loss": loss} for step, loss in enumerate(losses, start=1)])
    fail_run(session, claim, "The loss is not a number.", "step 4\nTrainerError: the loss is not a number.")
    session.refresh(run)
    return turn, run


def _samples(session: Session, files: Path, without: Round) -> dict[str, str]:
    """A round whose samples wait for approval, after others were rejected: one too short, one that repeats itself."""
    project = create_project(session, "Lakes and rivers")
    sft, policy = make_policies(session, project)
    turn = start_sampling_round(session, project, policy, prompts=8, others=[sft.id])
    odd = {1: "", 2: "I'm sorry, but I cannot help with that.", 3: "salt in the sea and salt on the land and " * 20}
    for _ in range(2):
        advance(session, files, turn, lambda *words: odd.get(words[2], f"{says(*words)} {ANSWERS[words[2] % 4]}"))
        if turn.state is RoundState.WAITING and len(approvals_of(session, turn)) == 1:
            reject_samples(session, turn, asked_now(session, turn), "Every second one repeats itself.")
            sample_again(session, turn)
    inside = f"/rounds/{turn.id}/samples"
    rejected = approvals_of(session, turn)[-1].approval.id
    return {
        "samples": inside,
        "rejected samples": f"{inside}?asked={rejected}",
        "nothing to approve": f"/rounds/{without.id}/samples",
    }


def _addresses_of_visitors(session: Session, world: World) -> Addresses:
    labeler = world.people["labeler"]
    invitation = invite(session, "grace@example.org", Role.LABELER)
    reset = make_user_link(session, LinkPurpose.RESET, labeler)
    once = make_user_link(session, LinkPurpose.SIGN_IN, labeler)
    return {
        "/sign-in": {"signing in": "/sign-in"},
        "/sign-in/once/{token}": {"signing in once": f"/sign-in/once/{once}", "a used link": "/sign-in/once/0"},
        "/invitations/{token}": {"invited": f"/invitations/{invitation}"},
        "/reset/{token}": {"a new password": f"/reset/{reset}"},
    }


def _addresses_of_labelers(session: Session, world: World, project: Project) -> Addresses:
    """With guidelines that were read, and others that have changed since."""
    labeler = world.people["labeler"]
    known = session.scalars(select(Guidelines).where(Guidelines.project_id == project.id)).one()
    acknowledge(session, known, labeler)
    changed = publish_guidelines(session, project, GUIDELINES + "4. A tie is an answer.\n")
    open_campaign(session, campaign := make_campaign(session, CampaignKind.RATE, project=project))
    admit_cohort(session, campaign)
    submitted = session.scalars(select(Assignment).where(Assignment.state == AssignmentState.SUBMITTED)).one()
    return {
        "/tasks": {"tasks": "/tasks"},
        DESK: {"revising": f"/assignments/{submitted.id}"},
        "/assignments/{number}/draft": {},
        "/assignments/{number}/feedback": {"feedback": f"/assignments/{_trained(session, labeler).id}/feedback"},
        "/guidelines/{number}": {"read": f"/guidelines/{known.id}", "changed": f"/guidelines/{changed.id}"},
        "/history": {"history": "/history"},
        "/history/{number}": {"a submission": f"/history/{submitted.id}"},
        "/qualifications/{number}": addresses_of_attempts(session, labeler),
        "/account": {"account": "/account"},
        "/account/password": {"password": "/account/password"},
    }


def _trained(session: Session, labeler: User) -> Assignment:
    """The first task of a campaign that trains, answered half right."""
    campaign = make_open_campaign(session, tasks=2)
    known_task(session, campaign, Purpose.TRAINING, explanation="The first names *both* reasons.")
    begun = begin_training(session, labeler, campaign)
    assert begun is not None
    submit_ranking(session, begun, _judgement(), Sent("trained"))
    return begun


def _desk(session: Session, labeler: User, project: Project, kind: CampaignKind) -> Assignment:
    """A task of the kind, begun. Evaluation belongs to the held-out."""
    labeler.cohort = Cohort.HELD_OUT if kind is CampaignKind.EVALUATE else Cohort.TRAINING
    session.flush()
    for guidelines in session.scalars(select(Guidelines).where(Guidelines.project_id == project.id)):
        acknowledge(session, guidelines, labeler)
    campaign = make_campaign(session, kind, project=project)
    briefs = {CampaignKind.RED_TEAM: ATTACK, CampaignKind.WRITE_PROMPTS: FEW_SHOT}
    if kind is CampaignKind.COMPARE:
        prompt, _ = add_prompt(session, project, [{"role": "user", "content": QUESTION}], source=Source.IMPORTED)
        add_compare_tasks(session, campaign, [(prompt, [make_completion(session, prompt, text) for text in ANSWERS])])
    else:
        make_tasks(session, campaign, 2, brief=briefs.get(kind, PLAIN))
    open_campaign(session, campaign)
    admit_cohort(session, campaign)
    return _claimed(session, labeler, campaign)


def _addresses_of_researchers(
    session: Session,
    project: Project,
    prompt: Prompt,
    campaign: Campaign,
    dataset: Dataset,
    policy: Checkpoint,
    turn: Round,
    run: Run,
) -> Addresses:
    inside, of_project = f"/projects/{project.id}", f"?project={project.id}"
    task = session.scalars(select(Task.id).where(Task.campaign_id == campaign.id)).first()
    labeler = session.scalars(select(User.id).where(User.role == Role.LABELER).order_by(User.id)).first()
    plans = {f"planning {kind.value}": f"/campaigns/new{of_project}&kind={kind.value}" for kind in CampaignKind}
    return {
        **addresses_of_mail(session),
        "/": {"start": "/"},
        "/projects": {"projects": "/projects"},
        "/projects/new": {"new project": "/projects/new"},
        "/projects/{number}": {"project": inside},
        "/projects/{number}/guidelines": {"guidelines": f"{inside}/guidelines"},
        "/projects/{number}/form": {"form": f"{inside}/form", "ready-made": f"{inside}/form?start=help_steer"},
        "/projects/{number}/rules": {"rules": f"{inside}/rules"},
        **addresses_of_screening(session, project),
        "/prompts": {"prompts": "/prompts", "nothing found": "/prompts?words=zebra"},
        "/prompts/{number}": {"prompt": f"/prompts/{prompt.id}"},
        "/reports": {"reports": f"/reports{of_project}"},
        "/imports": {"import": f"/imports{of_project}"},
        "/campaigns": {"campaigns": "/campaigns"},
        "/campaigns/new": plans,
        "/campaigns/{number}": {"campaign": f"/campaigns/{campaign.id}"},
        "/campaigns/{number}/tasks": {"tasks of a campaign": f"/campaigns/{campaign.id}/tasks"},
        "/tasks/{number}": {"a task": f"/tasks/{task}"},
        **_addresses_of_reviews(session, project),
        "/datasets": {"datasets": "/datasets"},
        "/datasets/new": {"new dataset": f"/datasets/new{of_project}"},
        "/datasets/{number}": {"dataset": f"/datasets/{dataset.id}"},
        "/datasets/{number}/download": {},
        "/agreement": {
            "agreement": f"/agreement{of_project}",
            "agreement of the simulated": f"/agreement{of_project}&people=simulated",
        },
        "/agreement/tables.json": {},
        "/agreement/{table}.json": {},
        "/agreement/{table}.csv": {},
        "/evaluation": {
            "nothing to compare": f"/evaluation{of_project}",
            "evaluation": f"/evaluation{of_project}&campaign={campaign.id}",
        },
        "/evaluation/tables.json": {},
        "/evaluation/{table}.json": {},
        "/evaluation/{table}.csv": {},
        "/labelers": {"labelers": "/labelers", "labelers of a campaign": f"/labelers?campaign={campaign.id}"},
        "/labelers/{number}": {"a labeler": f"/labelers/{labeler}"},
        "/labelers/table.{ending}": {},
        "/labelers/{number}/scores.{ending}": {},
        "/gold": {"known answers": f"/gold?campaign={campaign.id}"},
        "/gold/new": {"a new known answer": f"/gold/new?task={task}"},
        "/exports": {"export": f"/exports{of_project}"},
        "/exports/download": {},
        "/checkpoints": {"checkpoints": "/checkpoints"},
        "/checkpoints/{number}": {"checkpoint": f"/checkpoints/{policy.id}"},
        "/checkpoints/{number}/lineage.json": {},
        "/checkpoints/{number}/download": {},
        "/rounds": {"rounds": "/rounds"},
        "/rounds/{number}": {"round": f"/rounds/{turn.id}"},
        "/rounds/{number}/steps": {},
        "/rounds/{number}/events": {},
        "/rounds/{number}/report": {"report": f"/rounds/{turn.id}/report"},
        "/rounds/{number}/report.json": {},
        "/rounds/{number}/report.html": {},
        "/runs/{number}": {"run": f"/runs/{run.id}"},
        "/runs/{number}/state": {},
        "/runs/{number}/events": {},
        "/runs/{number}/metrics.json": {},
        "/workers": {"workers": "/workers"},
        "/workers/table": {},
        "/health": {},
        "/nowhere": {"nothing here": "/nowhere"},
    }


def _addresses_of_reviews(session: Session, project: Project) -> Addresses:
    """Two rankings of a task that contradict each other: one sent back and answered, one excluded, one preferred.

    The first ranking of the world comes back to its labeler.
    """
    reviewer, of_project = make_user(session, Role.RESEARCHER), f"?project={project.id}"
    rankings = select(Annotation).where(Annotation.kind == AnnotationKind.RANKING).order_by(Annotation.id)
    first = session.scalars(rankings.limit(1)).one()
    send_back(session, reviewer, first, "Is B really better than C and D? It *invents* its whales.")
    one, two = _contradicting(session, project)
    send_back(session, reviewer, one, "Please look at A again.")
    labeler, assignment = session.get_one(User, one.labeler_id), session.get_one(Assignment, one.assignment_id)
    stand_by(session, labeler, assignment, "A is the only one that a child understands.")
    exclude(session, reviewer, two, ExclusionReason.CARELESS, "Ranked as shown, in four seconds.")
    prefer(session, reviewer, session.get_one(Task, one.task_id), one, "The other was careless.")
    return {
        "/review": {
            "review": f"/review{of_project}&names=shown",
            "disagreements": f"/review{of_project}&order=disagreements",
            "nothing to review": f"/review{of_project}&labeler=0",
        },
        "/review/next": {},
        "/review/decisions": {"decisions": f"/review/decisions{of_project}"},
        "/review/decisions.csv": {},
        "/review/work/{number}": {
            "work": f"/review/work/{one.assignment_id}{of_project}",
            "excluded work": f"/review/work/{two.assignment_id}",
        },
        "/review/tasks/{number}": {"side by side": f"/review/tasks/{one.task_id}"},
    }


def _contradicting(session: Session, project: Project) -> list[Annotation]:
    campaign = make_campaign(session, project=project, name="Salt once more", overlap=2)
    prompt, _ = add_prompt(session, project, [{"role": "user", "content": "And the lakes?"}], source=Source.IMPORTED)
    texts = [make_completion(session, prompt, text) for text in ANSWERS[:4]]
    add_compare_tasks(session, campaign, [(prompt, texts)])
    open_campaign(session, campaign)
    said = []
    for order in (1, -1):
        labeler = make_user(session)
        admit(session, campaign, labeler)
        assignment = _claimed(session, labeler, campaign)
        assignment.shown_order = [text.id for text in texts][::order]
        said.append(submit_ranking(session, assignment, _judgement(), Sent("ranked")))
    return said


def _addresses_of_admins(session: Session, world: World, project: Project) -> Addresses:
    earlier = session.scalars(select(Round.id).where(Round.project_id == project.id)).first()
    own = Checkpoint.project_id == project.id
    policy = session.scalars(select(Checkpoint.id).where(own, Checkpoint.kind == CheckpointKind.POLICY)).one()
    return {
        **addresses_of_results(session),
        **addresses_of_automation(session, project),
        "/rounds/new": {
            "new round": f"/rounds/new?project={project.id}",
            "a round copied": f"/rounds/new?from={earlier}",
        },
        "/checkpoints/new": {"registering a model": f"/checkpoints/new?project={project.id}"},
        "/checkpoints/{number}/delete": {"deleting files": f"/checkpoints/{policy}/delete"},
        "/users": {"users": "/users"},
        "/users/invitations/new": {"inviting": "/users/invitations/new"},
        "/users/{number}": {"user": f"/users/{world.people['labeler'].id}"},
    }
