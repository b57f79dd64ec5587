// A table whose rows are kept by key, so that focus, selection and scroll outlive what arrives.

import { el, keepOnly, setClass, setText, setTitle } from "./dom.js";
import { symbolOf } from "./format.js";

/** Columns of rows that are of one instrument, or of one side. */
export const INSTRUMENT = { head: "Instrument", text: (row) => symbolOf(row.symbol), title: (row) => row.symbol };
export const SIDE = { head: "Side", text: (row) => row.side, tone: (row) => (row.side === "buy" ? "up" : "down") };

/**
 * Columns: { head, text(row), tone(row), num, title(row) } or { head, make(newest) -> element, renew(element, row) },
 * where newest() is the row as it was told last.
 * Options: key(row), empty (text), rowClass(row), onKey(event, row), label.
 */
export class Table {
  constructor(columns, { key, empty, rowClass = () => "", onKey = null, label = "" }) {
    Object.assign(this, { columns, key, rowClass, onKey });
    this.rows = new Map();
    this.body = el("tbody");
    const heads = columns.map((column) => el("th", { text: column.head, class: column.num ? "num" : "", scope: "col" }));
    this.table = el("table", { "aria-label": label }, el("thead", {}, el("tr", {}, ...heads)), this.body);
    this.empty = el("p", { class: "empty", text: empty });
    this.root = el("div", { class: "scroll", tabindex: "-1" }, this.table, this.empty);
  }

  update(list) {
    const seen = new Set();
    let before = this.body.firstElementChild;
    for (const row of list) {
      const key = this.key(row);
      seen.add(key);
      const line = this.rows.get(key) ?? this.#make(key, row);
      line.row = row;
      this.#renew(line, row);
      if (line.node === before) before = before.nextElementSibling;
      else this.body.insertBefore(line.node, before);
    }
    keepOnly(this.rows, seen);
    this.table.hidden = list.length === 0;
    this.empty.hidden = list.length > 0;
  }

  #make(key, row) {
    const line = { row };
    line.cells = this.columns.map((column) => {
      const cell = el("td", { class: column.num ? "num" : "" });
      if (column.make) cell.append(column.make(() => line.row));
      return cell;
    });
    const node = (line.node = el("tr", { data: { key: String(key) } }, ...line.cells));
    if (this.onKey) {
      node.tabIndex = 0;
      node.addEventListener("keydown", (event) => this.#pressed(event, line));
    }
    this.rows.set(key, line);
    return line;
  }

  #renew({ node, cells }, row) {
    setClass(node, this.rowClass(row));
    this.columns.forEach((column, index) => {
      const cell = cells[index];
      if (column.make) {
        column.renew?.(cell.firstElementChild, row);
        return;
      }
      setText(cell, column.text(row));
      setClass(cell, `${column.num ? "num " : ""}${column.wide ? "text " : ""}${column.tone?.(row) ?? ""}`);
      if (column.title) setTitle(cell, column.title(row));
    });
  }

  #pressed(event, line) {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    if (step && event.target === line.node) {
      line.node[step]?.focus();
      event.preventDefault();
    } else {
      this.onKey(event, line.row);
    }
  }
}
