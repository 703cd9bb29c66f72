// Labelled inputs of a dialog.

import { make } from "./dom.js";
import { fill, text } from "./texts.js";

const DIGITS = 64; // of a recovery key
const GROUP = 4;

// What browsers must neither correct, nor send away to be corrected.
const PLAIN = { autocapitalize: "none", autocorrect: "off", spellcheck: "false" };

let serial = 0;

// kind is an input's type, "checkbox", "lines", or "digits" for a recovery key.
export function makeField(field) {
  const { name, label, hint = "", kind = "text", required = true } = field;
  const id = `field-${(serial += 1)}`;
  const input = makeInput(field, { id, name, "aria-describedby": `${id}-error ${id}-hint` });
  const error = make("p", { id: `${id}-error`, class: "alert field-error" });
  const described = make("p", { id: `${id}-hint`, class: "hint" }, hint);
  return {
    name,
    required: required && kind !== "checkbox",
    row: make("div", { class: "field" }, ...arrange(kind, input, label, id), error, described),
    get value() {
      return kind === "checkbox" ? input.checked : input.value;
    },
    focus() {
      input.closest("details")?.setAttribute("open", "");
      input.focus();
    },
    complain(message) {
      error.textContent = message;
      message ? input.setAttribute("aria-invalid", "true") : input.removeAttribute("aria-invalid");
    },
  };
}

function makeInput({ kind = "text", value = "", autocomplete = "off", most }, common) {
  if (kind === "checkbox") {
    return make("input", { ...common, type: kind, checked: Boolean(value) });
  }
  if (kind === "lines" || kind === "digits") {
    return make("textarea", { ...common, ...PLAIN, autocomplete: "off", class: kind, rows: kind === "digits" ? 4 : 3 });
  }
  const input = make("input", { ...common, ...PLAIN, type: kind, autocomplete, maxlength: most });
  input.value = value;
  return input;
}

function arrange(kind, input, label, id) {
  const caption = make("label", { for: id }, label);
  if (kind === "checkbox") {
    return [make("div", { class: "check" }, input, caption)];
  }
  if (kind === "password") {
    return [caption, make("div", { class: "covered" }, input, uncover(input, label))];
  }
  return kind === "digits" ? [caption, input, counter(input)] : [caption, input];
}

// A button that shows what was typed.
function uncover(input, label) {
  const button = make("button", { type: "button", class: "plain" }, text.show);
  const describe = () => {
    const shown = input.type === "text";
    button.textContent = shown ? text.hide : text.show;
    button.setAttribute("aria-label", `${button.textContent}: ${label}`);
  };
  button.addEventListener("click", () => {
    input.type = input.type === "text" ? "password" : "text";
    describe();
  });
  describe();
  return button;
}

// How much of a recovery key was typed, for those who look up from their paper.
function counter(input) {
  const line = make("p", { class: "hint counter", "aria-hidden": "true" });
  const recount = () => {
    const digits = input.value.match(/[0-9a-f]/gi)?.length ?? 0;
    const values = { there: Math.min(Math.floor(digits / GROUP), DIGITS / GROUP), all: DIGITS / GROUP };
    line.textContent = fill(text.groups, values);
    line.classList.toggle("complete", digits === DIGITS);
  };
  input.addEventListener("input", recount);
  recount();
  return line;
}
