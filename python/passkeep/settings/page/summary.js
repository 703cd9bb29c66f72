// Whether it is on, and what to do about it.

import { call } from "./api.js";
import { turnOff } from "./changes.js";
import { button, make, paragraph } from "./dom.js";
import { list, moment } from "./format.js";
import { icon } from "./icons.js";
import { open } from "./opening.js";
import { turnOn } from "./setup.js";
import { fill, text } from "./texts.js";

const DRAWINGS = { none: "off", unusable: "alert", locked: "on", unlocked: "on" };

// run(act, done): does it, and says `done` afterwards. lost: a recovery key was shown, and
// this page does not know it any more.
export function drawSummary(keyring, lost, run) {
  const { status, problem } = keyring;
  const words = text.status[status];
  const lines = problem ? [problem.message, problem.hint, words.line] : [words.line];
  return [
    make("div", { class: "emblem" }, icon(DRAWINGS[status])),
    make(
      "div",
      { class: "words" },
      make("h1", { id: "title", tabindex: "-1" }, text.title),
      make("p", { class: "verdict" }, words.title),
      lines.filter(Boolean).map((line) => paragraph(line, "lead")),
      attention(keyring, lost),
      tools(keyring, run),
      kept(keyring.kept, run),
    ),
  ];
}

// What should be known or done soon.
function attention({ status, slots, changed }, lost) {
  const ways = slots.filter((slot) => slot.way_in);
  const due = ways.filter((slot) => slot.due).map((slot) => slot.label);
  const lines = [
    changed ? text.changed : null,
    lost ? text.offerOpen : null,
    slots.length > 0 && ways.length < 2 ? text.oneWay : null,
    due.length > 0 ? fill(text.due, { ways: list(due) }) : null,
  ].filter(Boolean);
  return lines.length > 0 ? make("div", { class: "note" }, lines.map((line) => paragraph(line))) : null;
}

function tools({ status }, run) {
  const off = () => button(text.turnOff, () => run(turnOff, text.said.off), { kind: "danger bare", key: "off" });
  const buttons = {
    none: () => [button(text.turnOn, () => run(turnOn), { kind: "strong", key: "on" })],
    locked: () => [
      button(text.unlock, () => run(() => open("unlock"), text.said.unlocked), { kind: "strong", key: "unlock" }),
      off(),
    ],
    unlocked: () => [off()],
    unusable: () => [],
  }[status]();
  return buttons.length > 0 ? make("div", { class: `actions ${status}` }, buttons) : null;
}

function kept(files, run) {
  if (files.length === 0) {
    return null;
  }
  const row = ({ name, modified }) =>
    make(
      "li",
      {},
      make("span", { class: "words" }, make("span", { class: "path" }, name), paragraph(moment(modified), "soft")),
      button(text.kept.back, () => run(() => call("setup/return", { name }), text.said.back), {
        kind: "quiet small",
        key: `return-${name}`,
        about: `${text.kept.back}: ${name}`,
      }),
    );
  return make("div", { class: "kept" }, make("h2", {}, text.kept.title), make("ul", {}, files.map(row)));
}
