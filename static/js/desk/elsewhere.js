// Buttons that send the desk's form elsewhere as it stands, past what is looked at before work is submitted.
export default function elsewhere(box) {
  for (const button of box.querySelectorAll("[formaction]")) {
    button.addEventListener("click", (event) => {
      const { form, name, value, formAction } = button;
      event.preventDefault();
      if (name) form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
      form.action = formAction;
      form.submit();
    });
  }
}
