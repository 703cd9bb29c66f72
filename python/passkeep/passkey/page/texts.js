// Every word of the page, by language. Add a language by adding a member.
const texts = {
  en: {
    enrol: {
      title: "Create a passkey for your backups",
      lead: [
        "Your device will ask you two or three times: once to create the passkey, then to check that it gives the same secret again.",
        "It will be listed under this name:",
      ],
      keep: "Deleting this passkey later closes this way into your backups.",
      steps: ["Create the passkey", "Check it", "Check it once more, if your device needs it"],
      go: "Create passkey",
      doneTitle: "The passkey is ready",
      done: "It gave the same secret twice. You can close this page and go back to the terminal.",
    },
    unlock: {
      title: "Open your backups",
      lead: ["Use any passkey that belongs to this keyring. Your device will ask you once."],
      go: "Use passkey",
      doneTitle: "The passkey answered",
      done: "You can close this page and go back to the terminal.",
    },
    code: "Code",
    compare: "Your terminal shows the same code. If it does not, close this page.",
    waiting: "Waiting for your device…",
    goOn: "Your browser wants a click before it asks again.",
    continue: "Continue",
    again: "Try again",
    cancel: "Cancel",
    giveUp: "Give up",
    other: "Other passkeys",
    closePage: "You can close this page and go back to the terminal.",
    refused: "That did not work",
    lost: "The program in the terminal is no longer waiting. You can close this page.",
    lostTitle: "Nobody is waiting",
    noKey: "This page was opened without its key. Please start again from the terminal.",
    noPasskeys: "This browser cannot use passkeys on this page. Please use another browser.",
    failures: {
      NotAllowedError:
        "No passkey answered. It may have been removed, the fingerprint, face or PIN check may have failed, nobody touched it, or the time ran out.",
      SecurityError: "This browser does not allow passkeys on this address.",
      NotSupportedError: "This browser or passkey does not support what is needed here.",
      ConstraintError: "This device cannot check who is using it.",
      other: "The browser reported a failure.",
    },
  },
};

export function language() {
  const wanted = (navigator.language || "en").slice(0, 2).toLowerCase();
  return Object.hasOwn(texts, wanted) ? wanted : "en";
}

export const text = texts[language()];
