// The guidelines beside the task: searched in place; on a wide screen they stay open from task to task.
import { finder } from "./guidelines-find.js";

const OPEN = "rondo:guidelines";

export default function guidelines(details) {
  const wide = matchMedia("(min-width: 80rem)"), field = details.querySelector("[data-find]");
  const found = details.querySelector("[data-found]"), { search, step } = finder(details.querySelector(".guidelines-text"));
  let byHand = false; // opened by the reader, who then wants to search; not by us for the next task

  const tell = ({ place, count }) => {
    const { none, some } = found.dataset;
    found.textContent = !field.value ? "" : count ? some.replace("{place}", place).replace("{count}", count) : none;
  };
  const close = () => {
    details.open = false;
    (document.querySelector("[aria-current]") ?? details.firstElementChild).focus();
  };

  details.querySelector("summary").addEventListener("click", () => (byHand = true));
  details.addEventListener("toggle", () => {
    localStorage.setItem(OPEN, details.open ? "1" : "");
    if (details.open && byHand) field.focus();
  });
  details.querySelector("[data-close]").addEventListener("click", close);
  for (const button of details.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => tell(step(Number(button.dataset.step))));
  }
  field.addEventListener("input", () => tell(search(field.value)));
  details.querySelector(".guidelines-body").addEventListener("keydown", (event) => {
    event.stopPropagation(); // the desk's keys sleep while one reads here; chords are heard by nobody but this panel
    if (event.key === "Escape" || (event.altKey && event.code === "KeyG")) close();
    else if (event.key === "Enter" && event.target === field) tell(step(event.shiftKey ? -1 : 1));
    else return;
    event.preventDefault();
  });
  details.open = wide.matches && localStorage.getItem(OPEN) === "1";
}
