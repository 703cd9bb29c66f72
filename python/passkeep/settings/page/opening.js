// Unlocking, checking, and whatever else asks for a way in.

import { Refusal, box, call, state } from "./api.js";
import { perform } from "./ceremony.js";
import { actions, ask, leaveButton, show } from "./dialog.js";
import { make, paragraph } from "./dom.js";
import { icon } from "./icons.js";
import { text } from "./texts.js";

const LOCKED = ["locked", "conflict"];
const OTHER = "other"; // what a dialog is closed with to choose another way
const DRAWINGS = { passkey: "device", password: "password", recovery_key: "recovery-key" };

// Asks for one of the ways in. The result has `slot` and `kept`; null where the person left.
// only: the one kind that is meant. words: title, lead and go, for others than the usual.
export async function open(intent, { only = null, words = text.open[intent] } = {}) {
  const kinds = only ? [only] : Object.keys(DRAWINGS).filter((kind) => state.keyring.ways[kind]);
  const others = kinds.length > 1 ? [otherButton] : [];
  for (;;) {
    const kind = kinds.length === 1 ? kinds[0] : await choose(words, kinds);
    const result = kind && (await use(intent, kind, words, others));
    if (result !== OTHER) {
      return result;
    }
  }
}

// Whether the keyring is unlocked, having asked for a way in where it was not.
export async function unlocked() {
  if (state.keyring.status === "unlocked") {
    return true;
  }
  const words = state.keyring.changed ? text.open.changed : text.open.unlock;
  return Boolean(await open("unlock", { words }));
}

// Does something that needs the keyring unlocked. Where it was locked meanwhile, it is
// unlocked and done again.
export async function whileUnlocked(work) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Refusal) || !LOCKED.includes(error.code) || !(await unlocked())) {
        throw error;
      }
    }
  }
}

function use(intent, kind, words, others) {
  if (kind !== "passkey") {
    return typed(intent, kind, words, others);
  }
  const again = text.open.passkey;
  const shown = { ...again, title: words.title, lead: [...words.lead, ...again.lead] };
  return perform("open/passkey", { intent }, shown, others);
}

function choose(words, kinds) {
  return show((screen) => {
    const choice = (kind) => {
      const { name, hint } = text.open.ways[kind];
      const label = make("span", { class: "words" }, make("strong", {}, name), make("span", { class: "soft" }, hint));
      return make(
        "button",
        { type: "button", class: "choice", "data-choice": kind, onclick: () => screen.close(kind) },
        icon(DRAWINGS[kind]),
        label,
        icon("more"),
      );
    };
    screen.draw(words.title, [
      ...words.lead.map((line) => paragraph(line)),
      make("div", { class: "choices" }, kinds.map(choice)),
      actions(leaveButton(screen)),
    ]);
  });
}

function typed(intent, kind, words, others) {
  const [action, name] = kind === "password" ? ["open/password", "password"] : ["open/recovery-key", "recovery_key"];
  const field =
    kind === "password"
      ? { name, label: text.fields.password, kind: "password", autocomplete: "current-password" }
      : { name, label: text.fields.recoveryKey, hint: text.fields.recoveryHint, kind: "digits" };
  return ask({
    title: words.title,
    lines: words.lead,
    fields: [field],
    go: words.go,
    danger: intent === "off",
    others,
    submit: async (values) => call(action, { intent, [name]: await box(values[name]) }),
  });
}

const otherButton = (screen) =>
  make("button", { type: "button", class: "quiet", onclick: () => screen.close(OTHER) }, text.open.other);
