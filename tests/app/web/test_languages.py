"""Pages, errors and messages in the reader's own language."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.accounts.invitations import invite
from app.accounts.models import Role
from app.accounts.service import choose_language
from app.accounts.sessions import begin_session
from app.db import transaction
from tests.browser.live import live
from tests.factories import make_user
from tests.pages import PageClient

SAID = {
    "en": ("Your account", "Page not found", "Please fill this in."),
    "zh": ("您的账号", "找不到页面", "请填写此项。"),
}


def test_a_visitor_is_answered_in_the_language_of_the_browser(pages: PageClient) -> None:
    pages.http.headers["accept-language"] = "zh-CN,zh;q=0.9"
    page = pages.get("/sign-in")
    assert page.one("html").get("lang") == "zh"
    assert page.heading == "登录"


def test_a_visitors_choice_is_kept(pages: PageClient) -> None:
    page = pages.submit(pages.get("/sign-in"), "/language", language="zh")
    assert page.path == "/sign-in"
    assert page.heading == "登录"
    assert pages.get("/sign-in").heading == "登录"


def test_a_language_that_is_not_there_is_english(pages: PageClient) -> None:
    pages.http.headers["accept-language"] = "zh"
    assert pages.submit(pages.get("/sign-in"), "/language", language="../zh").heading == "Sign in"


def test_a_person_reads_the_language_of_the_account_whatever_the_browser_asks_for(
    pages: PageClient, session: Session
) -> None:
    choose_language(session, pages.sign_in_as(Role.LABELER), "zh")
    pages.http.headers["accept-language"] = "en"
    assert pages.get("/account").heading == "您的账号"
    assert pages.get("/nowhere", 404).heading == "找不到页面"
    assert pages.post("/account", {"name": ""}, 422).one("html").get("lang") == "zh"


def test_signing_out_leaves_the_browser_in_the_language_of_the_account(pages: PageClient, session: Session) -> None:
    choose_language(session, pages.sign_in_as(Role.LABELER), "zh")
    assert pages.post("/sign-out").heading == "登录"


def test_the_language_is_chosen_on_the_account_page_and_said_in_the_new_one(pages: PageClient) -> None:
    user = pages.sign_in_as(Role.RESEARCHER)
    page = pages.submit(pages.get("/account"), "/account", language="zh")
    assert user.language == "zh"
    assert page.heading == "您的账号"
    assert "已保存" in page.text


def test_requests_at_once_do_not_mix_their_languages(fresh_database: Engine) -> None:
    """Over real sockets: routes run in threads, and threads are used again for other people."""
    with transaction(fresh_database) as session:
        tokens = {}
        for language in SAID:
            user = make_user(session)
            choose_language(session, user, language)
            tokens[language] = begin_session(session, user)

    def read(address: str, language: str) -> None:
        account, missing, empty = SAID[language]
        with httpx.Client(base_url=address, cookies={"rondo-session": tokens[language]}) as client:
            for _ in range(15):
                page = client.get("/account").text
                assert f"<h1>{account}</h1>" in page
                assert f"<h1>{missing}</h1>" in client.get("/nowhere").text
                token = page.split('name="csrf_token" value="')[1].split('"')[0]
                assert empty in client.post("/account", data={"csrf_token": token}).text

    with live(fresh_database) as address, ThreadPoolExecutor(6) as threads:
        for done in [threads.submit(read, address, language) for language in list(SAID) * 3]:
            done.result()


@pytest.mark.parametrize("language", SAID)
def test_an_account_made_from_a_page_speaks_its_language(pages: PageClient, session: Session, language: str) -> None:
    token = invite(session, "ada@example.org", Role.RESEARCHER)
    pages.http.headers["accept-language"] = language
    page = pages.get(f"/invitations/{token}")
    page = pages.submit(page, f"/invitations/{token}", name="Ada", password="correct horse battery")
    assert page.one("html").get("lang") == language
