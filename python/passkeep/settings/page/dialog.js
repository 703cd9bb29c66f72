// Dialogs: words, fields with their errors, and buttons. One can open above another.

import { Gone, Refusal } from "./api.js";
import { byId, keyed, make, paragraph } from "./dom.js";
import { makeField } from "./fields.js";
import { text } from "./texts.js";

const open = [];
let serial = 0;

export const isOpen = () => open.length > 0;

export function closeAll() {
  [...open].reverse().forEach((screen) => screen.close(null));
}

// Shows a dialog. build(screen) fills it and may do so again; the promise is what
// screen.close() was given, and null where the person left. onleave ends what was begun.
export function show(build, { onleave = () => {} } = {}) {
  return new Promise((resolve) => {
    const screen = new Screen(resolve, onleave);
    build(screen);
  });
}

// A question with fields. submit(values) does the work; its errors are shown where they
// belong. The promise is what submit gave back. others: more buttons, as functions of the
// screen; parts: more content, as functions of the inputs and of where problems go, before
// the fields. folded: a label, and names of fields that are shown on demand.
export function ask({ title, step, lines, fields = [], folded, go, submit, danger = false, parts = [], others = [], onleave }) {
  return show(
    (screen) => {
      const inputs = fields.map(makeField);
      const form = make("form", { novalidate: true, autocomplete: "off" });
      const wrong = make("div", { class: "problem", role: "alert" });
      const busy = make("p", { class: "soft", role: "status" });
      const button = make("button", { type: "submit", class: danger ? "danger" : null }, go);
      const buttons = [button, ...others.map((other) => other(screen)), leaveButton(screen)];
      const hidden = inputs.filter((input) => folded?.names.includes(input.name));
      form.append(
        ...parts.map((part) => part(inputs, wrong)),
        ...inputs.filter((input) => !hidden.includes(input)).map((input) => input.row),
        ...(folded ? [make("details", {}, make("summary", {}, folded.label), hidden.map((input) => input.row))] : []),
        wrong,
        busy,
        actions(...buttons),
      );
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        explain(null, inputs, wrong);
        const missing = inputs.find((input) => input.required && input.value === "");
        if (missing) {
          missing.complain(text.missing);
          missing.focus();
          return;
        }
        button.disabled = true;
        busy.textContent = text.checking;
        try {
          screen.close(await submit(Object.fromEntries(inputs.map((input) => [input.name, input.value]))));
        } catch (error) {
          explain(error, inputs, wrong);
        } finally {
          busy.textContent = "";
          button.disabled = false;
          if (document.activeElement === document.body) {
            (inputs[0] ?? button).focus(); // the button has lost it
          }
        }
      });
      screen.draw(title, [...lines.map((line) => paragraph(line)), form], step);
    },
    { onleave },
  );
}

// One dialog, and who gets the focus after it.
class Screen {
  #dialog;
  #opener = document.activeElement;
  #settle;
  #leave;

  constructor(settle, leave) {
    this.#settle = settle;
    this.#leave = leave;
    this.titleId = `dialog-title-${(serial += 1)}`;
    this.#dialog = make("dialog", {
      "aria-labelledby": this.titleId,
      oncancel: (event) => {
        event.preventDefault();
        this.close(null);
      },
      // Some browsers close a dialog without asking.
      onclose: () => this.close(null),
    });
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    open.push(this);
  }

  draw(title, content, step = null) {
    const heading = make("h2", { id: this.titleId, tabindex: "-1" }, title);
    this.#dialog.replaceChildren(...[step && paragraph(step, "step"), heading, ...content].filter(Boolean));
    this.#dialog.scrollTop = 0;
    (this.#dialog.querySelector("input, textarea") ?? heading).focus();
  }

  focusTitle() {
    this.#dialog.querySelector("h2").focus();
  }

  close(value) {
    const place = open.indexOf(this);
    if (place < 0) {
      return;
    }
    open.splice(place, 1);
    // What was typed does not stay in a page that is hidden.
    this.#dialog.querySelectorAll("input, textarea").forEach((input) => {
      input.value = "";
    });
    this.#dialog.close();
    this.#dialog.remove();
    if (value === null) {
      this.#leave();
    }
    giveBack(this.#opener);
    this.#settle(value);
  }
}

export function actions(...buttons) {
  return make("div", { class: "actions" }, buttons);
}

export function leaveButton(screen, label = text.cancel) {
  return make("button", { type: "button", class: "quiet", onclick: () => screen.close(null) }, label);
}

// Message and hint of an error, at the fields that it names or in `place`; null for none.
export function explain(error, inputs, place) {
  place.replaceChildren();
  inputs.forEach((input) => input.complain(""));
  if (error === null || error instanceof Gone) {
    return; // the page itself says it
  }
  const fields = error instanceof Refusal ? error.fields : {};
  const named = inputs.filter((input) => Object.hasOwn(fields, input.name));
  named.forEach((input) => input.complain([fields[input.name], error.hint].filter(Boolean).join(" ")));
  if (named.length > 0) {
    named[0].focus();
    return;
  }
  place.append(...sentences(error).map((line) => paragraph(line)));
  place.scrollIntoView({ block: "nearest" });
}

export function sentences(error) {
  if (!(error instanceof Refusal)) {
    console.error(error.name); // its message might quote something
    return [text.defect];
  }
  return [error.message, error.hint].filter(Boolean);
}

// Focuses what had it before; what was drawn anew since is found by its key.
function giveBack(opener) {
  const { key } = opener?.dataset ?? {};
  for (const target of [opener, key && keyed(key), byId("title")]) {
    if (target?.isConnected && target !== document.body) {
      target.focus();
      if (document.activeElement === target) {
        return;
      }
    }
  }
}
