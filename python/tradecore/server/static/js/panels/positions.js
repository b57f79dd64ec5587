// Positions by strategy and instrument, at their marks. "Close" only fills in the ticket.

import { button, panel } from "../dom.js";
import { NONE, decimal, money, signed, symbolOf, tone } from "../format.js";
import { Table } from "../table.js";

export function positionsPanel(app) {
  function close(row) {
    app.choose(row.symbol);
    location.hash = app.pages[0].id;
    app.showPage();
    const isLong = !row.quantity.startsWith("-");
    app.ticket.begin({ side: isLong ? "sell" : "buy", type: "market", quantity: row.quantity.replace("-", ""), reduceOnly: true });
  }

  const keyed = new Map();
  const key = (row) => `${row.symbol}/${row.strategy}`;
  const columns = [
    {
      head: "",
      make: (row) => button("Close…", () => close(keyed.get(key(row))), { class: "small", title: "fills in the order ticket" }),
      renew: (node, row) => (node.hidden = Number(row.quantity) === 0),
    },
    { head: "Instrument", text: (row) => symbolOf(row.symbol), title: (row) => row.symbol },
    { head: "Quantity", num: true, text: (row) => decimal(row.quantity), tone: (row) => tone(row.quantity) },
    { head: "Entry", num: true, text: (row) => decimal(row.average_price) },
    { head: "Mark", num: true, text: (row) => decimal(row.mark_price) },
    { head: "Value", num: true, text: (row) => money(row.market_value), title: (row) => row.currency },
    { head: "Unrealized", num: true, text: (row) => signed(row.unrealized_pnl), tone: (row) => tone(row.unrealized_pnl) },
    { head: "Realized", num: true, text: (row) => signed(row.realized_pnl), tone: (row) => tone(row.realized_pnl) },
    { head: "Fees", num: true, text: (row) => money(row.fees) },
    { head: "Currency", text: (row) => row.currency },
    { head: "Strategy", text: (row) => row.strategy || NONE },
  ];
  const table = new Table(columns, { key, empty: "Nothing is held.", label: "Positions" });
  return {
    root: panel("Positions", table.root, { flush: true, name: "positions" }),
    every: 180,
    topics: () => ["positions"],
    draw(store) {
      const rows = store.get("positions") ?? [];
      for (const row of rows) keyed.set(key(row), row);
      table.update(rows);
    },
  };
}
