"""Who is let in where, and what every post must prove."""

import re
from collections.abc import Iterator, Mapping

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.routing import Mount

from app.accounts.models import Role
from app.web.dependencies import Admission
from tests.pages import PageClient

ANYBODY = [*Role, None]


def admissions(dependant: Dependant) -> Iterator[Admission]:
    for child in dependant.dependencies:
        if isinstance(child.call, Admission):
            yield child.call
        yield from admissions(child)


def routes(app: FastAPI) -> list[RouteContext]:
    return [route for route in iter_route_contexts(app.routes) if isinstance(route.original_route, APIRoute)]


def methods(route: RouteContext) -> set[str]:
    return route.methods or set()


def address(route: RouteContext) -> str:
    return re.sub(r"{[^}]+}", "0", route.path or "")


def test_every_route_names_whom_it_lets_in(web_app: FastAPI) -> None:
    assert len(routes(web_app)) > 10
    unguarded = [route.path for route in routes(web_app) if len(list(admissions(route.dependant))) != 1]
    assert not unguarded
    others = [r.original_route for r in iter_route_contexts(web_app.routes) if r not in routes(web_app)]
    assert [route.path for route in others if isinstance(route, Mount)] == ["/static"]
    assert len(others) == 1


# Said here a second time, so that a route opened to more people by mistake is found.
LABELERS_MAY = {"/", "/account", "/tasks", "/assignments", "/history", "/guidelines", "/qualifications"}
ADMINS_ALONE_POST = {"/rounds", "/runs", "/checkpoints", "/evaluation"}
ADMINS_ALONE_MAY = {"/users": {"GET", "POST"}, **{area: {"POST"} for area in ADMINS_ALONE_POST}}
ADMINS_ALONE_SEE = {
    "/rounds/new",
    "/checkpoints/new",
    "/checkpoints/{number}/delete",
    "/evaluation/cross-validation/new",
}
RESEARCHERS_MAY = {"/rounds/{number}/samples/approve", "/rounds/{number}/samples/reject"}  # what they see, they judge
FOR_ADMINS = (  # what people say of themselves, and what leaves the house
    "/projects/{number}/screening/results",
    "/projects/{number}/automation",
    "/projects/{number}/webhooks",
)
EVERYBODY_MAY = {"/health", "/language", "/sign-in", "/sign-out", "/invitations", "/reset"}
NOT_FOR_LABELERS = "/account/notifications"
LABELERS_MAY_NOT = {"/tasks/{number}", "/tasks/{number}/put-back", "/tasks/{number}/drop"}


def expected_roles(path: str, method: str) -> set[Role]:
    area = "/" + path.split("/")[1]
    if area in EVERYBODY_MAY:
        return set()
    if path.startswith(NOT_FOR_LABELERS):
        return {Role.RESEARCHER, Role.ADMIN}
    if area in {"/", "/account"}:
        return set(Role)
    if area in LABELERS_MAY and path not in LABELERS_MAY_NOT:
        return {Role.LABELER}
    only_admins = method in ADMINS_ALONE_MAY.get(area, set()) or path in ADMINS_ALONE_SEE or path.startswith(FOR_ADMINS)
    only_admins = only_admins and path not in RESEARCHERS_MAY
    return {Role.ADMIN} if only_admins else {Role.RESEARCHER, Role.ADMIN}


def test_every_route_lets_in_whom_it_should(web_app: FastAPI) -> None:
    for route in routes(web_app):
        (admission,) = admissions(route.dependant)
        for method in methods(route):
            assert set(admission.roles) == expected_roles(route.path or "", method), f"{method} {route.path}"


def enter_as(pages: PageClient, role: Role | None) -> dict[str, str]:
    """Signed in as somebody with the role, or as nobody; the header that proves a post is meant."""
    if role:
        pages.sign_in_as(role)
    return {"x-csrf-token": pages.csrf_token()}


@pytest.mark.parametrize("role", ANYBODY)
def test_roles_are_let_in_where_they_are_named_and_nowhere_else(
    web_app: FastAPI, pages: PageClient, role: Role | None
) -> None:
    headers = enter_as(pages, role)
    for route in routes(web_app):
        (admission,) = admissions(route.dependant)
        is_allowed = not admission.roles or role in admission.roles
        for method in methods(route):
            answer = pages.http.request(method, address(route), headers=headers)
            was_refused = answer.status_code in {401, 403} or leads_to_sign_in(answer.headers)
            assert was_refused is not is_allowed, f"{method} {route.path} as {role}: {answer.status_code}"
            if route.path == "/sign-out":
                headers = enter_as(pages, role)


def leads_to_sign_in(headers: Mapping[str, str]) -> bool:
    return headers.get("location", "").startswith("/sign-in?next")


@pytest.mark.parametrize("role", ANYBODY)
def test_no_post_is_taken_without_its_token(web_app: FastAPI, pages: PageClient, role: Role | None) -> None:
    enter_as(pages, role)
    unsafe = [(method, route) for route in routes(web_app) for method in methods(route) - {"GET", "HEAD", "OPTIONS"}]
    assert unsafe
    for method, route in unsafe:
        for headers in ({}, {"x-csrf-token": "0" * 64}):
            answer = pages.http.request(method, address(route), headers=headers)
            assert answer.status_code in {401, 403}, f"{method} {route.path}: {answer.status_code}"
