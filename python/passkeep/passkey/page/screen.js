// What the page shows. Text only ever enters as textContent.

import { text } from "./texts.js";

const element = (id) => document.getElementById(id);

export const buttons = { go: element("go"), cancel: element("cancel") };

// The screen of a step, before its prompt.
export function drawStep(view) {
  const words = text[view.purpose];
  const lead = words.lead.map((line) => paragraph(line));
  const enrolling = view.purpose === "enrol";
  if (enrolling) {
    lead.push(paragraph(view.label, "name"), paragraph(words.keep));
    element("steps").replaceChildren(...words.steps.map((line, i) => listItem(line, i + 1, view)));
  }
  element("steps").hidden = !enrolling;
  show(words.title, lead);
  drawCode(view.code);
  relabel(buttons.go, enrolling && view.step > 1 ? text.continue : words.go);
  relabel(buttons.cancel, view.more ? text.other : text.cancel);
}

// The last screen: nothing is left to press.
export function drawEnd(title, ...lines) {
  show(title, lines.filter(Boolean).map((line) => paragraph(line)));
  for (const id of ["steps", "go", "cancel", "code", "compare"]) {
    element(id).hidden = true;
  }
  say("");
  element("title").focus();
}

export function say(line, alert = false) {
  element("status").textContent = line;
  element("status").classList.toggle("alert", alert);
}

// Makes a button ready under this label.
export function relabel(button, label) {
  button.textContent = label;
  button.disabled = false;
  button.hidden = false;
}

function show(title, lead) {
  element("title").textContent = title;
  document.title = `${title} · passkeep`;
  element("lead").replaceChildren(...lead);
}

function drawCode(code) {
  const strong = document.createElement("strong");
  strong.textContent = code;
  element("code").replaceChildren(`${text.code} `, strong);
  element("compare").textContent = text.compare;
  element("code").hidden = element("compare").hidden = false;
}

function paragraph(line, name = "") {
  const p = document.createElement("p");
  p.textContent = line;
  p.className = name;
  return p;
}

function listItem(line, number, view) {
  const item = document.createElement("li");
  item.textContent = line;
  if (number < view.step) {
    item.className = "done";
  } else if (number === view.step) {
    item.setAttribute("aria-current", "step");
  }
  return item;
}
