// Unlocking, checking, and whatever else asks for a way in.

import { box, call, state } from "./api.js";
import { perform } from "./ceremony.js";
import { actions, ask, close, leaveButton, show } from "./dialog.js";
import { make, paragraph } from "./dom.js";
import { text } from "./texts.js";

// Asks for one of the ways in. The result has `slot` and `kept`; null where the person left.
export async function open(intent) {
  const words = text.open[intent];
  const ways = Object.entries(state.keyring.ways).filter(([, there]) => there);
  const kinds = ways.map(([kind]) => kind);
  const kind = kinds.length === 1 ? kinds[0] : await choose(words, kinds);
  if (kind === "passkey") {
    const again = text.open.passkey;
    return perform("open/passkey", { intent }, { ...again, title: words.title, lead: [...words.lead, ...again.lead] });
  }
  return kind && typed(intent, kind, words);
}

// Whether the keyring is unlocked, having asked for a way in where it was not.
export async function unlocked() {
  return state.keyring.status === "unlocked" || Boolean(await open("unlock"));
}

function choose(words, kinds) {
  const choice = (kind) =>
    make("button", { type: "button", class: "quiet", onclick: () => close(kind) }, text.open.ways[kind]);
  return show((screen) =>
    screen.draw(words.title, [
      ...words.lead.map((line) => paragraph(line)),
      make("div", { class: "choices" }, kinds.map(choice)),
      actions(leaveButton()),
    ]),
  );
}

function typed(intent, kind, words) {
  const [action, name] = kind === "password" ? ["open/password", "password"] : ["open/recovery-key", "recovery_key"];
  const field =
    kind === "password"
      ? { name, label: text.fields.password, kind: "password", autocomplete: "current-password" }
      : { name, label: text.fields.recoveryKey, hint: text.fields.recoveryHint, kind: "lines" };
  return ask({
    title: words.title,
    lines: words.lead,
    fields: [field],
    go: words.go,
    danger: intent === "off",
    submit: async (values) => call(action, { intent, [name]: await box(values[name]) }),
  });
}
