// Cash, value and profit; equity and how far it is below its peak; fills.

import { el, facts, panel, setClass, setText } from "../dom.js";
import { clock, decimal, money, signed, tone } from "../format.js";
import { Plot } from "../plot.js";
import { INSTRUMENT, SIDE, Table } from "../table.js";

export function accountPanel() {
  const { root, figures } = facts({ cash_balance: "Cash", total_value: "Total value", total_pnl: "Profit and loss" });
  return {
    root: panel("Account", root),
    every: 180,
    topics: () => ["portfolio"],
    draw(store) {
      const told = store.get("portfolio");
      if (!told) return;
      setText(figures.cash_balance, money(told.cash_balance));
      setText(figures.total_value, money(told.total_value));
      setText(figures.total_pnl, signed(told.total_pnl));
      setClass(figures.total_pnl, tone(told.total_pnl));
    },
  };
}

/** A share in percent, with the digits that small ones need. */
function percentOf(part) {
  return `${Number((part * 100).toPrecision(3))} %`;
}

export function equityPanel() {
  const equity = new Plot("Equity over time", [{ label: "Equity", color: "accent", value: money }]);
  const drawdown = new Plot("Drawdown over time", [{ label: "Drawdown", color: "down", fill: "downFill", value: percentOf }], { name: "low" });
  const currency = el("span", { class: "dim" });
  return {
    root: panel("Equity and drawdown", el("div", {}, equity.root, drawdown.root), { flush: true, tools: [currency] }),
    isPicture: true,
    every: 900,
    topics: () => ["equity"],
    restyle() {
      equity.restyle();
      drawdown.restyle();
    },
    draw(store) {
      const told = store.get("equity");
      if (!told?.points.length) return;
      setText(currency, told.currency ?? "");
      const times = told.points.map(([at]) => at / 1e9);
      equity.set([times, told.points.map(([, value]) => value)]);
      drawdown.set([times, told.points.map(([, , below]) => (below === null ? null : -below))]);
    },
  };
}

export function fillsPanel() {
  const columns = [
    { head: "Time (UTC)", text: (row) => clock(row.at_ns) },
    SIDE,
    INSTRUMENT,
    { head: "Quantity", num: true, text: (row) => decimal(row.quantity) },
    { head: "Price", num: true, text: (row) => decimal(row.price) },
    { head: "Liquidity", text: (row) => row.liquidity },
    { head: "Fee", num: true, text: (row) => money(row.fee) },
    { head: "Strategy", text: (row) => row.strategy },
    { head: "Order", num: true, text: (row) => String(row.order_id) },
  ];
  const table = new Table(columns, { key: (row) => row.id, empty: "No fills yet.", label: "Fills" });
  return {
    root: panel("Fills", table.root, { flush: true }),
    every: 450, // lines that move down are all put in place and painted again
    topics: () => ["fills"],
    draw: (store) => table.update(store.newest("fills").slice(0, 100)),
  };
}
