// The sentences of the desk come translated with the page; here they get their letters and numbers.
export function words(form) {
  const sentences = JSON.parse(form.dataset.words);
  const tell = (name, values = {}) => sentences[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);

  /** Say it in the live region. Emptied first, so that the same sentence twice is read twice. */
  const say = (name, values) => announce(tell(name, values));
  const announce = (text) => {
    const status = form.querySelector("[data-say]");
    status.textContent = "";
    delete status.dataset.hint;
    setTimeout(() => (status.textContent = text), 40);
  };
  return { tell, say, announce };
}
