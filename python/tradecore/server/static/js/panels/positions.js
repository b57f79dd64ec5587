// Positions by strategy and instrument, at their marks. "Close" only fills in the ticket.

import { button, panel } from "../dom.js";
import { NONE, decimal, money, signed, tone } from "../format.js";
import { INSTRUMENT, Table } from "../table.js";

export function positionsPanel(app) {
  function close(row) {
    app.choose(row.symbol);
    const isLong = !row.quantity.startsWith("-");
    app.fillTicket({ side: isLong ? "sell" : "buy", type: "market", quantity: row.quantity.replace("-", ""), reduceOnly: true });
  }

  const columns = [
    {
      head: "",
      make: (newest) => button("Close…", () => close(newest()), { class: "small", title: "fills in the order ticket" }),
      renew: (node, row) => (node.hidden = Number(row.quantity) === 0),
    },
    INSTRUMENT,
    { head: "Quantity", num: true, text: (row) => decimal(row.quantity), tone: (row) => tone(row.quantity) },
    { head: "Entry", num: true, text: (row) => decimal(row.average_price) },
    { head: "Mark", num: true, text: (row) => decimal(row.mark_price) },
    { head: "Value", num: true, text: (row) => `${money(row.market_value)} ${row.currency}` },
    { head: "Unrealized", num: true, text: (row) => signed(row.unrealized_pnl), tone: (row) => tone(row.unrealized_pnl) },
    { head: "Realized", num: true, text: (row) => signed(row.realized_pnl), tone: (row) => tone(row.realized_pnl) },
    { head: "Fees", num: true, text: (row) => money(row.fees) },
    { head: "Strategy", text: (row) => row.strategy || NONE },
  ];
  const table = new Table(columns, { key: (row) => `${row.symbol}/${row.strategy}`, empty: "Nothing is held.", label: "Positions" });
  return {
    root: panel("Positions", table.root, { flush: true, name: "positions" }),
    every: 180,
    topics: () => ["positions"],
    draw: (store) => table.update(store.get("positions") ?? []),
  };
}
