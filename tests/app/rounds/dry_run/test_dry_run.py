"""What a dry run finds, and that it names what is missing."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy.orm import Session

from app.accounts.models import Cohort
from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign
from app.campaigns.service import open_campaign
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.projects.models import Project
from app.prompts.models import Prompt, Split
from app.quality.membership import admit_cohort
from app.rounds.dry_run.dry_run import DryRun, dry_run
from app.rounds.dry_run.findings import Finding, Verdict
from app.rounds.plan import DataPlan, NeedsPlan, RoundPlan, SamplingPlan
from app.rounds.service import start_round
from app.runs.models import Stage
from app.runs.workers import be_known
from app.tasks.leasing import claim_next_task
from tests.app.rounds.test_loop import prepare
from tests.factories import make_campaign, make_labeler, make_project, make_tasks

TINY = {Stage.PRETRAIN: {"hidden": 16, "layers": 1, "vocabulary": 300, "feed_forward": 32, "context": 512}}
FACTS = {"host": "mill", "process": 7, "device": "CPU", "cores": 4, "gpus": 0, "memory": 16_000}
FACTS |= {"free_memory": 8_000, "gpu_memory": None, "load": 1.25, "labels": ["quiet"], "trouble": None}
REWARD = RoundPlan(aim="reward", start="checkpoint", rankings="existing", checkpoint_id=1)


def about(found: DryRun, what: str) -> Finding:
    (finding,) = [each for each in found.findings if each.about == what]
    return finding


def ranked(session: Session, *ranks: tuple[int, ...], tasks: int = 1) -> Campaign:
    """A campaign on training prompts in which one labeler for each of `ranks` ranked the outputs of every task so."""
    campaign = make_campaign(session, overlap=len(ranks))
    for task in make_tasks(session, campaign, tasks):
        session.get_one(Prompt, task.prompt_id).split = Split.TRAIN
    open_campaign(session, campaign)
    for one in ranks:
        labeler = make_labeler(session)
        admit_cohort(session, campaign)
        while assignment := claim_next_task(session, labeler, campaign):
            by_output = dict(zip(sorted(assignment.shown_order), one, strict=True))
            shown = tuple(by_output[number] for number in assignment.shown_order)
            submit_ranking(session, assignment, Judgement(shown, tuple({} for _ in one)), Sent(f"{assignment.id}"))
    return campaign


def policy(session: Session, project: Project, files: Path, **config: object) -> Checkpoint:
    """With all the files that a model has; 1,000 weights."""
    made = register_checkpoint(session, project, CheckpointKind.SFT, "sft-1", location="runs/1/model")
    folder = files / "runs/1/model"
    folder.mkdir(parents=True)
    shape = {"hidden_size": 20, "num_hidden_layers": 1, "vocab_size": 30, "max_position_embeddings": 2048}
    (folder / "config.json").write_text(json.dumps(shape | config))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>", "chat_template": "{{ messages }}"}))
    header = json.dumps({"weight": {"dtype": "F32", "shape": [50, 20], "data_offsets": [0, 4000]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4000))
    return made


def test_a_project_with_nothing_in_it_lacks_everything(session: Session, tmp_path: Path) -> None:
    found = dry_run(session, tmp_path, make_project(session), RoundPlan())
    assert not found.ready
    lacking = {finding.about for finding in found.missing}
    assert lacking == {"demonstrations", "candidate_prompts", "prompts", "sample_prompts", "test_prompts"}
    assert all(finding.todo for finding in found.missing)


def test_a_whole_round_is_ready_when_all_is_there(session: Session, tmp_path: Path) -> None:
    plan = RoundPlan(settings=TINY, samples=SamplingPlan(prompts=4))
    found = dry_run(session, tmp_path, prepare(session), plan)
    assert found.ready
    assert found.data is not None
    assert found.data.demonstrations[Split.TRAIN] == 8
    assert (found.data.candidate_prompts, found.data.sample_prompts, found.data.test_prompts) == (11, 4, 4)
    assert found.data.held_out_labelers == 2
    assert [each.verdict for each in found.findings if each.about == "workers"] == [Verdict.WARNING]
    assert found.seconds is None
    assert {line.seconds for line in found.estimates} == {None}


def test_stages_that_no_worker_would_take_are_named(session: Session, tmp_path: Path) -> None:
    be_known(session, "mill:7", **FACTS)
    be_known(session, "barn:8", **{**FACTS, "gpus": 1, "gpu_memory": 20_000, "labels": ["large"]})
    asked = {
        Stage.PRETRAIN: NeedsPlan(gpu=True, label="large"),
        Stage.REWARD: NeedsPlan(gpu=True, memory=40_000),
        Stage.PPO: NeedsPlan(memory=10_000, label="quiet"),
        Stage.ALIGN: NeedsPlan(label="of nobody"),  # which does not run
    }
    project = prepare(session)
    found = dry_run(session, tmp_path, project, RoundPlan(settings=TINY, needs=asked))
    says = "No worker that is there has what reward asks for: a GPU, 40,000 MiB. The round would wait."
    assert [(each.verdict, each.says) for each in found.findings if each.about == "workers"] == [
        (Verdict.WARNING, says)
    ]
    less = dry_run(session, tmp_path, project, RoundPlan(settings=TINY))
    assert about(less, "workers").verdict is Verdict.OK


def test_rankings_are_counted_by_their_untied_pairs(session: Session, tmp_path: Path) -> None:
    campaign = ranked(session, (1, 2, 3, 3), (1, 1, 2, 3), tasks=3)
    project = session.get_one(Project, campaign.project_id)
    plan = REWARD.model_copy(update={"checkpoint_id": policy(session, project, tmp_path).id})
    found = dry_run(session, tmp_path, project, plan)
    assert found.ready
    assert found.data is not None
    counts = found.data.ranked
    assert (counts.rankings, counts.prompts, counts.labelers) == (6, 3, 2)
    assert (counts.pairs, counts.tied) == (6 * 5, 6)
    assert counts.agreement is not None
    assert counts.agreement.value == 1.0
    assert "by labelers: 2; pairs in order: 30, tied: 6." in about(found, "rankings").says
    assert about(found, "agreement").says.startswith("Labelers agree on 100.0%")


def test_pairs_of_very_many_rankings_are_reckoned_from_the_newest(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.rounds.chosen_data.NEWEST_RANKINGS", 2)
    campaign = ranked(session, (1, 2, 3, 3), (1, 1, 2, 3), tasks=3)
    project = session.get_one(Project, campaign.project_id)
    plan = REWARD.model_copy(update={"checkpoint_id": policy(session, project, tmp_path).id})
    says = about(dry_run(session, tmp_path, project, plan), "rankings").says
    assert "Rankings: 6, of 3 prompts" in says
    assert "in order: about 30, tied: about 6, reckoned from the newest." in says


def test_rankings_of_ties_alone_teach_nothing(session: Session, tmp_path: Path) -> None:
    campaign = ranked(session, (1, 1, 1, 1))
    project = session.get_one(Project, campaign.project_id)
    plan = REWARD.model_copy(update={"checkpoint_id": policy(session, project, tmp_path).id})
    finding = about(dry_run(session, tmp_path, project, plan), "rankings")
    assert finding.verdict is Verdict.MISSING
    assert "are tied" in finding.says


def test_a_campaign_that_was_not_chosen_does_not_count(session: Session, tmp_path: Path) -> None:
    campaign = ranked(session, (1, 2, 3, 4))
    project = session.get_one(Project, campaign.project_id)
    other = make_campaign(session, project=project)
    chosen = {
        "checkpoint_id": policy(session, project, tmp_path).id,
        "comparisons": DataPlan(campaigns=(other.id,)),
    }
    found = dry_run(session, tmp_path, project, REWARD.model_copy(update=chosen))
    assert about(found, "rankings").says == "No ranking of the training split is chosen."


@pytest.mark.parametrize(
    ("lost", "finding", "said"),
    [
        ("config.json", "model", "lacks config.json"),
        ("model.safetensors", "model", "lacks weights"),
        ("tokenizer.json", "model", "lacks a tokenizer"),
        ("tokenizer_config.json", "tokenizer", "neither a chat template nor an EOS token"),
        (".", "model", "are not there: runs/1/model"),
    ],
)
def test_what_a_model_lacks_is_named(session: Session, tmp_path: Path, lost: str, finding: str, said: str) -> None:
    project = prepare(session)
    start = policy(session, project, tmp_path)
    gone = tmp_path / "runs/1/model" / lost
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    plan = RoundPlan(start="checkpoint", checkpoint_id=start.id, aim="samples")
    found = about(dry_run(session, tmp_path, project, plan), finding)
    assert found.verdict is Verdict.MISSING
    assert said in found.says


def test_a_model_on_the_hub_is_not_looked_at_but_told_of(session: Session, tmp_path: Path) -> None:
    project = prepare(session)
    hub = register_checkpoint(session, project, CheckpointKind.BASE, "smol", location="nobody/no-such-model-4711")
    found = dry_run(session, tmp_path, project, RoundPlan(start="sft", checkpoint_id=hub.id))
    assert about(found, "model").verdict is Verdict.WARNING
    assert "fetched from the hub" in about(found, "model").says
    assert about(found, "size").verdict is Verdict.WARNING


def test_more_tokens_than_the_model_has_positions_are_refused(session: Session, tmp_path: Path) -> None:
    project = prepare(session)
    start = policy(session, project, tmp_path, max_position_embeddings=64)
    plan = RoundPlan(start="checkpoint", checkpoint_id=start.id, aim="samples")
    assert about(dry_run(session, tmp_path, project, plan), "context").verdict is Verdict.MISSING
    shorter = plan.model_copy(update={"settings": {Stage.SAMPLE: {"max_new_tokens": 8}}})
    assert about(dry_run(session, tmp_path, project, shorter), "context").verdict is Verdict.OK


def test_a_full_disk_is_named(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=10))
    found = about(dry_run(session, tmp_path, prepare(session), RoundPlan(settings=TINY)), "disk")
    assert found.verdict is Verdict.MISSING
    assert "10 B are free" in found.says


def test_a_plan_that_is_wrong_says_so_alone(session: Session, tmp_path: Path) -> None:
    plan = RoundPlan(settings={Stage.PPO: {"clip": -1}})
    found = dry_run(session, tmp_path, make_project(session), plan)
    assert [each.about for each in found.findings] == ["plan"]
    assert "`clip` must be at least 0" in found.findings[0].says


def test_a_round_under_way_is_in_the_way(session: Session, tmp_path: Path) -> None:
    project = prepare(session)
    start_round(session, project, RoundPlan())
    found = dry_run(session, tmp_path, project, RoundPlan(settings=TINY))
    assert about(found, "rounds").verdict is Verdict.MISSING


def test_held_out_labelers_are_asked_for_where_policies_are_compared(session: Session, tmp_path: Path) -> None:
    project = prepare(session)
    compared = about(dry_run(session, tmp_path, project, RoundPlan(settings=TINY)), "test_prompts")
    assert compared.verdict is Verdict.OK
    left_out = dry_run(session, tmp_path, project, RoundPlan(settings=TINY, evaluate=False))
    assert [each for each in left_out.findings if each.about == "test_prompts"] == []


def test_what_was_found_is_plain_data(session: Session, tmp_path: Path) -> None:
    make_labeler(session, Cohort.HELD_OUT)
    said = json.loads(json.dumps(dry_run(session, tmp_path, prepare(session), RoundPlan(settings=TINY)).as_dict()))
    assert said["ready"] is True
    assert said["steps"][0] == "demonstrations"
    assert {"about", "verdict", "says", "todo"} == set(said["findings"][0])


def test_a_mix_is_counted_and_has_to_fit_into_the_smallest_task(session: Session, tmp_path: Path) -> None:
    """The other model's files are not there."""
    project = make_project(session)
    mine = policy(session, project, tmp_path)
    other = register_checkpoint(session, project, CheckpointKind.POLICY, "ppo-9", location="runs/9/model")
    sampling = SamplingPlan(k_min=4, temperature=1.0, more_temperatures=(0.5,))
    plan = RoundPlan(
        aim="reward",
        start="checkpoint",
        checkpoint_id=mine.id,
        candidates=sampling,
        candidate_others=(other.id,),
    )
    found = dry_run(session, tmp_path, project, plan)
    said = about(found, "mix")
    assert (said.verdict, said.says) == (
        Verdict.OK,
        "A prompt's outputs come in equal shares from 2 policies at temperatures 1, 0.5.",
    )
    models = [each for each in found.findings if each.about == "model"]
    assert [each.verdict for each in models] == [Verdict.OK, Verdict.MISSING]
    assert "ppo-9" in models[1].says
    tight = plan.model_copy(update={"candidates": sampling.model_copy(update={"k_min": 3})})
    assert about(dry_run(session, tmp_path, project, tight), "mix").verdict is Verdict.WARNING
