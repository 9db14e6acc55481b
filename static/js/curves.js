// Draws a run's numbers, a small plot each, from {"steps": [...], "series": {name: [...]}}, and adds lines as they come.
import uPlot from "../vendor/uplot.js";
import { follow } from "./stream.js";

const HEIGHT = 180, REDRAW = 150, MOST_ADDED = 2_000; // milliseconds; lines, before all are read again, thinned

export default function curves(figure) {
  const grid = figure.querySelector(".plots"), nothing = figure.querySelector(".nothing"), plots = new Map();
  let steps = [], series = {}, added = 0, drawing = 0, reading;
  const width = () => grid.firstElementChild?.clientWidth || 320;

  const only = figure.dataset.only.split(",").filter(Boolean), wanted = (name) => !only.length || only.includes(name);
  const plot = (name) => {
    const box = grid.appendChild(document.createElement("div"));
    plots.set(name, new uPlot(options(figure, name, width()), [steps, series[name]], box));
  };
  const draw = () => {
    drawing = 0;
    grid.querySelectorAll(".drawn").forEach((drawn) => drawn.remove()); // by the server, for who has no script
    if (nothing) nothing.hidden = steps.length > 0;
    for (const name of Object.keys(series).filter(wanted)) plots.has(name) ? plots.get(name).setData([steps, series[name]]) : plot(name);
    figure.dataset.step = steps.at(-1);
  };
  const soon = () => (drawing ||= setTimeout(draw, REDRAW));
  const read = async () => {
    const answer = await fetch(figure.dataset.source, { headers: { Accept: "application/json" } });
    if (answer.ok) ({ steps, series } = await answer.json());
    added = 0;
    if (answer.ok && steps.length) draw();
  };
  const readAgain = () => (reading = Promise.resolve(reading).then(read)); // one after the other
  const add = async ({ run, step, ...numbers }) => {
    await reading;
    if (++added > MOST_ADDED) return readAgain();
    while (steps.length && steps.at(-1) >= step) [steps, ...Object.values(series)].forEach((column) => column.pop());
    for (const name of Object.keys(numbers)) series[name] ??= steps.map(() => null);
    steps.push(step);
    for (const name of Object.keys(series)) series[name].push(numbers[name] ?? null);
    soon();
  };
  new ResizeObserver(() => plots.forEach((each) => each.setSize({ width: width(), height: HEIGHT }))).observe(grid);
  readAgain();
  follow(figure.dataset.events, { line: add, stale: readAgain });
}

function options(figure, name, width) {
  const [line, quiet, rule] = ["--accent", "--quiet", "--line"].map((token) => colour(figure, token));
  const thin = { stroke: rule, width: 1 }, font = `12px ${getComputedStyle(figure).fontFamily}`;
  const axis = { stroke: quiet, grid: thin, ticks: thin, font };
  return {
    width, height: HEIGHT, title: name.replaceAll("_", " "), scales: { x: { time: false } },
    cursor: { sync: { key: figure.dataset.source } },
    axes: [axis, { ...axis, size: 60, values: (_, marks) => marks.map(short) }],
    series: [{ label: "step" }, { label: "", value: (_, n) => short(n), stroke: line, width: 1.5, spanGaps: true }],
  };
}

/** Four digits are enough to read: 0.7134, 1e-5. */
export function short(n) {
  if (n === null) return "–";
  return n !== 0 && Math.abs(n) < 1e-3 ? Number(n.toPrecision(3)).toExponential() : String(Number(n.toPrecision(4)));
}

/** A token as a colour that a canvas takes: `light-dark()` is resolved by the element that wears it. */
function colour(figure, token) {
  figure.style.setProperty("outline-color", `var(${token})`);
  const { outlineColor } = getComputedStyle(figure);
  figure.style.removeProperty("outline-color");
  return outlineColor;
}
