// The event log, newest first, with a filter. While it is paused the lines stand still.

import { checkbox, el, panel } from "../dom.js";
import { clock } from "../format.js";
import { Table } from "../table.js";

const SHOWN = 150;
const META = new Set(["seq", "at_ns", "event", "ts_event"]);
const isEmpty = (value) => value === null || value === "" || (Array.isArray(value) && value.length === 0);

export function eventsPanel(app) {
  const filter = el("input", { type: "search", placeholder: "Filter", "aria-label": "Filter events", size: 18 });
  const still = checkbox("Hold");
  filter.addEventListener("input", () => app.painter.touch("events"));
  still.box.addEventListener("change", () => app.painter.touch("events"));
  const texts = new WeakMap();

  function text(row) {
    if (!texts.has(row)) {
      const fields = Object.entries(row).filter(([name, value]) => !META.has(name) && !isEmpty(value));
      texts.set(row, fields.map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", "));
    }
    return texts.get(row);
  }

  const columns = [
    { head: "Time (UTC)", text: (row) => clock(row.at_ns) },
    { head: "Event", text: (row) => row.event, tone: (row) => (/Reject|Fail|Kill|Halt|Gap|Refus/.test(row.event) ? "down" : "") },
    { head: "What", text, wide: true },
  ];
  const table = new Table(columns, { key: (row) => row.seq, empty: "No events.", label: "Events" });
  table.root.classList.add("tall");
  return {
    root: panel("Events", table.root, { flush: true, tools: [still.root, el("div", {}, filter)] }),
    every: 450,
    topics: () => ["events"],
    draw(store) {
      if (still.box.checked) return;
      const wanted = filter.value.trim().toLowerCase();
      const rows = store.newest("events").filter((row) => !wanted || `${row.event} ${text(row)}`.toLowerCase().includes(wanted));
      table.update(rows.slice(0, SHOWN));
    },
  };
}
