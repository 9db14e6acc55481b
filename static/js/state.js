// Keeps what is said of runs true while they run: how far each is, how fast, its last numbers.
// A run's part is marked by data-run; in it data-fact and data-number name what stands there.
import { follow } from "./stream.js";

const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

export default function state(section) {
  const language = document.documentElement.lang;
  const partOf = (run) => (section.dataset.run ? section : section.querySelector(`[data-run="${run}"]`));
  const write = (part, selector, text) => part?.querySelectorAll(selector).forEach((place) => (place.textContent = text));
  const number = (value) => value.toLocaleString(language, { maximumSignificantDigits: 3 });
  let asking = 0;

  const ask = async () => {
    asking = 0;
    if (section.querySelector("form :focus, form:active")) return void (asking = setTimeout(ask, 1_000)); // about to press
    const answer = await fetch(section.dataset.source);
    if (!answer.ok) return;
    section.innerHTML = await answer.text();
    document.dispatchEvent(new Event("htmx:after:swap")); // its modules want to be attached
  };
  const askSoon = () => (asking ||= setTimeout(ask, 200));
  const pace = ({ run, progress, ...facts }) => {
    const part = partOf(run);
    if (part === section && !part.querySelector("[data-fact]")) return askSoon(); // the run has just begun
    part?.querySelectorAll("progress").forEach((bar) => (bar.value = progress));
    write(part, ".progress-line .number", progress.toLocaleString(language, { style: "percent" }));
    for (const [name, value] of Object.entries(facts))
      if (value !== null) write(part, `[data-fact="${name}"]`, name === "seconds_left" ? left(value, language) : number(value));
  };
  const line = ({ run, step, ...numbers }) => {
    for (const [name, value] of Object.entries(numbers))
      write(partOf(run), `[data-number="${name}"]`, String(Number(value.toPrecision(section.dataset.run ? 6 : 3))));
  };
  follow(section.dataset.events, { state: askSoon, stale: askSoon, pace, line });
}

/** As the server says it: "2 hours 40 minutes", "25 seconds". */
function left(seconds, language) {
  const at = Math.max(0, UNITS.findIndex(([, size]) => seconds >= size)), said = [];
  let rest = Math.round(seconds);
  for (const [unit, size] of seconds < 1 ? UNITS.slice(-1) : UNITS.slice(at, at + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count || !said.length) said.push(count.toLocaleString(language, { style: "unit", unit, unitDisplay: "long" }));
    if (count >= 10) break;
  }
  return said.join(" ");
}
