// What people do to their ways in, each in a dialog.

import { Refusal, box, call, state } from "./api.js";
import { perform } from "./ceremony.js";
import { ask, explain } from "./dialog.js";
import { button, make, paragraph } from "./dom.js";
import { replaceRecoveryKey } from "./keys.js";
import { open, unlocked, whileUnlocked } from "./opening.js";
import { fill, text } from "./texts.js";

const MOST = 64; // characters of a name

const labelField = (value, hint = "") => ({ name: "label", label: text.fields.label, hint, value, most: MOST });

export async function addPasskey() {
  if (!(await unlocked())) {
    return null;
  }
  const words = text.addPasskey;
  const label = await ask({
    title: words.title,
    lines: words.lead,
    fields: [labelField(deviceName(), words.hint)],
    go: text.continue,
    submit: async (values) => values.label.trim(),
  });
  return label && whileUnlocked(() => perform("add/passkey", { label }, text.enrol));
}

export async function addPassword() {
  if (!(await unlocked())) {
    return null;
  }
  const words = text.addPassword;
  return newPassword(words, [labelField(words.suggestion)], (values) => call("add/password", values));
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
    fields: [labelField(slot.label)],
    go: text.rename.go,
    submit: ({ label }) => whileUnlocked(() => call("rename", { slot: slot.id, label: label.trim() })),
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
    submit: () => whileUnlocked(() => call("remove", { slot: slot.id })),
  });
}

// The result says which way in answered: with several of a kind it may be another one.
export function check(slot) {
  const words = { ...text.open.check, title: fill(text.open.check.title, slot) };
  return open("check", { only: slot.kind.replace("-", "_"), words });
}

export async function newRecoveryKey() {
  return (await unlocked()) ? replaceRecoveryKey() : null;
}

export const setTravels = async (slot, travels) =>
  (await unlocked()) ? whileUnlocked(() => call("travels", { slot: slot.id, travels })) : null;

export async function turnOff() {
  const agreed = await ask({
    title: text.off.title,
    lines: text.off.lead,
    parts: [() => make("ul", { class: "plan" }, text.off.means.map((line) => make("li", {}, line)))],
    go: text.continue,
    danger: true,
    submit: async () => true,
  });
  return agreed && state.keyring.status !== "none" ? open("off") : null;
}

// Asks for a new password twice, or suggests one that has to be typed.
function newPassword(words, before, save) {
  const kind = { kind: "password", autocomplete: "new-password" };
  const suggested = make("div", { class: "suggested", role: "status" });
  const suggest = (inputs, problem) =>
    button(text.suggest, async () => {
      try {
        const { password } = await call("password/suggest");
        suggested.replaceChildren(make("output", {}, password), paragraph(text.suggestedHint, "hint"));
      } catch (error) {
        explain(error, inputs, problem);
      }
    }, { kind: "quiet small" });
  return ask({
    title: words.title,
    lines: words.lead,
    fields: [
      ...before,
      { name: "password", label: text.fields.newPassword, hint: text.fields.passwordHint, ...kind },
      { name: "again", label: text.fields.again, ...kind },
    ],
    parts: [(...those) => make("div", { class: "suggesting" }, suggest(...those), suggested)],
    go: words.go,
    submit: async ({ password, again, ...values }) => {
      if (password !== again) {
        throw mismatch();
      }
      return whileUnlocked(async () => save({ ...values, password: await box(password) }));
    },
  });
}

function mismatch() {
  return new Refusal({ code: "invalid", message: text.differ, hint: "", fields: { again: text.differ } });
}

// What this device is called unless somebody says otherwise.
function deviceName() {
  const known = `${navigator.userAgentData?.platform ?? ""} ${navigator.userAgent}`;
  const found = Object.keys(text.deviceNames).find((name) => known.includes(name));
  return found ? text.deviceNames[found] : text.addPasskey.suggestion;
}
