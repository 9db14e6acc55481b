// The text as readers will see it, made by the server a moment after one stops typing.
const PAUSE = 300; // milliseconds

export function preview(form) {
  const panel = form.querySelector("[data-preview]");
  if (!panel) return;
  const field = form.elements[panel.dataset.preview];
  let timer, asked = 0, shown = null;

  /** Only the last answer counts; without one the panel stays as it is. */
  const draw = async () => {
    const text = field.value, number = ++asked;
    if (text === shown) return;
    const body = new URLSearchParams({ text, csrf_token: form.elements.csrf_token.value });
    const html = await fetch(panel.dataset.url, { method: "POST", body })
      .then((answer) => (answer.ok ? answer.text() : null)).catch(() => null);
    if (number !== asked || html === null) return;
    panel.innerHTML = html; // sanitised
    shown = text;
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(draw, PAUSE);
  };
  field.addEventListener("input", later);
  form.addEventListener("desk:restored", later);
  draw();
}
