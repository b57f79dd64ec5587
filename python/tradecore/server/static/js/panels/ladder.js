// The book level by level, with sums from the touch outwards and own orders marked. A level gives its price to the ticket.

import { el, panel, setClass, setPill, setText, setTitle } from "../dom.js";
import { places } from "../decimals.js";
import { decimal } from "../format.js";

const LEVELS = 15;

export function ladderPanel(app) {
  const asks = side("ask");
  const bids = side("bid");
  const between = el("div", { class: "between" });
  const state = el("span", { class: "pill" });
  const head = el("div", { class: "row head" }, ...["Price", "Quantity", "Sum"].map((text) => el("span", { text })));
  const rows = [...asks].reverse();
  const ladder = el("div", { class: "ladder" }, head, ...rows.map(({ node }) => node), between, ...bids.map(({ node }) => node));

  function side(name) {
    return Array.from({ length: LEVELS }, () => {
      const [price, qty, sum] = ["price", "qty", "sum dim"].map((kind) => el("span", { class: kind }));
      const node = el("div", { class: `row ${name}` }, price, qty, sum);
      const row = { name, node, price, qty, sum, level: null, share: "" };
      node.addEventListener("click", () => row.level && app.ticket.begin({ price: row.level[0] }));
      return row;
    });
  }

  function fill(rows, levels, own, most, digits) {
    let total = 0;
    rows.forEach((row, index) => {
      const level = levels[index];
      row.level = level ?? null;
      total += level ? Number(level[1]) : 0;
      setText(row.price, level ? decimal(level[0]) : "");
      setText(row.qty, level ? decimal(level[1]) : "");
      setText(row.sum, level ? decimal(total.toFixed(digits)) : "");
      const share = `${level && most ? ((100 * total) / most).toFixed(1) : 0}% 100%`;
      // The row's own ground: an element that is moved or clipped would be one more thing to put together in every frame.
      if (share !== row.share) row.node.style.backgroundSize = row.share = share;
      const mine = level && own.get(Number(level[0]));
      setClass(row.node, `row ${row.name}${mine ? " own" : ""}`);
      setTitle(row.node, mine ? `own: ${mine}` : "");
    });
  }

  const sum = (levels) => levels.slice(0, LEVELS).reduce((total, level) => total + Number(level[1]), 0);

  return {
    root: panel("Order book", ladder, { tools: [state], flush: true, name: "book" }),
    every: 70,
    topics: () => app.of("book"),
    draw(store) {
      const book = store.get(`book:${app.instrument}`) ?? { bids: [], asks: [], orders: [], state: "empty" };
      const own = new Map();
      for (const { price, quantity } of book.orders) {
        if (price !== null) own.set(Number(price), own.has(Number(price)) ? `${own.get(Number(price))} + ${quantity}` : quantity);
      }
      const most = Math.max(sum(book.bids), sum(book.asks));
      const digits = places(app.spec?.lot_size ?? book.bids[0]?.[1] ?? "0");
      fill(asks, book.asks, own, most, digits);
      fill(bids, book.bids, own, most, digits);
      setPill(state, book.state, book.state === "synced" ? "good" : "bad");
      const [bid, ask] = [book.bids[0]?.[0], book.asks[0]?.[0]];
      const price = places(app.spec?.tick_size ?? bid ?? "0");
      setText(between, bid && ask ? `spread ${decimal((Number(ask) - Number(bid)).toFixed(price))}` : "one side is empty");
    },
  };
}
