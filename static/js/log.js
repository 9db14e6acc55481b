// Keeps the end of a run's log in sight, unless its reader has scrolled back.
import { follow } from "./stream.js";

export default function log(end) {
  const toEnd = () => (end.scrollTop = end.scrollHeight);
  toEnd();
  const glimpse = ({ log: text }) => {
    if (!text) return;
    const atEnd = end.scrollTop + end.clientHeight >= end.scrollHeight - 4;
    end.textContent = text;
    end.nextElementSibling.hidden = true;
    if (atEnd) toEnd();
  };
  follow(end.dataset.events, { glimpse });
}
