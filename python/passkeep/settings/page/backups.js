// The backups of a folder: making, checking and restoring them, with progress.

import { call, state } from "./api.js";
import { ask } from "./dialog.js";
import { button, make, paragraph } from "./dom.js";
import { moment, percent, size } from "./format.js";
import { unlocked } from "./opening.js";
import { fill, text } from "./texts.js";

const words = text.backups;

// found: what the action `backups` said last, or null.
export function drawBackups({ folder, work, keyring }, found, run) {
  const busy = isBusy(work);
  const on = ["locked", "unlocked"].includes(keyring.status);
  return make(
    "section",
    { class: "card", "aria-labelledby": "backups-title" },
    make("h2", { id: "backups-title" }, words.title),
    paragraph(folder ? fill(words.folder, { folder }) : words.noFolder, "soft path"),
    work ? drawWork(work, run) : null,
    make(
      "div",
      { class: "actions" },
      folder && on
        ? button(words.make, () => run(makeBackup), { kind: null, key: "backup", disabled: busy })
        : null,
      button(folder ? words.otherFolder : words.chooseFolder, () => run(chooseFolder), { key: "folder" }),
    ),
    found && folder ? drawList(found, keyring, busy, run) : null,
  );
}

export const isBusy = (work) => ["running", "cancelling"].includes(work?.status);

function drawList({ backups, more }, keyring, busy, run) {
  if (backups.length === 0) {
    return paragraph(words.none, "soft");
  }
  return make(
    "div",
    {},
    make("ul", { class: "rows" }, backups.map((backup) => drawBackup(backup, keyring, busy, run))),
    more ? paragraph(fill(words.more, { more }), "soft") : null,
  );
}

function drawBackup(backup, keyring, busy, run) {
  const { name, problem } = backup;
  const act = (key, label, work) =>
    button(label, () => run(() => work(backup)), {
      key: `${key}-${name}`,
      about: `${label}: ${name}`,
      disabled: busy,
    });
  const usable = !problem && keyring.status !== "none";
  return make(
    "li",
    { class: "row", "data-backup": name },
    make(
      "div",
      {},
      make("h3", { class: "path" }, name),
      paragraph(`${moment(backup.modified)} · ${size(backup.size)}`, "soft"),
      problem ? paragraph([problem.message, problem.hint].filter(Boolean).join(" "), "alert") : null,
      problem ? null : paragraph(whoOpens(backup), "soft"),
    ),
    usable
      ? make("div", { class: "tools" }, act("verify", words.verify, verify), act("restore", words.restore, restore))
      : null,
  );
}

function whoOpens({ keyring, ways, older, closed }) {
  if (keyring !== "this") {
    return words.keyring[keyring] ?? words.keyring.none;
  }
  const labels = ways.filter((way) => way.slot).map((way) => way.label);
  const lines = [fill(words.opens, { ways: labels.join(", ") || words.noWays })];
  if (closed) {
    lines.push(words.closed);
  } else if (older) {
    lines.push(words.older);
  }
  return lines.join(" ");
}

function drawWork(work, run) {
  const done = !isBusy(work);
  const fraction = work.total ? Math.min(work.done / work.total, 1) : null;
  const bar = make("progress", { max: 1, value: done ? null : fraction, "aria-label": words.work[work.kind] });
  const told = [size(work.done), work.total ? fill(words.of, { total: size(work.total) }) : null,
    work.seconds > 1 ? fill(words.rate, { rate: size(work.done / work.seconds) }) : null];
  return make(
    "div",
    { class: `work ${work.status}`, "data-work": work.status },
    make("h3", {}, done ? words.over[work.status][work.kind] : words.work[work.kind]),
    paragraph([work.source, work.target].filter(Boolean).join(" → "), "soft path"),
    done ? null : bar,
    done ? outcome(work) : paragraph([percent(fraction ?? 0), ...told].filter(Boolean).join(" · "), "soft"),
    make(
      "div",
      { class: "actions" },
      done
        ? button(text.dismiss, () => run(() => call("work/dismiss", { work: work.work })), { key: "dismiss" })
        : button(text.cancel, () => run(() => call("work/cancel", { work: work.work })), {
            key: "stop",
            disabled: work.status === "cancelling",
          }),
    ),
  );
}

function outcome({ report, error }) {
  const parts = [];
  if (report) {
    parts.push(paragraph(fill(words.report, { ...report, bytes: size(report.bytes) }), "soft"));
  }
  if (error) {
    parts.push(paragraph([error.message, error.hint].filter(Boolean).join(" "), "alert"));
  }
  if (report?.problems.length) {
    const lines = report.problems.map(({ path, message }) => make("li", {}, `${path}: ${message}`));
    parts.push(make("details", {}, make("summary", {}, words.problems), make("ul", { class: "path" }, lines)));
  }
  return make("div", {}, parts);
}

function chooseFolder() {
  return ask({
    title: words.chooseFolder,
    lines: [],
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
      { name: "source", label: text.fields.source, hint: text.fields.folderHint },
      { name: "name", label: text.fields.name, hint: text.fields.nameHint, required: false },
      { name: "compress", label: text.fields.compress, kind: "checkbox", value: true },
      { name: "exclude", label: text.fields.exclude, hint: text.fields.excludeHint, kind: "lines", required: false },
    ],
    go: words.make,
    submit: ({ source, name, compress, exclude }) => {
      const patterns = exclude.split("\n").map((line) => line.trim()).filter(Boolean);
      return call("backup", { source, name: name.trim() || null, compress, exclude: patterns });
    },
  });
}

async function verify({ name }) {
  return (await unlocked()) ? call("verify", { name }) : null;
}

async function restore({ name }) {
  if (!(await unlocked())) {
    return null;
  }
  return ask({
    title: fill(words.restoreTitle, { name }),
    lines: [words.restoreLead],
    fields: [{ name: "target", label: text.fields.target, hint: text.fields.targetHint }],
    go: words.restore,
    submit: ({ target }) => call("restore", { name, target }),
  });
}
