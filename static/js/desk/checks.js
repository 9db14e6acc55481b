// What looks like a slip is asked over the page: Escape goes back to it, Ctrl+Enter submits it as it is.
import { sendsForm } from "./keys.js";

export default function checks(dialog) {
  const confirm = dialog.querySelector("[data-confirm]");
  dialog.querySelector("[data-back]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the desk's keys sleep meanwhile
    if (!sendsForm(event)) return;
    event.preventDefault();
    dialog.close();
    confirm.form.requestSubmit(confirm);
  });
  dialog.close();
  dialog.showModal();
}
