// Writing a demonstration.
import { preview } from "./writing-preview.js";
import { writing } from "./writing-form.js";
import { words } from "./words.js";

export default function demonstrate(form) {
  writing(form, words(form));
  preview(form);
}
