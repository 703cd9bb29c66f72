// Elements from plain values. Text only ever enters as text nodes.

// properties: attributes by name; on…: listeners; true and false: present or not.
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...present(children));
  return element;
}

export const byId = (id) => document.getElementById(id);

export const keyed = (key) => document.querySelector(`[data-key="${CSS.escape(key)}"]`);

export function paragraph(text, kind = null) {
  return make("p", { class: kind }, text);
}

// A button that does one thing at a time. key finds it again after its section was
// drawn anew.
export function button(label, act, { kind = "quiet", key = null, disabled = false, about = null } = {}) {
  return make(
    "button",
    { type: "button", class: kind, "data-key": key, disabled, onclick: act, "aria-label": about },
    label,
  );
}

// The heading of a section, which gets the focus where nothing else can have it.
export function heading(id, ...content) {
  return make("h2", { id, tabindex: "-1" }, ...content);
}

// Draws a part of the page, and gives the focus back to what had it.
export function redraw(place, ...children) {
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  const unfolded = place.querySelector("details[open]") !== null;
  place.replaceChildren(...present(children));
  if (unfolded) {
    place.querySelector("details")?.setAttribute("open", "");
  }
  if (focused) {
    const { key } = focused.dataset;
    (key && place.querySelector(`[data-key="${CSS.escape(key)}"]:not(:disabled)`))?.focus();
    if (!place.contains(document.activeElement)) {
      place.querySelector("h2")?.focus();
    }
  }
}

function present(children) {
  return children.flat(2).filter((child) => child !== null && child !== undefined && child !== false && child !== "");
}
