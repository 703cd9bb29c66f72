// One dialog at a time: words, fields with their errors, and buttons.

import { Gone, Refusal } from "./api.js";
import { byId, make, paragraph } from "./dom.js";
import { text } from "./texts.js";

const dialog = byId("dialog");
let settle = null; // ends the promise of the dialog that is open
let abort = null;

dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  close(null);
});

// Shows a dialog. build(screen) fills it and may do so again; the promise is what
// close() was given, and null where the person left. onleave ends what was begun.
export function show(build, { onleave = () => {} } = {}) {
  close(null);
  return new Promise((resolve) => {
    settle = resolve;
    abort = onleave;
    build(new Screen());
    dialog.showModal();
    focusFirst();
  });
}

export function close(value) {
  if (!settle) {
    return;
  }
  const [done, leave] = [settle, abort];
  settle = abort = null;
  // What was typed does not stay in a page that is hidden.
  dialog.replaceChildren();
  dialog.close();
  if (value === null) {
    leave();
  }
  done(value);
}

// A question with fields. submit(values) does the work; its errors are shown where they
// belong. The promise is what submit gave back.
export function ask({ title, lines, fields = [], go, act, submit, danger = false, extra = [], onleave }) {
  return show(
    (screen) => {
      const inputs = fields.map(makeField);
      const form = make("form", { novalidate: true, autocomplete: "off" });
      const wrong = make("p", { class: "alert", role: "alert" });
      const busy = make("p", { class: "soft", role: "status" });
      const button = make("button", { type: "submit", class: danger ? "danger" : null }, go);
      form.append(
        ...inputs.map((input) => input.row),
        ...extra.map((part) => part(inputs)),
        wrong,
        busy,
        actions(button, leaveButton()),
      );
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        wrong.textContent = "";
        inputs.forEach((input) => input.complain(""));
        const missing = inputs.find((input) => input.required && input.value === "");
        if (missing) {
          missing.complain(text.missing);
          missing.focus();
          return;
        }
        button.disabled = true;
        busy.textContent = text.checking;
        try {
          close(await submit(Object.fromEntries(inputs.map((input) => [input.name, input.value]))));
        } catch (error) {
          explain(error, inputs, wrong);
        } finally {
          busy.textContent = "";
          button.disabled = false;
        }
      });
      screen.draw(title, [...lines.map((line) => paragraph(line)), form]);
      act?.(inputs);
    },
    { onleave },
  );
}

// What a dialog is drawn with.
class Screen {
  draw(title, content) {
    const heading = make("h2", { id: "dialog-title", tabindex: "-1" }, title);
    dialog.replaceChildren(heading, ...content);
    if (dialog.open) {
      focusFirst();
    }
  }
}

export function actions(...buttons) {
  return make("div", { class: "actions" }, buttons);
}

export function leaveButton(label = text.cancel) {
  return make("button", { type: "button", class: "quiet", onclick: () => close(null) }, label);
}

// Message and hint of an error, at the fields that it names or in `place`.
export function explain(error, inputs, place) {
  if (error instanceof Gone) {
    close(null); // the page itself says it
    return;
  }
  const fields = error instanceof Refusal ? error.fields : {};
  const named = inputs.filter((input) => Object.hasOwn(fields, input.name));
  named.forEach((input) => input.complain(fields[input.name]));
  if (named.length > 0) {
    named[0].focus();
    return;
  }
  place.textContent = sentence(error);
}

export function sentence(error) {
  return error instanceof Refusal ? [error.message, error.hint].filter(Boolean).join(" ") : text.failures.other;
}

let serial = 0;

// A labelled input: kind is an input's type, "checkbox" or "lines".
function makeField({ name, label, hint = "", kind = "text", value = "", required = true, autocomplete = "off" }) {
  const id = `field-${(serial += 1)}`;
  const common = { id, name, "aria-describedby": `${id}-hint ${id}-error` };
  const plain = { autocapitalize: "none", spellcheck: "false" };
  const input =
    kind === "lines"
      ? make("textarea", { ...common, ...plain, rows: 3 })
      : make("input", { ...common, ...(kind === "checkbox" ? {} : plain), type: kind, autocomplete });
  if (kind === "checkbox") {
    input.checked = value;
  } else {
    input.value = value;
  }
  const error = make("p", { id: `${id}-error`, class: "alert field-error" });
  const described = make("p", { id: `${id}-hint`, class: "hint" }, hint);
  const caption = make("label", { for: id }, label);
  const parts = kind === "checkbox" ? [make("div", { class: "check" }, input, caption)] : [caption, input];
  return {
    name,
    required: required && kind !== "checkbox",
    row: make("div", { class: "field" }, ...parts, described, error),
    get value() {
      return kind === "checkbox" ? input.checked : input.value;
    },
    set value(next) {
      input.value = next;
    },
    focus: () => input.focus(),
    complain(message) {
      error.textContent = message;
      message ? input.setAttribute("aria-invalid", "true") : input.removeAttribute("aria-invalid");
    },
  };
}

function focusFirst() {
  const first = dialog.querySelector("input, textarea") ?? dialog.querySelector("h2");
  first?.focus();
}
