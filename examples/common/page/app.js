// The page of the notes app. Passkeys are asked by passkeep's answer.js, which is served beside it.

import { answerSteps, obstacle } from "./answer.js";
import * as screen from "./screen.js";
import { element, say, show } from "./screen.js";
import { get, Problem, post, remove, upload } from "./server.js";

let digits = ""; // of a recovery key that was not typed back yet
let restoring = null; // the backup that is to be restored
let largest = 0; // bytes that a backup from a file may have

on("sign-in", "submit", async () => {
  await post("/api/sign-in", { name: element("name").value });
  await load();
});
on("sign-out", "click", async () => {
  await post("/api/sign-out");
  await load();
});
on("add", "submit", async () => {
  await post("/api/notes", { text: element("text").value });
  element("text").value = "";
  await load("The note is kept.");
});

// Turning backups on: a passkey, then the recovery key, then the same key from paper.

on("turn-on", "click", async () => {
  const why = await obstacle();
  if (why) {
    throw new Problem(
      "Passkeys cannot be used in this browser on this page.",
      "Open it in another browser, or on another device.",
    );
  }
  const { options } = await post("/api/turn-on");
  ({ digits } = await ask(options, "/api/turn-on/answer"));
  showKey();
});
on("wrote-down", "click", () => {
  element("typed").value = "";
  show("type-key");
  element("typed").focus();
});
on("show-again", "click", showKey);
on("type-key", "submit", async () => {
  await post("/api/turn-on/confirm", { typed: element("typed").value });
  digits = element("typed").value = "";
  screen.drawDigits("");
  await load("Backup is on.");
  element("on-title").focus();
});

function showKey() {
  screen.drawDigits(digits);
  show("show-key");
  element("show-key-title").focus();
}

// Backups.

on("back-up", "click", async () => {
  await post("/api/backups");
  await load("A backup was made.");
});
on("file", "change", async () => {
  const [file] = element("file").files;
  if (file && file.size > largest) {
    element("file").value = "";
    throw new Problem(
      "This file is larger than a backup may be here.",
      "Restore it with the command line: passkeep restore.",
    );
  }
  if (file) {
    say("Bringing in the backup…");
    await upload("/api/upload", file).finally(() => (element("file").value = ""));
    await load("The backup is here. You can restore it.");
  }
});

// Restoring.

async function beginRestore(backup) {
  restoring = backup;
  element("restore-what").textContent = `The backup of ${screen.describe(backup)}.`;
  element("recovery-key").value = "";
  const why = await obstacle();
  element("no-passkeys").hidden = !why;
  element("use-passkey").hidden = Boolean(why);
  show("restore");
  element("restore-title").focus();
}
on("use-passkey", "click", async () => {
  const { options } = await post(`/api/backups/${restoring.name}/open`);
  await restored(await ask(options, "/api/open/answer"));
});
on("by-key", "submit", async () => {
  const typed = element("recovery-key").value;
  await restored(await post(`/api/backups/${restoring.name}/recovery-key`, { typed }));
});
on("restore-cancel", "click", () => load());

async function restored({ notes }) {
  element("recovery-key").value = "";
  await load(notes === 1 ? "1 note was restored." : `${notes} notes were restored.`);
}

// Asks the passkey step after step; the reply to the last answer is the result.
async function ask(options, path) {
  say("Waiting for your device…");
  const before = ["off", "restore"].find((card) => !element(card).hidden);
  const click = async () => {
    show("click");
    element("click-go").focus();
    await new Promise((done) => element("click-go").addEventListener("click", done, { once: true }));
    show(before);
  };
  const result = await answerSteps(options, (answer) => post(path, { answer }), { click });
  say("");
  return result;
}

async function load(line = "") {
  let all;
  try {
    all = await get("/api/everything");
  } catch (error) {
    if (error.status !== 401) {
      throw error;
    }
    element("who").hidden = true;
    show("sign-in");
    return;
  }
  element("who").hidden = false;
  element("user").textContent = all.user;
  largest = all.largest_backup;
  screen.drawNotes(all.notes, guarded(async (id) => {
    await remove(`/api/notes/${id}`);
    await load("The note is deleted.");
  }));
  screen.drawBackups(all.backups, all.on, {
    onRestore: guarded(beginRestore),
    onDelete: guarded(async (name) => {
      await remove(`/api/backups/${name}`);
      await load("The backup is deleted.");
    }),
  });
  show("notes", ...(all.on ? [] : ["off"]), "on");
  say(line);
}

// Runs an action and shows what goes wrong; its button waits meanwhile.
function guarded(action) {
  return async (...given) => {
    screen.hideProblem();
    say("");
    try {
      await action(...given);
    } catch (error) {
      say("");
      screen.showProblem(error);
    }
  };
}

function on(id, kind, action) {
  const run = guarded(action);
  element(id).addEventListener(kind, async (event) => {
    if (kind === "submit") {
      event.preventDefault();
    }
    const button = event.submitter ?? event.currentTarget;
    button.disabled = true;
    await run();
    button.disabled = false;
  });
}

guarded(load)();
