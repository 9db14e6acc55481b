// Nothing judged or typed is lost: each change is kept on this device at once, and on the server half a second later.
import { judgements, restore } from "./history.js";

const PAUSE = 500, RETRY = 10_000; // milliseconds

export function draft(form, words) {
  const place = `rondo:draft:${form.dataset.assignment}`, chip = form.querySelector("[data-save]");
  let timer, sending = false, conflict = false;

  const show = (state, values) => {
    chip.dataset.save = state;
    chip.textContent = words.tell(state, values);
  };
  const later = (wait) => {
    clearTimeout(timer);
    timer = setTimeout(send, wait);
  };
  const keep = () => {
    const version = form.elements.draft_version.value;
    localStorage.setItem(place, JSON.stringify({ at: new Date().toISOString(), version, entries: judgements(form) }));
    if (conflict) return;
    show(navigator.onLine ? "saving" : "offline");
    later(PAUSE);
  };

  /** One request at a time, so that versions follow each other. */
  const send = async () => {
    if (!navigator.onLine) return show("offline");
    if (sending) return later(PAUSE);
    const sent = localStorage.getItem(place);
    sending = true;
    try {
      await take(await post(), sent);
    } catch {
      show("unreachable");
      later(RETRY);
    }
    sending = false;
  };
  const post = () => fetch(form.dataset.draft, {
    method: "POST", body: new URLSearchParams(new FormData(form)), keepalive: true, redirect: "manual",
    headers: { "X-CSRF-Token": form.elements.csrf_token.value },
  });
  const take = async (answer, sent) => {
    if (answer.ok) return saved(answer.status === 204 ? {} : await answer.json(), sent);
    conflict = answer.status === 409;
    if (conflict) return show("conflict");
    if (answer.type === "opaqueredirect" || [401, 403].includes(answer.status)) return show("signed_out");
    show("unreachable");
    later(RETRY);
  };
  /** The copy on this device goes only when the server has answered for exactly that copy. */
  const saved = ({ saved_at: at, version }, sent) => {
    if (version !== undefined) form.elements.draft_version.value = version;
    if (localStorage.getItem(place) === sent) localStorage.removeItem(place);
    show("saved", { time: new Date(at ?? Date.now()).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) });
  };

  /** What this device knows and the server does not yet: nothing was saved since, or by the clocks it is newer. */
  const recover = () => {
    const copy = JSON.parse(localStorage.getItem(place) ?? "null"), { savedAt } = form.dataset;
    const follows = copy?.version === form.elements.draft_version.value;
    if (!copy || (!follows && savedAt && new Date(copy.at) <= new Date(savedAt))) return;
    restore(form, copy.entries);
    show("restored");
    later(PAUSE);
  };
  /** The next task on the desk means that the last one arrived: its copy is of no more use. */
  const forgetSent = () => {
    const last = localStorage.getItem("rondo:sent");
    if (last && last !== place) localStorage.removeItem(last);
  };

  forgetSent();
  recover();
  form.addEventListener("desk:change", keep);
  form.addEventListener("change", keep);
  form.addEventListener("input", ({ target }) => target.matches("textarea[name]") && keep());
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    localStorage.setItem("rondo:sent", place);
  });
  addEventListener("online", send);
  addEventListener("offline", () => show("offline"));
}
