// Shows a run's latest outputs as they come. They are hostile, so they only ever become text.
import { follow } from "./stream.js";

export default function outputs(box) {
  const list = box.querySelector("ol"), template = box.querySelector("template"), nothing = box.querySelector(".nothing");

  const item = (row) => {
    const made = template.content.cloneNode(true);
    for (const part of made.querySelectorAll("[data-part]")) {
      const value = row[part.dataset.part];
      if (value === undefined) part.closest(".part")?.remove();
      else part.textContent = value;
    }
    return made;
  };
  const glimpse = ({ outputs: rows = [] }) => {
    if (!rows.length) return;
    list.replaceChildren(...rows.map(item));
    nothing.hidden = true;
  };
  follow(box.dataset.events, { glimpse });
}
