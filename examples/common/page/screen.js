// What the page shows. Text only ever enters as textContent.

export const element = (id) => document.getElementById(id);

const CARDS = ["sign-in", "notes", "off", "click", "show-key", "type-key", "on", "restore"];

// Shows these cards and hides all others.
export function show(...cards) {
  for (const card of CARDS) {
    element(card).hidden = !cards.includes(card);
  }
}

export function say(line) {
  element("status").textContent = line;
}

export function showProblem(error) {
  element("problem-message").textContent = error.message;
  element("problem-hint").textContent = error.hint ?? "";
  element("problem").hidden = false;
  element("problem").focus();
}

export function hideProblem() {
  element("problem").hidden = true;
}

export function drawNotes(notes, onDelete) {
  element("no-notes").hidden = notes.length > 0;
  element("note-list").replaceChildren(
    ...notes.map(({ id, text }) => row(text, button("Delete", text, () => onDelete(id)))),
  );
}

export function drawBackups(backups, on, { onRestore, onDelete }) {
  element("is-on").hidden = element("is-on-actions").hidden = !on;
  element("no-backups").hidden = backups.length > 0;
  element("backup-list").replaceChildren(
    ...backups.map((backup) => {
      const what = describe(backup);
      return row(
        what,
        button("Restore", what, () => onRestore(backup)),
        download(backup.name, what),
        button("Delete", what, () => onDelete(backup.name)),
      );
    }),
  );
}

export function describe({ made, size }) {
  const when = new Date(1000 * made).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return `${when} · ${Math.ceil(size / 1024).toLocaleString()} KiB`;
}

export function drawDigits(digits) {
  element("digits").replaceChildren(
    ...digits.split(/\s+/).map((group) => {
      const item = document.createElement("li");
      item.textContent = group;
      return item;
    }),
  );
}

function row(text, ...controls) {
  const what = document.createElement("span");
  what.className = "what";
  what.textContent = text;
  const item = document.createElement("li");
  item.append(what, ...controls);
  return item;
}

function button(label, about, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.setAttribute("aria-label", `${label}: ${about}`);
  made.addEventListener("click", action);
  return made;
}

function download(name, about) {
  const link = document.createElement("a");
  link.className = "button";
  link.href = `/api/backups/${name}`;
  link.download = "";
  link.textContent = "Download";
  link.setAttribute("aria-label", `Download: ${about}`);
  return link;
}
