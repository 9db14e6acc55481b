// Submitting. What cannot be sent now stays on the page and is sent when the server answers again; the key in the form
// makes one annotation of however many tries.
const RETRY = 5000; // milliseconds

export function sending(saver) {
  const { form, words, kept } = saver;
  let isBusy = false, waiting = null, timer;

  const send = async (submitter, isSecondTry = false) => {
    if (isBusy) return;
    isBusy = true;
    const body = new URLSearchParams(new FormData(form, submitter));
    const request = { method: "POST", body, headers: { accept: "application/json" } };
    const answer = await fetch(form.getAttribute("action"), request).catch(() => null);
    isBusy = false;
    if (!answer || answer.status >= 500) return waitWith(submitter);
    if (answer.status === 403 && !isSecondTry && (await saver.refresh())) return send(submitter, true);
    const { next } = answer.ok ? await answer.json() : {};
    return next ? goOn(next) : asPage(submitter);
  };
  const goOn = (next) => {
    isBusy = true;
    saver.hold();
    saver.announce("submitted");
    kept.forgetAll();
    location.assign(next);
  };
  /** The server has something to say: it does so on a page that has everything in it. */
  const asPage = async (submitter) => {
    const { name, value } = submitter ?? {}, field = document.createElement("input");
    if (name) form.append(Object.assign(field, { type: "hidden", name, value }));
    saver.hold();
    await saver.settled();
    HTMLFormElement.prototype.submit.call(form);
  };
  const waitWith = (submitter) => {
    waiting = { submitter };
    saver.show("waiting");
    words.say("waiting_to_send");
    clearTimeout(timer);
    timer = setTimeout(tryAgain, RETRY);
  };
  const tryAgain = () => {
    if (waiting && navigator.onLine) send(waiting.submitter);
    else if (waiting) timer = setTimeout(tryAgain, RETRY);
  };
  /** Who changes something is not done: it is not sent behind their back. */
  const stopWaiting = () => {
    if (waiting) words.say("send_again");
    waiting = null;
  };

  form.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    waiting = null;
    if (navigator.onLine) send(event.submitter);
    else waitWith(event.submitter);
  });
  form.addEventListener("desk:typed", stopWaiting);
  addEventListener("online", tryAgain);
}
