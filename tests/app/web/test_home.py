import pytest

from app.accounts.models import Role
from tests.pages import PageClient


@pytest.mark.parametrize(
    ("role", "start"), [(Role.LABELER, "/tasks"), (Role.RESEARCHER, "/projects"), (Role.ADMIN, "/projects")]
)
def test_each_role_starts_where_its_work_is(pages: PageClient, role: Role, start: str) -> None:
    pages.sign_in_as(role)
    assert pages.get("/").path == start


def test_a_stranger_starts_by_signing_in(pages: PageClient) -> None:
    assert pages.get("/").path == "/sign-in?next=%2F"
