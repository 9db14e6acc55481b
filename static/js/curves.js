// Draws a run's numbers, a small plot each, from {"x": [...], "series": {name: [...]}, "finished": bool}.
import uPlot from "../vendor/uplot.js";

const HEIGHT = 180, REFRESH = 10_000;

export default async function curves(figure) {
  const grid = figure.appendChild(Object.assign(document.createElement("div"), { className: "plots" }));
  const wanted = figure.dataset.series.split(",").filter(Boolean), plots = new Map();
  const width = () => grid.firstElementChild?.clientWidth ?? 320;

  const show = (name, x, y) => {
    if (plots.has(name)) return plots.get(name).setData([x, y]);
    const box = grid.appendChild(document.createElement("div"));
    return plots.set(name, new uPlot(options(figure, name, width()), [x, y], box));
  };
  const draw = async () => {
    const answer = await fetch(figure.dataset.source, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const { x, series, finished } = await answer.json();
    for (const name of wanted.length ? wanted : Object.keys(series)) if (series[name]) show(name, x, series[name]);
    if (!finished) setTimeout(draw, REFRESH);
  };
  new ResizeObserver(() => plots.forEach((plot) => plot.setSize({ width: width(), height: HEIGHT }))).observe(grid);
  await draw();
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
function short(n) {
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
