// The same task in two windows: the older one says so and stops saving, until the labeler goes on in it.
const SENTENCES = { submitted: "submitted_elsewhere", skipped: "skipped_elsewhere" };

export function windows(saver) {
  const { form, show, tell, hush } = saver, name = form.elements.draft_window.value;
  const others = new BroadcastChannel(`rondo:task:${form.dataset.assignment}`);
  let told = null;

  /** Another window has the task now, as the server or that window says. */
  saver.overtaken = ({ state }) => {
    const sentence = SENTENCES[state] ?? "open_elsewhere";
    if (told === sentence) return;
    told = sentence;
    saver.hold();
    show("conflict");
    tell(sentence, { take_over: takeOver, show_newer: () => location.reload() });
  };
  const takeOver = async () => {
    told = null;
    hush();
    saver.announce("opened");
    await saver.takeOver();
  };
  saver.announce = (state) => others.postMessage({ state, from: name });

  others.addEventListener("message", ({ data }) => saver.overtaken(data));
  addEventListener("pagehide", () => others.close());
  saver.announce("opened");
}
