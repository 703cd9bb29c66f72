// Showing a recovery key and having it typed back; turning on.

import { box, call, state } from "./api.js";
import { actions, ask, close, explain, leaveButton, show } from "./dialog.js";
import { make, paragraph } from "./dom.js";
import { text } from "./texts.js";

// A new recovery key for a keyring that has one. The result is null where the person left.
export function replaceRecoveryKey() {
  return offer("recovery", text.recovery, []);
}

// The first keyring: its recovery key, and a password if one is wanted.
export function turnOn() {
  const password = {
    name: "password",
    label: text.fields.optionalPassword,
    hint: text.fields.optionalHint,
    kind: "password",
    required: false,
    autocomplete: "new-password",
  };
  return offer("setup", text.setup, [password]);
}

async function offer(kind, words, more) {
  const shown = await showDigits(kind, words);
  return shown && typeBack(kind, words, more, shown);
}

function showDigits(kind, words) {
  return show(async (screen) => {
    const alert = make("p", { class: "alert", role: "alert" });
    screen.draw(words.title, [paragraph(text.oneMoment), alert, actions(leaveButton())]);
    let result;
    try {
      result = await call(`${kind}/begin`);
    } catch (error) {
      explain(error, [], alert);
      return;
    }
    const groups = result.digits.split(/\s+/).map((group) => make("li", {}, group));
    const go = make("button", { type: "button", onclick: () => close(result.offer) }, words.written);
    screen.draw(words.title, [
      ...words.lead.map((line) => paragraph(line)),
      make("ol", { class: "digits", "aria-label": text.fields.recoveryKey }, groups),
      paragraph(text.printIt, "hint"),
      actions(go, leaveButton()),
    ]);
  }, { onleave: () => cancel(kind) });
}

function typeBack(kind, words, more, offered) {
  const field = { name: "typed", label: text.fields.recoveryKey, hint: text.fields.typedHint, kind: "lines" };
  return ask({
    title: words.backTitle,
    lines: words.back,
    fields: [field, ...more],
    go: words.go,
    onleave: () => cancel(kind),
    submit: async ({ typed, password }) => {
      const message = { offer: offered, typed: await box(typed) };
      if (kind === "setup") {
        message.password = password ? await box(password) : null;
      }
      return call(`${kind}/confirm`, message);
    },
  });
}

// The digits that were shown open nothing then.
function cancel(kind) {
  const left = state?.offer;
  if (left) {
    call(`${kind}/cancel`, { offer: left.offer }).catch(() => {});
  }
}
