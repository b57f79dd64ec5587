// Elements without markup: text goes in as text, styles through properties, so a strict content policy holds.

import { isPositive, stepped } from "./decimals.js";
import { NONE } from "./format.js";

/** Make an element. Options: class, text, on (listeners), data, and any attribute; children may be text or null. */
export function el(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  const { class: name, text, on = {}, data = {}, ...attributes } = options;
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  for (const [kind, listener] of Object.entries(on)) node.addEventListener(kind, listener);
  Object.assign(node.dataset, data);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Set text only where it differs: most of what arrives ten times a second has not changed. */
export function setText(node, text) {
  const only = node.firstChild;
  if (only instanceof Text && !only.nextSibling) {
    if (only.data !== text) only.data = text;
  } else if (node.textContent !== text) {
    node.textContent = text;
  }
}

export function setTitle(node, text) {
  if (node.title !== text) node.title = text;
}

export function setClass(node, name) {
  if (node.className !== name) node.className = name;
}

/** A short word of a state, coloured by `kind`: good, bad, wait or none. */
export function setPill(node, text, kind) {
  setText(node, text);
  setClass(node, kind ? `pill ${kind}` : "pill");
}

/** Take out of a map of `{ node }` what is not among the keys. */
export function keepOnly(made, keys) {
  for (const [key, { node }] of made) {
    if (keys.has(key)) continue;
    node.remove();
    made.delete(key);
  }
}

/** A list of figures, each a dash at first. Labels by name; `figures` are the elements of the values, by name. */
export function facts(labels, options = {}) {
  const root = el("dl", { class: "facts", ...options });
  const figures = {};
  for (const [name, label] of Object.entries(labels)) {
    figures[name] = el("dd", { text: NONE });
    root.append(el("dt", { text: label }), figures[name]);
  }
  return { root, figures };
}

export function button(text, act, options = {}) {
  return el("button", { type: "button", text, on: { click: act }, ...options });
}

/** Buttons side by side. */
export function buttons(...children) {
  return el("span", { class: "buttons" }, ...children);
}

/** Let the up and down arrows move a field on a grid of `step`; returns whether a key did. */
export function stepByKey(event, input, step) {
  const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (!by || !step || !isPositive(input.value)) return false;
  event.preventDefault();
  input.value = stepped(input.value, step, by);
  return true;
}

/** A labelled control. */
export function field(label, control) {
  return el("label", {}, el("span", { text: label }), control);
}

export function checkbox(label, options = {}) {
  const box = el("input", { type: "checkbox", ...options });
  return { box, root: el("label", { class: "check" }, box, el("span", { text: label })) };
}

/** Buttons of which one is pressed. Choices: [value, text, class]. */
export function segments(label, choices, chosen, act, kind = "segments") {
  const root = el("div", { class: kind, role: "group", "aria-label": label });
  const press = (value) => {
    for (const each of root.children) each.setAttribute("aria-pressed", String(each.dataset.value === value));
  };
  for (const [value, text, name] of choices) {
    const pick = () => {
      press(value);
      act(value);
    };
    root.append(button(text, pick, { class: name, data: { value } }));
  }
  press(chosen);
  return { root, press };
}

/** A panel with a heading; `tools` stand beside it. */
export function panel(title, body, { tools = [], flush = false, name = "" } = {}) {
  const head = el("header", {}, el("h2", { text: title }), el("span", { class: "space" }), ...tools);
  return el("section", { class: `panel ${name}`, "aria-label": title }, head, el("div", { class: flush ? "body flush" : "body" }, body));
}
