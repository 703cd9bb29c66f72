// The backups of a folder: making, checking and restoring them.

import { call, state } from "./api.js";
import { actions, ask, leaveButton, show } from "./dialog.js";
import { button, heading, make, paragraph } from "./dom.js";
import { moment, size } from "./format.js";
import { icon } from "./icons.js";
import { unlocked, whileUnlocked } from "./opening.js";
import { fill, text } from "./texts.js";
import { drawWork, isBusy } from "./work.js";

const FIRST = 6; // backups that are shown before somebody asks for all

const words = text.backups;

let all = false;
let source = ""; // what was backed up last: it is likely to be meant again

// found: what the action `backups` said last, what it refused with, or null. again: draws
// all of this once more.
export function drawBackups({ folder, work, keyring }, found, run, again) {
  const on = ["locked", "unlocked"].includes(keyring.status);
  const makeIt = () =>
    button(words.make, () => run(makeBackup), { kind: "tonal", key: "backup", disabled: isBusy(work) });
  return [
    heading("backups-title", words.title),
    paragraph(folder ? fill(words.folder, { folder }) : words.noFolder, "soft path"),
    make(
      "div",
      { class: "actions" },
      folder && on ? makeIt() : null,
      button(folder ? words.otherFolder : words.chooseFolder, () => run(chooseFolder), {
        kind: folder ? "quiet" : "tonal",
        key: "folder",
      }),
    ),
    folder && !on ? paragraph(words.turnOnFirst, "soft") : null,
    work ? drawWork(work, run) : null,
    folder && found ? drawFound(found, run, again) : null,
  ];
}

function drawFound(found, run, again) {
  if (found.message) {
    const lines = [found.message, found.hint].filter(Boolean);
    return make("div", { class: "problem" }, lines.map((line) => paragraph(line)));
  }
  const { backups, more } = found;
  if (backups.length === 0) {
    return paragraph(words.none, "empty");
  }
  const showAll = () => {
    all = true;
    again();
  };
  const shown = all ? backups : backups.slice(0, FIRST);
  return [
    make("ul", { class: "rows" }, shown.map((backup) => drawBackup(backup, run))),
    shown.length < backups.length
      ? button(fill(words.all, { number: backups.length }), showAll, { kind: "quiet small", key: "all" })
      : null,
    all && more ? paragraph(fill(words.more, { more }), "soft") : null,
  ];
}

function drawBackup(backup, run) {
  const { name, problem } = backup;
  const badge = problem ? words.badges.problem : words.badges[backup.older ? "older" : backup.keyring];
  const showIt = async () => {
    const act = await look(backup);
    if (act) {
      run(() => act(backup));
    }
  };
  return make(
    "li",
    {},
    make(
      "button",
      { type: "button", class: "row", "data-backup": name, "data-key": `backup-${name}`, onclick: showIt },
      icon(problem ? "alert" : "backup"),
      make(
        "span",
        { class: "words" },
        make("strong", {}, name),
        make("span", { class: "soft" }, `${moment(backup.modified)} · ${size(backup.size)}`),
      ),
      badge ? make("span", { class: problem ? "badge due" : "badge" }, badge) : null,
      icon("more"),
    ),
  );
}

// Shows what a backup says of itself. The result is what to do with it, or null.
function look(backup) {
  const { problem } = backup;
  const usable = !problem && ["locked", "unlocked"].includes(state.keyring.status) && !isBusy(state.work);
  return show((screen) => {
    const act = (label, work) => make("button", { type: "button", onclick: () => screen.close(work) }, label);
    const lines = problem ? [problem.message, problem.hint].filter(Boolean) : [];
    screen.draw(
      backup.name,
      [
        problem ? make("div", { class: "problem" }, lines.map((line) => paragraph(line))) : null,
        make("dl", { class: "facts" }, facts(backup)),
        problem ? null : paragraph(words.unverified, "hint"),
        usable
          ? actions(act(words.verify, verify), act(words.restore, restore), leaveButton(screen, text.close))
          : actions(leaveButton(screen, text.close)),
      ].filter(Boolean),
    );
  });
}

function facts(backup) {
  const { facts: terms } = words;
  const rows = [
    [terms.modified, moment(backup.modified)],
    [terms.size, size(backup.size)],
    backup.keyring ? [terms.keyring, words.keyring[backup.older ? "older" : backup.keyring]] : null,
    backup.keyring === "this" ? [terms.ways, whoOpens(backup)] : null,
  ].filter(Boolean);
  return rows.map(([term, value]) => make("div", {}, make("dt", {}, term), make("dd", {}, value)));
}

function whoOpens({ ways, closed }) {
  const labels = ways.filter((way) => way.slot).map((way) => way.label);
  const gone = closed === 1 ? words.closedOne : fill(words.closedMany, { number: closed });
  return make("ul", {}, [...labels, ...(closed ? [gone] : [])].map((line) => make("li", {}, line)));
}

function chooseFolder() {
  return ask({
    title: words.chooseFolder,
    lines: [words.chooseLead],
    fields: [{ name: "path", label: text.fields.folder, hint: text.fields.folderHint, value: state.folder ?? "" }],
    go: words.useFolder,
    submit: ({ path }) => call("folder", { path }),
  });
}

function makeBackup() {
  return ask({
    title: words.make,
    lines: [words.makeLead],
    fields: [
      { name: "source", label: text.fields.source, hint: text.fields.folderHint, value: source },
      { name: "compress", label: text.fields.compress, kind: "checkbox", value: true },
      { name: "name", label: text.fields.name, hint: text.fields.nameHint, required: false },
      { name: "exclude", label: text.fields.exclude, hint: text.fields.excludeHint, kind: "lines", required: false },
    ],
    folded: { label: words.options, names: ["name", "exclude"] },
    go: words.make,
    submit: ({ name, compress, exclude, ...values }) => {
      source = values.source;
      const patterns = exclude.split("\n").map((line) => line.trim()).filter(Boolean);
      return call("backup", { source, name: name.trim() || null, compress, exclude: patterns });
    },
  });
}

async function verify({ name }) {
  return (await unlocked()) ? whileUnlocked(() => call("verify", { name })) : null;
}

async function restore({ name }) {
  if (!(await unlocked())) {
    return null;
  }
  const stem = name.replace(/(\.tar)?(\.zst)?\.(age|sealed)$/, "");
  const value = `${state.folder}/${fill(words.restored, { stem })}`;
  return ask({
    title: fill(words.restoreTitle, { name }),
    lines: [words.restoreLead],
    fields: [{ name: "target", label: text.fields.target, hint: text.fields.targetHint, value }],
    go: words.restore,
    submit: ({ target }) => whileUnlocked(() => call("restore", { name, target })),
  });
}
