// What people do to their ways in, each in a dialog.

import { Refusal, box, call, state } from "./api.js";
import { perform } from "./ceremony.js";
import { ask } from "./dialog.js";
import { button } from "./dom.js";
import { replaceRecoveryKey } from "./keys.js";
import { open, unlocked } from "./opening.js";
import { fill, text } from "./texts.js";

export async function addPasskey() {
  if (!(await unlocked())) {
    return null;
  }
  const words = text.addPasskey;
  const label = await ask({
    title: words.title,
    lines: words.lead,
    fields: [{ name: "label", label: text.fields.label, hint: words.hint, value: words.suggestion }],
    go: text.continue,
    submit: async (values) => values.label.trim(),
  });
  return label && perform("add/passkey", { label }, text.enrol);
}

export async function addPassword() {
  if (!(await unlocked())) {
    return null;
  }
  const label = { name: "label", label: text.fields.label, value: text.addPassword.suggestion };
  return newPassword(text.addPassword, [label], (values) => call("add/password", values));
}

export async function changePassword(slot) {
  if (!(await unlocked())) {
    return null;
  }
  return newPassword(text.changePassword, [], (values) => call("password/change", { slot: slot.id, ...values }));
}

export async function rename(slot) {
  if (!(await unlocked())) {
    return null;
  }
  return ask({
    title: fill(text.rename.title, slot),
    lines: text.rename.lead,
    fields: [{ name: "label", label: text.fields.label, value: slot.label }],
    go: text.rename.go,
    submit: ({ label }) => call("rename", { slot: slot.id, label: label.trim() }),
  });
}

export async function remove(slot) {
  if (!(await unlocked())) {
    return null;
  }
  return ask({
    title: fill(text.remove.title, slot),
    lines: [...text.remove.lead, ...(slot.kind === "passkey" ? text.remove.passkey : [])],
    go: text.remove.go,
    danger: true,
    submit: () => call("remove", { slot: slot.id }),
  });
}

export const check = () => open("check");

export async function newRecoveryKey() {
  return (await unlocked()) ? replaceRecoveryKey() : null;
}

export const setTravels = async (slot, travels) =>
  (await unlocked()) ? call("travels", { slot: slot.id, travels }) : null;

export async function turnOff() {
  const agreed = await ask({
    title: text.off.title,
    lines: text.off.lead,
    go: text.continue,
    danger: true,
    submit: async () => true,
  });
  return agreed && state.keyring.status !== "none" ? open("off") : null;
}

// Asks for a new password twice, or suggests one that has to be typed again.
function newPassword(words, before, save) {
  const kind = { kind: "password", autocomplete: "new-password" };
  const suggested = document.createElement("output");
  suggested.className = "suggested";
  const suggest = () =>
    button(text.suggest, async () => {
      suggested.textContent = (await call("password/suggest")).password;
    });
  return ask({
    title: words.title,
    lines: words.lead,
    fields: [
      ...before,
      { name: "password", label: text.fields.newPassword, hint: text.fields.passwordHint, ...kind },
      { name: "again", label: text.fields.again, ...kind },
    ],
    extra: [suggest, () => suggested],
    go: words.go,
    submit: async ({ password, again, ...values }) => {
      if (password !== again) {
        throw mismatch();
      }
      return save({ ...values, password: await box(password) });
    },
  });
}

function mismatch() {
  return new Refusal({ code: "invalid", message: text.differ, hint: "", fields: { again: text.differ } });
}
