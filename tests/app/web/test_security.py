import json
import re

import pytest
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from app.accounts.models import Role, SignInAttempt
from app.config import Settings
from app.web.security import LONGEST_CARRIED
from app.web.templating import static_url
from tests.app.web.test_signing_in import PASSWORD, make_person
from tests.factories import make_project
from tests.pages import PageClient

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pytest.fixture
def anybody(web_app: FastAPI) -> TestClient:
    return TestClient(web_app, follow_redirects=False)


@pytest.mark.parametrize("path", ["/sign-in", "/", "/nowhere", "/health", "/static/nowhere.css", "/users/x"])
def test_every_answer_carries_the_security_headers(anybody: TestClient, path: str) -> None:
    headers = anybody.get(path).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_a_failure_has_the_headers_too_and_tells_nothing(web_app: FastAPI) -> None:
    @web_app.get("/broken")
    def broken() -> None:
        raise RuntimeError("an inner secret")

    answer = TestClient(web_app, raise_server_exceptions=False).get("/broken")
    assert answer.status_code == 500
    assert "Something broke" in answer.text
    assert "inner secret" not in answer.text
    assert answer.headers["content-security-policy"] == POLICY


def test_pages_are_not_cached_and_stamped_files_are(anybody: TestClient) -> None:
    assert anybody.get("/sign-in").headers["cache-control"] == "no-store"
    stamped = anybody.get(static_url("css/tokens.css"))
    assert stamped.status_code == 200
    assert "immutable" in stamped.headers["cache-control"]
    assert anybody.get("/static/css/tokens.css").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["package.json", "../app/main.py", "%2e%2e/pyproject.toml", "node_modules", ""])
def test_only_css_scripts_and_vendor_files_are_served(anybody: TestClient, path: str) -> None:
    assert anybody.get(f"/static/{path}").status_code == 404


def test_cookies_over_http_are_hidden_from_scripts(anybody: TestClient) -> None:
    cookie = anybody.get("/sign-in").headers["set-cookie"]
    assert cookie.startswith("rondo-visit=")
    assert "HttpOnly; SameSite=Lax" in cookie
    assert "Secure" not in cookie


def behind_proxy(app: FastAPI, peer: str) -> TestClient:
    """What a browser at 203.0.113.9 asks of https://rondo.example reaches us from `peer`, unencrypted."""
    headers = {
        "x-forwarded-proto": "https",
        "x-forwarded-host": "rondo.example",
        "x-forwarded-for": "198.51.100.66, 203.0.113.9",
    }
    return TestClient(app, headers=headers, client=(peer, 5000), follow_redirects=False)


def test_behind_a_trusted_proxy_cookies_are_for_https_and_this_host_only(web_app: FastAPI) -> None:
    cookie = behind_proxy(web_app, "127.0.0.1").get("/sign-in").headers["set-cookie"]
    assert cookie.startswith("__Host-rondo-visit=")
    assert cookie.endswith("; Secure")
    assert "Path=/;" in cookie
    assert "Domain" not in cookie


def test_a_strangers_forwarded_headers_are_not_believed(web_app: FastAPI) -> None:
    assert behind_proxy(web_app, "192.0.2.1").get("/sign-in").headers["set-cookie"].startswith("rondo-visit=")


def test_a_public_address_with_https_is_enough_for_secure_cookies(web_app: FastAPI, anybody: TestClient) -> None:
    web_app.state.settings = Settings(public_url="https://rondo.example")
    assert anybody.get("/sign-in").headers["set-cookie"].startswith("__Host-rondo-visit=")


def sign_in_through(browser: TestClient, password: str) -> Response:
    visit = {"cookie": browser.get("/sign-in").headers["set-cookie"].split(";")[0]}
    token = re.search(r'name="csrf_token" value="(\w+)"', browser.get("/sign-in", headers=visit).text)
    assert token
    sent = {"csrf_token": token[1], "email": "ada@example.org", "password": password, "next": "/account"}
    return browser.post("/sign-in", data=sent, headers=visit)


def test_one_signs_in_behind_a_proxy(web_app: FastAPI, session: Session) -> None:
    make_person(session)
    browser = behind_proxy(web_app, "127.0.0.1")
    answer = sign_in_through(browser, PASSWORD)
    assert answer.headers["location"] == "/account"
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("__Host-rondo-session="))
    assert "Ada" in browser.get("/account", headers={"cookie": cookie.split(";")[0]}).text


@pytest.mark.parametrize(("peer", "counted"), [("127.0.0.1", "203.0.113.9"), ("192.0.2.1", "192.0.2.1")])
def test_guesses_are_counted_against_who_made_them(web_app: FastAPI, session: Session, peer: str, counted: str) -> None:
    sign_in_through(behind_proxy(web_app, peer), "a guess")
    keys = session.scalars(select(SignInAttempt.key)).all()
    assert sorted(keys) == ["account ada@example.org", f"address {counted}"]


def test_a_token_of_another_visit_is_refused(web_app: FastAPI, pages: PageClient) -> None:
    other = TestClient(web_app)
    stolen = re.search(r'name="csrf_token" value="(\w+)"', other.get("/sign-in").text)
    assert stolen
    pages.sign_in_as(Role.LABELER)
    page = pages.post("/account", {"csrf_token": stolen[1], "name": "Mallory"}, status=403)
    assert "nothing was saved" in page.text
    pages.post("/account", {"csrf_token": "", "name": "Mallory"}, status=403)
    assert "Mallory" not in pages.get("/account").text


def test_a_script_sends_the_token_in_a_header(pages: PageClient) -> None:
    pages.sign_in_as(Role.LABELER)
    token = pages.csrf_token()
    assert pages.http.post("/account", data={"name": "Grace"}, headers={"x-csrf-token": token}).status_code == 303


def test_a_stranger_cannot_send_files_or_long_texts(anybody: TestClient) -> None:
    assert anybody.post("/sign-in", files={"email": b"x"}).status_code == 400
    assert anybody.post("/language", data={"next": "x" * 100_000}).status_code == 400
    assert anybody.post("/sign-in", data={"carried": "x" * (LONGEST_CARRIED + 1)}).status_code == 400
    assert anybody.post("/sign-in", data={f"field{number}": "x" for number in range(30)}).status_code == 400


def test_somebody_signed_in_can_send_long_texts(pages: PageClient) -> None:
    pages.sign_in_as(Role.LABELER)
    page = pages.post("/account", {"name": "x" * 2_000_000}, status=422)
    assert "at most 100 characters" in page.text


def test_a_tampered_message_is_not_shown(pages: PageClient) -> None:
    pages.sign_in_as(Role.LABELER)
    pages.http.cookies.set(
        "rondo-flash", "W3sia2luZCI6ImluZm8iLCJ0ZXh0IjoiQ2FsbCAwMTIzIn1d.00", domain="testserver.local"
    )
    assert "Call 0123" not in pages.get("/account").text


def test_who_asks_for_json_gets_errors_as_json(anybody: TestClient) -> None:
    answer = anybody.get("/account", headers={"accept": "application/json"})
    assert answer.status_code == 401
    assert "not signed in" in answer.json()["error"]


def test_a_refused_person_still_sees_where_they_are(pages: PageClient) -> None:
    person = pages.sign_in_as(Role.LABELER)
    page = pages.get("/users", status=403)
    assert page.heading == "Not allowed"
    assert person.name in page.text


@pytest.mark.parametrize("area", ["campaigns", "checkpoints", "datasets", "projects", "prompts", "rounds", "users"])
def test_a_number_beyond_all_numbers_leads_nowhere(pages: PageClient, area: str) -> None:
    pages.sign_in_as(Role.ADMIN)
    assert pages.get(f"/{area}/{'9' * 30}", status=404).heading == "Page not found"


def test_what_the_database_cannot_keep_is_refused_with_a_page(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.ADMIN)
    path = f"/projects/{make_project(session).id}/form/json"
    unstorable = {"output": [{"name": "a", "label": "a\0b", "type": "flag"}]}
    page = pages.post(path, {"definition": json.dumps(unstorable)}, status=422)
    assert "cannot be stored" in page.text


def test_a_page_that_is_out_of_date_never_shows_a_password(pages: PageClient) -> None:
    typed = {"csrf_token": "", "email": "ada@example.org", "password": PASSWORD}
    assert PASSWORD not in pages.post("/sign-in", typed, status=403).body


def test_an_unknown_address_keeps_the_navigation_of_who_is_signed_in(pages: PageClient) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    assert pages.get("/nowhere", status=404).links["Projects"] == "/projects"


def test_no_two_answers_carry_the_same_token_and_each_is_good(pages: PageClient) -> None:
    pages.sign_in_as(Role.LABELER)
    tokens = {pages.csrf_token() for _ in range(3)}
    assert len(tokens) == 3
    for token in tokens:
        assert pages.http.post("/account", data={"name": "Grace", "csrf_token": token}).status_code == 303


def test_a_bent_token_is_refused(pages: PageClient) -> None:
    pages.sign_in_as(Role.LABELER)
    token = pages.csrf_token()
    bent = token[:-1] + ("1" if token[-1] == "0" else "0")
    for sent in (bent, token[:-2], token + token, "0" * len(token), "00", "no hex", "é" * 64):
        assert pages.http.post("/account", data={"name": "Mallory", "csrf_token": sent}).status_code == 403


def test_pages_and_scripts_are_compressed_and_pictures_of_letters_are_not(pages: PageClient) -> None:
    pages.sign_in_as(Role.LABELER)
    page = pages.http.get("/account", headers={"accept-encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in page.headers["vary"].lower()
    script = pages.http.get(static_url("vendor/sortable.js"), headers={"accept-encoding": "gzip"})
    assert int(script.headers.get("content-length", 0)) < 60_000
    assert script.headers["content-encoding"] == "gzip"
    font = pages.http.get(static_url("vendor/next-latin.woff2"), headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in font.headers
    assert "content-encoding" not in pages.http.get("/account", headers={"accept-encoding": "identity"}).headers


@pytest.mark.parametrize(
    "fields", [{f"field{number}": "" for number in range(5_001)}, {"long": "x" * (4 * 1024**2 + 1)}]
)
def test_a_form_that_no_page_has_is_refused(pages: PageClient, fields: dict[str, str]) -> None:
    pages.sign_in_as(Role.LABELER)
    pages.post("/language", {"language": "en", **fields}, status=400)
