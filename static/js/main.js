// Attaches behaviour to the page: <div data-module="copy"> is handed to the default function of ./copy.js.
for (const element of document.querySelectorAll("[data-module]")) {
  const { default: attach } = await import(`./${element.dataset.module}.js`);
  attach(element);
}
