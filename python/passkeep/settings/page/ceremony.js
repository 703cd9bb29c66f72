// A passkey ceremony inside a dialog: enrolment, or one assertion.

import { Gone, Refusal, call, note, session } from "./api.js";
import { actions, leaveButton, sentences, show } from "./dialog.js";
import { make, paragraph } from "./dom.js";
import { seal } from "./sealing.js";
import { text } from "./texts.js";
import { fromCredential, toOptions } from "./webauthn.js";

// A browser that refuses faster than a person can wants a click first.
const INSTANT = 400; // milliseconds

// What has to be unlocked first is not for this dialog to deal with.
const LOCKED = ["locked", "conflict"];

// Begins a ceremony with an action and shows it to its end. The result is what the
// process says then, null where the person left, or what one of `others` closed with;
// they are more buttons, as functions of the screen.
export async function perform(action, message, words, others = []) {
  return follow(() => call(action, message), words, others);
}

// Goes on after a reload with a ceremony that was this tab's. There is nothing to begin again.
export async function resume(ceremony, words) {
  return follow(() => call("ceremony/step", { ceremony }), { ...words, waits: true }, []);
}

async function follow(begin, words, others) {
  let run;
  const result = await show((screen) => {
    run = new Run(screen, begin, words);
    run.draw(others);
  });
  run.leave();
  note({ ceremony: null });
  if (result instanceof Refusal) {
    throw result;
  }
  return result;
}

class Run {
  constructor(screen, begin, words) {
    Object.assign(this, { screen, words });
    this.first = begin;
    this.step = null; // what the process wants next
    this.created = null; // a passkey that was made but is not accepted yet
    this.pending = null; // the AbortController of an open prompt
    this.ended = false;
  }

  draw(others) {
    this.status = make("div", { class: "status", role: "status" });
    this.go = make("button", { type: "button", onclick: () => this.press() }, this.words.go);
    this.list = make("ol", { class: "steps", hidden: !this.words.steps });
    this.screen.draw(this.words.title, [
      ...this.words.lead.map((line) => paragraph(line)),
      this.list,
      this.status,
      actions(this.go, ...others.map((other) => other(this.screen)), leaveButton(this.screen)),
    ]);
    if (!window.PublicKeyCredential) {
      this.fail(text.failures.noPasskeys);
    } else if (!this.words.waits) {
      this.begin();
    }
  }

  press() {
    return this.step && !this.ended ? this.run(true) : this.begin();
  }

  async begin() {
    this.ended = false;
    this.go.disabled = true;
    this.say();
    try {
      this.take(await this.first());
    } catch (error) {
      this.stop(error);
      return;
    }
    await this.run(false);
  }

  // One prompt after the other, as long as the browser lets them follow by themselves.
  async run(clicked) {
    for (let click = clicked; this.step && !this.ended; click = false) {
      this.go.disabled = true;
      this.wait();
      const started = performance.now();
      let answer;
      try {
        answer = await this.prompt();
      } catch (error) {
        await this.stumble(error, !click && performance.now() - started < INSTANT);
        return;
      }
      this.say([text.checking]);
      const { ceremony, step } = this.step;
      try {
        this.take(await call("ceremony/answer", { ceremony, step, ...answer }));
      } catch (error) {
        this.stop(error);
        return;
      }
    }
  }

  async prompt() {
    const { kind, options } = this.step;
    this.pending = new AbortController();
    const credential = await navigator.credentials[kind](toOptions(options, this.pending.signal));
    const { json, secret } = fromCredential(credential);
    if (kind === "create") {
      this.created = { rpId: options.publicKey.rp.id, credentialId: json.id };
    }
    const sealed = secret && (await seal(secret, session.key, options.publicKey.challenge));
    return { response: json, sealed };
  }

  take(reply) {
    if (reply.outcome) {
      this.ended = true;
      this.created = null;
      this.screen.close(reply);
      return;
    }
    this.step = reply;
    note({ ceremony: reply.ceremony });
    const items = (this.words.steps ?? []).map((line, index) => {
      const number = index + 1;
      const present = number === reply.step ? "step" : null;
      return make("li", { class: number < reply.step ? "done" : null, "aria-current": present }, line);
    });
    this.list.replaceChildren(...items);
  }

  async stumble(error, wantsClick) {
    if (this.ended || this.pending?.signal.aborted) {
      return;
    }
    if (wantsClick) {
      this.offer([text.goOn], text.continue);
      return;
    }
    const name = error?.name ?? "Error";
    this.offer(text.failures[name] ?? text.failures.other, text.again, true);
    try {
      await call("ceremony/failure", { ceremony: this.step.ceremony, name });
    } catch (refusal) {
      this.stop(refusal);
    }
  }

  // The ceremony is over without success.
  stop(error) {
    this.ended = true;
    if (error instanceof Refusal && error.code !== "lost") {
      this.forgetPasskey(); // where the answer got lost it may have been accepted
    }
    if (error instanceof Gone) {
      this.screen.close(null);
    } else if (LOCKED.includes(error.code)) {
      this.screen.close(error);
    } else {
      this.step = null;
      this.offer(sentences(error), text.again, true);
      this.go.hidden = Boolean(this.words.waits);
    }
  }

  fail(lines) {
    this.say(lines, true);
    this.go.hidden = true;
  }

  offer(lines, label, alert = false) {
    this.say(lines, alert);
    this.go.textContent = label;
    this.go.hidden = this.go.disabled = false;
    this.go.focus(); // a disabled button has lost it
  }

  wait() {
    this.say([]);
    this.go.hidden = true;
    this.screen.focusTitle(); // the button had it
    const made = this.step.label ? [paragraph(this.step.label, "name")] : [];
    this.status.append(...made, paragraph(text.waiting, "waiting"));
  }

  // lines: sentences, and [cause, remedy] pairs.
  say(lines = [], alert = false) {
    const causes = lines.filter(Array.isArray);
    const list = causes.flatMap(([cause, remedy]) => [make("dt", {}, cause), make("dd", {}, remedy)]);
    this.status.replaceChildren(
      ...lines.filter((line) => typeof line === "string").map((line) => paragraph(line)),
      ...(list.length > 0 ? [make("dl", {}, list)] : []),
    );
    this.status.classList.toggle("alert", alert);
  }

  // Password managers that know this call take a useless passkey off their lists.
  forgetPasskey() {
    if (this.created) {
      window.PublicKeyCredential.signalUnknownCredential?.(this.created).catch(() => {});
      this.created = null;
    }
  }

  // Ends what is still going on.
  leave() {
    const running = this.step && !this.ended;
    this.ended = true;
    this.pending?.abort();
    if (running) {
      call("ceremony/cancel", { ceremony: this.step.ceremony })
        .then(() => this.forgetPasskey())
        .catch(() => {});
    }
  }
}
