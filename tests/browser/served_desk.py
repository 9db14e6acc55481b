"""The desk's real templates and scripts behind a socket, under the real content security policy, without a database."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from threading import Thread
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

from app.completions.evidence import Evidence
from app.projects.forms import RatingForm
from app.projects.ready_made import INSTRUCT_GPT
from app.web.outputs import ShownText, shown_text, texts_of
from app.web.rendering import render_untrusted
from app.web.security import HEADERS
from app.web.templating import environment, packed_folder

OUTPUTS = (
    "The Mill is a **cheap** pub by the river. It serves English food.",
    "The Mill is a pub.",
    "The Mill is a **cheap** pub by the river. It serves French food and children are welcome.",
    "Riverside pub: The Mill.\n\n```\nprint('The Mill')\n```\n",
)


@dataclass
class ServedDesk:
    template: str = "desk/compare.html"
    outputs: tuple[str, ...] = OUTPUTS
    url: str = ""
    posts: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    draft_answer: int = 200
    state_answer: int | None = None  # where it differs
    saved_at: datetime | None = None
    evidence: Evidence = ()
    form: RatingForm = INSTRUCT_GPT

    def page(self) -> str:
        letters = "abcdefghi"[: len(self.outputs)]
        outputs: list[dict[str, object]] = [
            {"letter": letter, "text": self.shown(text), "rank": None, "values": {}}
            for letter, text in zip(letters, self.outputs, strict=True)
        ]
        return (
            environment()
            .get_template(self.template)
            .render(**_context(letters, self.form), outputs=outputs, draft_saved_at=self.saved_at)
        )

    def shown(self, text: str) -> ShownText:
        return shown_text(text, self.evidence, {each: render_untrusted(each) for each in texts_of(text, self.evidence)})

    def sent_to(self, path: str) -> list[dict[str, str]]:
        return [form for to, form in self.posts if to == path]


def _context(letters: str, form: RatingForm) -> dict[str, Any]:
    return {
        "request": SimpleNamespace(url=SimpleNamespace(path="/tasks/1")),
        "current_user": SimpleNamespace(name="Ada", role="labeler"),
        "csrf_token": "token",
        "assignment": SimpleNamespace(
            id=1,
            letters=letters,
            submit_url="/submit",
            skip_url="/skip",
            draft_url="/draft",
            heartbeat_url="/heartbeat",
            idempotency_key="key",
        ),
        "campaign": SimpleNamespace(name="Round 1", kind="compare", guidelines_html=render_untrusted("Helpful first.")),
        "form": form,
        "conversation": [{"role": "user", "html": render_untrusted("Describe The Mill.")}],
        "prompt_values": {},
        "text": "",
        "errors": [],
        "task_number": 3,
        "done_today": 2,
        "minutes_today": 5,
    }


@contextmanager
def serving() -> Iterator[ServedDesk]:
    desk = ServedDesk()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/static/"):
                file = packed_folder("static") / self.path.split("/", 3)[3]
                self.answer(200, file.read_bytes(), guess_type(file)[0] or "application/octet-stream")
            elif self.path == "/draft":
                state = {"version": len(desk.posts), "token": "token", "state": "leased", "saved_at": None}
                self.answer(desk.state_answer or desk.draft_answer, json.dumps(state).encode(), "application/json")
            else:
                self.answer(200, desk.page().encode(), "text/html; charset=utf-8")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[-1] for name, values in parse_qs(body, keep_blank_values=True).items()}
            desk.posts.append((self.path, form))
            said = {"saved_at": "2026-01-01T12:00:00+00:00", "version": len(desk.posts), "state": "leased"}
            said |= {"next": self.path} if self.path != "/draft" else {}
            status = desk.draft_answer if self.path == "/draft" else 200
            self.answer(status, json.dumps(said).encode(), "application/json")

        def answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            for name, value in {**HEADERS, "content-type": kind, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    desk.url = f"http://127.0.0.1:{server.server_port}/"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield desk
    finally:
        server.shutdown()
        server.server_close()
