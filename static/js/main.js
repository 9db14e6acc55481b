// Attaches behaviour to the page: <div data-module="copy"> is handed to the default function of ./copy.js, once.
const attached = new WeakSet();

async function attach(element) {
  attached.add(element);
  const { default: behave } = await import(`./${element.dataset.module}.js`);
  behave(element);
}
function attachAll() {
  for (const element of document.querySelectorAll("[data-module]")) if (!attached.has(element)) attach(element);
}
attachAll();
document.addEventListener("htmx:after:swap", attachAll);
