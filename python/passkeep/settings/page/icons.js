// Line drawings of 24 by 24, in the colour of the text. They decorate: words say the same.

const SVG = "http://www.w3.org/2000/svg";

const SHIELD = "M12 3l7.5 2.6v5.6c0 4.6-3.1 8-7.5 9.8-4.4-1.8-7.5-5.2-7.5-9.8V5.6z";
const CLOSED = "M5.5 11h13v9h-13z";

const PATHS = {
  on: [SHIELD, "M8.5 12l2.5 2.5 4.5-5"],
  off: [SHIELD, "M9 9.5l6 6M15 9.5l-6 6"],
  alert: [SHIELD, "M12 8.5v4.5M12 16v.2"],
  locked: [CLOSED, "M8 11V8a4 4 0 0 1 8 0v3", "M12 14.5v2"],
  unlocked: [CLOSED, "M8 11V8a4 4 0 0 1 7.7-1.5", "M12 14.5v2"],
  device: ["M4.5 5.5h15v10h-15z", "M2.5 19h19"],
  phone: ["M7.5 3h9v18h-9z", "M11 18h2"],
  "security-key": ["M9 3h6v5H9z", "M7.5 8h9v11.5a1.5 1.5 0 0 1-1.5 1.5H9a1.5 1.5 0 0 1-1.5-1.5z", "M12 12v3"],
  password: ["M3 8h18v8.5H3z", "M7.5 12.2v.1M12 12.2v.1M16.5 12.2v.1"],
  "recovery-key": ["M5 3h14v18H5z", "M8.5 8h1.5M8.5 12h1.5M8.5 16h1.5M13.5 8h2M13.5 12h2M13.5 16h2"],
  recipient: ["M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8z", "M4.5 20.5c.8-3.6 3.8-5.5 7.5-5.5s6.7 1.9 7.5 5.5"],
  backup: ["M4 7.5h16v12H4z", "M4 7.5L6.5 4h11L20 7.5", "M12 11v5M9.7 13.8L12 16l2.3-2.2"],
  more: ["M9.5 6l6 6-6 6"],
  close: ["M6 6l12 12M18 6L6 18"],
};

export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" };
  for (const [attribute, value] of Object.entries(attributes)) {
    drawing.setAttribute(attribute, value);
  }
  for (const line of PATHS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", line);
    drawing.append(path);
  }
  return drawing;
}
