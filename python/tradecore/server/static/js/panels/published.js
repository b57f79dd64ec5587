// What a strategy publishes of itself: values, series, tables, lines of a log.

import { el, facts, panel, setText } from "../dom.js";
import { NONE, clock } from "../format.js";
import { Plot } from "../plot.js";

const LINES = 200;

export class Published {
  constructor() {
    this.root = el("div", { class: "stack" });
    this.clear();
  }

  clear() {
    this.parts = new Map();
    this.empty = el("p", { class: "panel empty", text: "It has published nothing yet." });
    this.root.replaceChildren(this.empty);
  }

  restyle() {
    for (const part of this.parts.values()) part.restyle?.();
  }

  draw(told) {
    if (!told) return;
    const values = Object.entries(told.values);
    if (values.length) this.#part("values", () => valuesPart()).set(values);
    for (const [name, points] of Object.entries(told.series)) this.#part(`series ${name}`, () => seriesPart(name)).set(points);
    for (const [name, table] of Object.entries(told.tables)) this.#part(`table ${name}`, () => tablePart(name)).set(table);
    if (told.log.length) this.#part("log", () => logPart()).set(told.log);
    this.empty.hidden = this.parts.size > 0;
  }

  #part(key, make) {
    if (!this.parts.has(key)) {
      const part = make();
      this.parts.set(key, part);
      this.root.append(part.root);
    }
    return this.parts.get(key);
  }
}

function valuesPart() {
  const { root: list } = facts({});
  const nodes = new Map();
  return {
    root: panel("Values", list),
    set(values) {
      for (const [name, value] of values) {
        if (!nodes.has(name)) {
          const node = el("dd");
          nodes.set(name, node);
          list.append(el("dt", { text: name }), node);
        }
        setText(nodes.get(name), value === null ? NONE : String(value));
      }
    },
  };
}

function seriesPart(name) {
  const text = (value) => (Math.abs(value) >= 1e6 || Number.isInteger(value) ? String(value) : value.toPrecision(6));
  const plot = new Plot(name, [{ label: name, color: "accent", value: text }]);
  return {
    root: panel(name, plot.root, { flush: true }),
    restyle: () => plot.restyle(),
    set: (points) => points.length && plot.set([points.map(([at]) => at / 1e9), points.map(([, value]) => value)]),
  };
}

function tablePart(name) {
  const head = el("tr");
  const body = el("tbody");
  const root = panel(name, el("div", { class: "scroll" }, el("table", { "aria-label": name }, el("thead", {}, head), body)), { flush: true });
  let before = "";
  return {
    root,
    set({ columns, rows }) {
      const now = JSON.stringify([columns, rows]);
      if (now === before) return;
      before = now;
      const isNumber = columns.map((_, index) => typeof rows[0]?.[index] === "number");
      head.replaceChildren(...columns.map((text, index) => el("th", { text, class: isNumber[index] ? "num" : "" })));
      body.replaceChildren(...rows.slice(0, LINES).map((row) => el("tr", {}, ...row.map((cell) => el("td", { text: cell === null ? NONE : String(cell), class: typeof cell === "number" ? "num" : "" })))));
    },
  };
}

function logPart() {
  const lines = el("div", { class: "log" });
  let newest = "";
  return {
    root: panel("Log", el("div", { class: "scroll" }, lines)),
    set(log) {
      const now = JSON.stringify(log.at(-1)) + log.length;
      if (now === newest) return;
      newest = now;
      const shown = log.slice(-LINES).reverse();
      lines.replaceChildren(...shown.map(([at, text]) => el("p", {}, el("span", { class: "dim", text: `${clock(at)}  ` }), text)));
    },
  };
}
