// Health of market data, stream by stream, and of this page itself.

import { facts, panel, setText } from "../dom.js";
import { decimal, duration, fixed } from "../format.js";
import { Table } from "../table.js";

export function feedsPanel() {
  const lost = (value) => (value > 0 ? "warn" : "");
  const columns = [
    { head: "Instrument", text: (row) => row.instrument },
    { head: "Book", text: (row) => row.state, tone: (row) => (row.state === "synced" ? "up" : "down"), title: (row) => row.reason ?? "" },
    { head: "Age", num: true, text: (row) => duration(row.age_s), title: () => "since the newest message" },
    { head: "Messages a second", num: true, text: (row) => fixed(row.messages_per_s, 1) },
    { head: "Lag", num: true, text: (row) => duration(row.lag_s), title: () => "venue's stamp to our receipt" },
    { head: "Gaps", num: true, text: (row) => decimal(row.gaps), tone: (row) => lost(row.gaps) },
    { head: "Dropped", num: true, text: (row) => decimal(row.dropped), tone: (row) => lost(row.dropped) },
    { head: "Malformed", num: true, text: (row) => decimal(row.malformed), tone: (row) => lost(row.malformed) },
    { head: "Reason", text: (row) => row.reason ?? "", wide: true },
  ];
  const table = new Table(columns, { key: (row) => row.instrument, empty: "No streams.", label: "Feeds" });
  return {
    root: panel("Feeds", table.root, { flush: true }),
    every: 180,
    topics: () => ["feeds"],
    draw: (store) => table.update(store.get("feeds") ?? []),
  };
}

/** What this page receives and what drawing it takes, measured here. */
export function pageHealthPanel(app) {
  const { root, figures } = facts({ received: "Messages a second", drawn: "Drawings a second", spent: "Time in drawing" });
  let before = null;
  return {
    root: panel("This page", root),
    every: 1000,
    topics: () => ["status"],
    draw() {
      const now = { at: performance.now(), received: app.feed.received, drawn: app.painter.drawn, spent: app.painter.spentMs };
      if (before) {
        const seconds = (now.at - before.at) / 1000;
        setText(figures.received, fixed((now.received - before.received) / seconds, 1));
        setText(figures.drawn, fixed((now.drawn - before.drawn) / seconds, 1));
        setText(figures.spent, `${fixed((now.spent - before.spent) / seconds / 10, 1)} %`);
      }
      before = now;
    },
  };
}
