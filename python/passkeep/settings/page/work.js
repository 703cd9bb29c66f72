// What is running, or the last thing that ran.

import { call } from "./api.js";
import { button, byId, make, paragraph } from "./dom.js";
import { percent, size, spent } from "./format.js";
import { sayAloud } from "./saying.js";
import { fill, text } from "./texts.js";

const STEP = 0.25; // how much progress is worth being read out

const words = text.work;

let told = { work: null, status: null, part: 0 };

export const isBusy = (work) => ["running", "cancelling"].includes(work?.status);

// run(act): does what a button stands for.
export function drawWork(work, run) {
  const busy = isBusy(work);
  return make(
    "div",
    { class: `work ${work.status}`, "data-work": work.status, role: "group", "aria-labelledby": "work-title" },
    make("h3", { id: "work-title", tabindex: "-1", "data-key": "work" }, titleOf(work)),
    paragraph([work.source, work.target].filter(Boolean).join(" → "), "soft path"),
    busy ? progress(work) : outcome(work),
    make("div", { class: "actions" }, busy ? stop(work, run) : dismiss(work, run)),
  );
}

// Shows how far it is, where nothing else has to be drawn.
export function tickWork(work) {
  tell(work);
  const bar = byId("work-bar");
  if (!isBusy(work) || !bar) {
    return;
  }
  const part = partOf(work);
  if (part === null) {
    bar.removeAttribute("value");
  } else {
    bar.value = part;
  }
  byId("work-numbers").textContent = numbers(work);
}

// Reads out how it begins, goes on and ends.
function tell(work) {
  if (!work) {
    return;
  }
  const part = partOf(work) ?? 0;
  if (told.work !== work.work || told.status !== work.status) {
    told = { work: work.work, status: work.status, part };
    sayAloud(titleOf(work));
  } else if (isBusy(work) && part - told.part >= STEP) {
    told.part = part;
    sayAloud(percent(part));
  }
}

function titleOf({ kind, status }) {
  return status === "running" ? words.running[kind] : (words.over[status]?.[kind] ?? words.cancelling);
}

const partOf = ({ done, total }) => (total ? Math.min(done / total, 1) : null);

function progress(work) {
  return [
    make("progress", { id: "work-bar", max: 1, value: partOf(work), "aria-label": words.running[work.kind] }),
    make("p", { id: "work-numbers", class: "soft" }, numbers(work)),
  ];
}

function numbers(work) {
  const part = partOf(work);
  const done = work.total ? fill(words.of, { done: size(work.done), total: size(work.total) }) : size(work.done);
  const rate = work.seconds > 1 ? fill(words.rate, { rate: size(work.done / work.seconds) }) : "";
  return [part === null ? "" : percent(part), done, rate].filter(Boolean).join(" · ");
}

function outcome({ report, error, status, seconds }) {
  const lines = error ? [error.message, error.hint].filter(Boolean) : [];
  return [
    lines.map((line) => paragraph(line, "alert")),
    status === "cancelled" ? paragraph(words.nothing, "soft") : null,
    report ? paragraph(counted(report, seconds), "soft") : null,
    report?.problems.length ? problems(report) : null,
  ];
}

function counted({ files, directories, links, bytes }, seconds) {
  const counts = Object.entries({ files, directories, links })
    .filter(([, number]) => number > 0)
    .map(([kind, number]) => fill(words.counts[kind][number === 1 ? "one" : "many"], { number }));
  return [...counts, size(bytes), spent(seconds)].join(" · ");
}

function problems({ problems: found, problem_count: all }) {
  const more = all > found.length ? make("li", {}, fill(words.more, { more: all - found.length })) : null;
  const lines = found.map(({ path, message }) => make("li", {}, `${path}: ${message}`));
  return make("details", {}, make("summary", {}, words.problems), make("ul", { class: "path" }, lines, more));
}

function stop({ work, status }, run) {
  const cancelling = status === "cancelling";
  return button(cancelling ? words.cancelling : text.cancel, () => run(() => call("work/cancel", { work })), {
    key: "stop",
    kind: "quiet small",
    disabled: cancelling,
  });
}

function dismiss({ work }, run) {
  const act = () => run(() => call("work/dismiss", { work }));
  return button(words.dismiss, act, { key: "dismiss", kind: "quiet small" });
}
