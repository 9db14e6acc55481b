// A sentence over the task about where the work is, with what can be done about it. There is one at a time.
export function notices(form, words) {
  let shown = null;

  const hush = () => {
    shown?.remove();
    shown = null;
  };
  /** `acts`: what each button does, by the name of its words. */
  const tell = (sentence, acts) => {
    hush();
    shown = Object.assign(document.createElement("div"), { className: "notice warning about-saving", role: "alert" });
    shown.append(words.tell(sentence), ...Object.entries(acts).map(([name, act]) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "button", textContent: words.tell(name) });
      button.addEventListener("click", act);
      return button;
    }));
    form.querySelector("main").prepend(shown);
  };
  return { tell, hush };
}
