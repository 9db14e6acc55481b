import pytest

from app.checkpoints.models import CheckpointKind
from app.checkpoints.queries import ancestors, children
from app.checkpoints.service import CheckpointNameTaken, external_checkpoint, register_checkpoint
from tests.factories import make_project


def test_an_external_checkpoint_is_made_once(session):
    project = make_project(session)
    assert external_checkpoint(session, project, "gpt").id == external_checkpoint(session, project, "gpt").id
    assert external_checkpoint(session, make_project(session), "gpt").project_id != project.id


def test_lineage_leads_from_a_policy_to_its_base_and_back(session):
    project = make_project(session)
    base = register_checkpoint(session, project, CheckpointKind.BASE, "base", location="a/model")
    sft = register_checkpoint(session, project, CheckpointKind.SFT, "sft", location="b/model", parent=base)
    policy = register_checkpoint(session, project, CheckpointKind.POLICY, "ppo", location="c/model", parent=sft)
    assert ancestors(session, policy) == [sft, base]
    assert children(session, base) == [sft]


def test_two_checkpoints_of_a_project_cannot_share_a_name(session):
    project = make_project(session)
    external_checkpoint(session, project, "base")
    with pytest.raises(CheckpointNameTaken):
        register_checkpoint(session, project, CheckpointKind.BASE, "base", location="a/model")
