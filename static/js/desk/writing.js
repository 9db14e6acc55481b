// Writing a prompt or an attack.
import { pairs } from "./writing-pairs.js";
import { preview } from "./writing-preview.js";
import { writing } from "./writing-form.js";
import { words } from "./words.js";

export default function write(form) {
  const said = words(form);
  pairs(form, said); // before the draft is restored, for which it makes room
  writing(form, said);
  preview(form);
}
