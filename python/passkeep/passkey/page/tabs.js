// One tab at a time: two that ask for the same passkey would get in each other's way.

const PATIENCE = 400; // milliseconds: a reload waits for the page before it, and no longer

let leave = () => {};

// Resolves once this is the only tab. `wait` is called where that takes a while.
export function alone(wait) {
  if (!navigator.locks) {
    return Promise.resolve();
  }
  const timer = setTimeout(wait, PATIENCE);
  return new Promise((resolve) => {
    // Held until the end of the ceremony, or of the tab.
    navigator.locks.request("ceremony", () => {
      clearTimeout(timer);
      resolve();
      return new Promise((release) => {
        leave = release;
      });
    });
  });
}

// Lets another tab find out how it ended.
export function makeRoom() {
  leave();
}
