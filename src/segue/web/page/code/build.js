/** Building what is on the page: elements, and the shapes that stand beside every word of state. */

const SVG = "http://www.w3.org/2000/svg";

/** Paths in a field of 24 by 24. A state is told by its shape too, never by its colour alone. */
const SHAPES = {
  pass: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM8 12.2l2.8 2.8 5.2-5.6",
  breach: "M8.5 3.5h7l5 5v7l-5 5h-7l-5-5v-7zM9 9l6 6M15 9l-6 6",
  wait: "M7 3.5h10M7 20.5h10M8 3.5v3.5l4 5 4-5V3.5M8 20.5v-3.5l4-5 4 5v3.5",
  hold: "M12 2.8l9.2 9.2-9.2 9.2L2.8 12zM10 9.5v5M14 9.5v5",
  running: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM10.2 8.5v7l5.3-3.5z",
  baking: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM12 7.5V12l3 2.2",
  held: "M12 2.8l9.2 9.2-9.2 9.2L2.8 12zM10 9.5v5M14 9.5v5",
  paused: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM10 9v6M14 9v6",
  promoted: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM8 12.2l2.8 2.8 5.2-5.6",
  rolled_back: "M8.5 5.5L4.5 9.5l4 4M4.8 9.5H14a5.2 5.2 0 0 1 0 10.4H9",
  up: "M12 19V5M6 11l6-6 6 6",
  down: "M12 5v14M6 13l6 6 6-6",
  person: "M12 4a3.8 3.8 0 1 1 0 7.6A3.8 3.8 0 0 1 12 4zM4.8 20c.5-4 3.4-5.8 7.2-5.8s6.7 1.8 7.2 5.8",
  frozen: "M12 3v18M4.2 7.5l15.6 9M19.8 7.5l-15.6 9",
  note: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM12 8v.1M12 11.5V16",
  close: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  menu: "M4 7h16M4 12h16M4 17h16",
  lock: "M6.5 11h11v8.5h-11zM8.8 11V8a3.2 3.2 0 0 1 6.4 0v3",
  key: "M8 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 12h8.5v3.5M16.5 12v3",
  theme: "M12 3.8a8.2 8.2 0 1 1 0 16.4 8.2 8.2 0 0 1 0-16.4z",
  eye: "M2.5 12C5 7.5 8.3 5.5 12 5.5s7 2 9.5 6.5c-2.5 4.5-5.800 6.5-9.5 6.5S5 16.5 2.5 12zM12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6z",
  server: "M4 5h16v6H4zM4 13h16v6H4zM7.5 8v.1M7.5 16v.1",
  below: "M6 9.5l6 6 6-6",
  next: "M4.5 12h15M13 5.5l6.5 6.5-6.5 6.5",
  retry: "M19 12a7 7 0 1 1-2.2-5.1M19.5 3.5v4h-4",
};

/** What is filled in a picture, where anything is. */
const SOLID = { theme: "M12 3.8a8.2 8.2 0 0 1 0 16.4z" };

/**
 * An element with attributes and children. `class` and `data-…` are attributes like all others; null and false are
 * left out.
 *
 * @param {string} tag
 * @param {Record<string, string | number | boolean | null>} attributes
 * @param {...(Node | string | null)} children
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A small picture of a state or event; told to nobody, for a word stands beside it. */
export function shape(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "shape");
  svg.append(drawn(SHAPES[name] ?? SHAPES.note));
  if (name in SOLID) svg.append(drawn(SOLID[name], "solid"));
  return svg;
}

function drawn(line, kind = null) {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", line);
  if (kind) path.setAttribute("class", kind);
  return path;
}

/** What the server wrote, in the language it was written in; a screen reader should know that it is English. */
export function verbatim(text, attributes = {}) {
  return make("span", { lang: "en", class: "verbatim", ...attributes }, text);
}

/** Put children into a place only where they differ from what is there, so that nothing flickers or loses its focus. */
export function put(place, ...children) {
  const wanted = children.filter((child) => child !== null && child !== undefined);
  const fresh = make("div", {}, ...wanted);
  if (fresh.innerHTML !== place.innerHTML) place.replaceChildren(...fresh.childNodes);
}

/** Write a text where another is. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
