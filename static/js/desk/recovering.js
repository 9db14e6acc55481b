// What this device knows of a task and the server does not: taken where it follows what the page shows, else offered.
import { judgements, restore } from "./history.js";

export function recover(saver) {
  const { form, kept, keep, show, tell, hush } = saver, [copy] = kept.left();
  if ("unsaved" in form.dataset) return keep(); // the server sent it back and has not kept it
  if (!copy) return undefined;

  const take = () => {
    hush();
    restore(form, copy.entries);
    form.dispatchEvent(new CustomEvent("desk:restored"));
    keep();
    kept.forget(copy.key);
    show("restored");
  };
  const drop = () => {
    hush();
    kept.forget(copy.key);
  };
  if (JSON.stringify(copy.entries) === JSON.stringify(judgements(form))) return drop();
  const follows = copy.version === form.elements.draft_version.value || copy.window === form.dataset.window;
  return follows ? take() : tell("kept_here", { show_it: take, drop_it: drop });
}
