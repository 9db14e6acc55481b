// Nothing judged or typed is lost: each change is kept on this device at once, and on the server half a second later.
import { device, newName } from "./device.js";
import { judgements } from "./history.js";
import { notices } from "./notices.js";
import { recover } from "./recovering.js";
import { returning } from "./returning.js";
import { sending } from "./sending.js";
import { windows } from "./windows.js";

const PAUSE = 500, LONGEST_PAUSE = 2000, RETRY = 5000; // milliseconds

export function draft(form, words) {
  const { draft_version: version, draft_window: name, draft_step: step, csrf_token: token } = form.elements;
  name.value = newName();
  const chip = form.querySelector("[data-save]"), kept = device(form.dataset.assignment, name.value);
  const saver = { form, words, kept, ...notices(form, words) }, read = () => JSON.stringify(judgements(form));
  let timer, last = read(), unsavedSince = 0, isSending = false, isHeld = false, isRenewed = false, onItsWay;

  const show = (saver.show = (state, values) => {
    chip.dataset.save = state;
    chip.textContent = words.tell(state, values);
  });
  const later = (wait) => {
    clearTimeout(timer);
    timer = setTimeout(send, wait);
  };
  const body = () => new URLSearchParams(new FormData(form));
  const headers = () => ({ accept: "application/json", "x-csrf-token": token.value });

  const keep = (saver.keep = () => {
    step.value = Number(step.value) + 1;
    last = read();
    kept.keep({ window: name.value, version: version.value, entries: judgements(form) });
    unsavedSince ||= performance.now();
    if (isHeld) return;
    show(navigator.onLine ? "saving" : "offline");
    later(Math.max(0, Math.min(PAUSE, unsavedSince + LONGEST_PAUSE - performance.now())));
  });
  const keepIfChanged = () => {
    if (read() === last) return;
    keep();
    form.dispatchEvent(new CustomEvent("desk:typed"));
  };

  /** One request at a time, so that versions follow each other. */
  const send = async () => {
    if (isHeld || !unsavedSince) return;
    if (!navigator.onLine) return show("offline");
    if (isSending) return later(PAUSE);
    isSending = true;
    const sent = step.value, request = { method: "POST", body: body(), headers: headers() };
    await (onItsWay = fetch(form.dataset.draft, request).then((answer) => take(answer, sent)).catch(tryAgain));
    isSending = false;
  };
  const tryAgain = () => {
    isRenewed = false;
    show(navigator.onLine ? "unreachable" : "offline");
    later(RETRY);
  };
  const take = async (answer, sent) => {
    if (answer.ok) return saved(await answer.json(), sent);
    if (answer.status === 409) return saver.overtaken(await answer.json());
    if (answer.status === 401) return signedOut();
    return answer.status === 403 ? refused() : tryAgain();
  };
  /** Most likely signed in anew in another window. A new token that is refused too is not asked for without pause. */
  const refused = async () => {
    if (isRenewed) return tryAgain();
    isRenewed = Boolean(await saver.refresh());
    return isRenewed ? later(0) : signedOut();
  };
  const signedOut = () => {
    show("signed_out");
    const address = `/sign-in?next=${encodeURIComponent(location.pathname)}`;
    saver.tell("signed_out_notice", { sign_in: () => open(address) });
  };
  /** The copy on this device goes only when the server has answered for exactly that copy. */
  const saved = ({ saved_at: at, version: now }, sent) => {
    isRenewed = false;
    version.value = now;
    saver.announce("saved");
    if (step.value !== sent) return later(0);
    unsavedSince = 0;
    kept.forget();
    return show("saved", { time: new Date(at).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" }) });
  };

  /** While it is held nothing is saved on the server, and this device keeps everything. */
  saver.hold = () => (isHeld = true);
  /** Resolves when no draft is on its way any more: a page asked for before that would not know of it. */
  saver.settled = () => onItsWay;
  /** A new token after signing in again; resolves to what the server has, or to nothing. */
  saver.refresh = async () => {
    const answer = await fetch(form.dataset.draft, { headers: headers() }).catch(() => null);
    const now = answer?.ok ? await answer.json() : null;
    if (now) for (const field of document.querySelectorAll("[name=csrf_token]")) field.value = now.token;
    return now;
  };
  /** From here on this window's work follows whatever the server has. */
  saver.takeOver = async () => {
    const now = await saver.refresh();
    if (!now) return;
    version.value = now.version;
    isHeld = false;
    keep();
  };
  const comeBack = async () => {
    if (chip.dataset.save === "signed_out" && (await saver.refresh())) saver.hush();
    later(0);
  };
  const leave = () => unsavedSince && !isHeld && navigator.onLine && navigator.sendBeacon(form.dataset.draft, body());

  returning(form);
  windows(saver);
  sending(saver);
  recover(saver);
  for (const type of ["desk:change", "change", "input"]) form.addEventListener(type, keepIfChanged);
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : comeBack()));
  addEventListener("pagehide", leave);
  addEventListener("focus", comeBack);
  addEventListener("online", comeBack);
  addEventListener("offline", () => show("offline"));
}
