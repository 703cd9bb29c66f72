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
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

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

// Draws a part of the page, and gives the focus back to what had it.
export function redraw(place, ...children) {
  const key = place.contains(document.activeElement) && document.activeElement.dataset.key;
  place.replaceChildren(...children.flat().filter(Boolean));
  if (key) {
    place.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  }
}
