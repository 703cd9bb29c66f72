// Showing a recovery key and having it typed back.

import { Refusal, box, call, state } from "./api.js";
import { actions, ask, explain, leaveButton, show } from "./dialog.js";
import { make, paragraph } from "./dom.js";
import { whileUnlocked } from "./opening.js";
import { text } from "./texts.js";

const AFRESH = "afresh"; // what a dialog is closed with to begin again

// A new recovery key for a keyring that has one. The result is null where the person left.
export const replaceRecoveryKey = () => offer("recovery", text.recovery, []);

// The first one, with which backups are on.
export const firstRecoveryKey = (steps) => offer("setup", text.firstKey, steps);

async function offer(kind, words, steps) {
  for (;;) {
    const shown = await showDigits(kind, words, steps[0]);
    const result = shown && (await typeBack(kind, words, shown, steps[1]));
    if (result !== AFRESH) {
      return result;
    }
  }
}

function showDigits(kind, words, step) {
  return show(
    async (screen) => {
      const problem = make("div", { class: "problem", role: "alert" });
      screen.draw(words.title, [paragraph(text.oneMoment), problem, actions(leaveButton(screen))], step);
      let result;
      try {
        result = await whileUnlocked(() => call(`${kind}/begin`));
      } catch (error) {
        explain(error, [], problem);
        return;
      }
      const groups = result.digits.split(/\s+/).map((group) => make("li", {}, group));
      const go = make("button", { type: "button", onclick: () => screen.close(result.offer) }, words.written);
      const print = make("button", { type: "button", class: "quiet", onclick: () => window.print() }, text.print.go);
      screen.draw(
        words.title,
        [
          ...words.lead.map((line) => paragraph(line)),
          paragraph(text.print.title, "printed"),
          make("ol", { class: "digits", "aria-label": text.fields.recoveryKey }, groups),
          paragraph(text.print.how, "hint"),
          paragraph(text.print.file.replace("{path}", state.keyring.path), "printed"),
          actions(go, print, leaveButton(screen)),
        ],
        step,
      );
    },
    { onleave: () => cancel(kind) },
  );
}

function typeBack(kind, words, offered, step) {
  const field = { name: "typed", label: text.fields.recoveryKey, hint: text.fields.typedHint, kind: "digits" };
  const afresh = (screen) =>
    make("button", { type: "button", class: "quiet", onclick: () => screen.close(AFRESH) }, text.afresh);
  return ask({
    title: words.backTitle,
    step,
    lines: words.back,
    fields: [field],
    others: [afresh],
    go: words.go,
    onleave: () => cancel(kind),
    submit: ({ typed }) =>
      whileUnlocked(async () => call(`${kind}/confirm`, { offer: offered, typed: await box(typed) })).catch(explained),
  });
}

function explained(error) {
  throw error instanceof Refusal && error.code === "stale" ? new Refusal({ code: "stale", ...text.staleKey }) : error;
}

// The digits that were shown open nothing then.
function cancel(kind) {
  const left = state?.offer;
  if (left) {
    call(`${kind}/cancel`, { offer: left.offer }).catch(() => {});
  }
}
