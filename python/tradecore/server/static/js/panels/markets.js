// Live prices and spreads, one button an instrument.

import { button, el, keepOnly, setClass, setPill, setText, setTitle } from "../dom.js";
import { NONE, decimal, duration, symbolOf } from "../format.js";

export function marketsPanel(app) {
  const root = el("div", { class: "markets", role: "group", "aria-label": "Instruments" });
  const cards = new Map();

  function card(id) {
    const parts = Object.fromEntries(["price", "state", "touch", "spread"].map((name) => [name, el("span")]));
    const node = button("", () => app.choose(id), { class: "market", data: { instrument: id } });
    node.append(el("span", { class: "name", text: symbolOf(id) }), parts.state, parts.price, parts.spread, parts.touch);
    parts.price.className = "price";
    parts.spread.className = "dim num";
    parts.touch.className = "dim";
    root.append(node);
    const made = { ...parts, node, before: null };
    cards.set(id, made);
    return made;
  }

  function renew(id, told) {
    const known = cards.get(id) ?? card(id);
    known.node.setAttribute("aria-pressed", String(id === app.instrument));
    const price = told.mid ?? told.last;
    const moved = known.before === null || price === null ? 0 : Number(price) - known.before;
    if (moved) setClass(known.price, `price ${moved > 0 ? "up" : "down"}`);
    known.before = price === null ? null : Number(price);
    setText(known.price, decimal(price));
    const isSynced = told.state === "synced";
    setPill(known.state, isSynced ? duration(told.age_s) : told.state, isSynced ? "good" : "bad");
    setTitle(known.state, isSynced ? "age of the newest message" : "state of the book");
    setText(known.touch, told.bid === null && told.ask === null ? "no quotes" : `${decimal(told.bid)} / ${decimal(told.ask)}`);
    setText(known.spread, told.spread === null ? NONE : `spread ${decimal(told.spread)}`);
  }

  return {
    root,
    every: 70,
    topics: () => ["prices"],
    draw(store) {
      const prices = store.get("prices") ?? {};
      for (const [id, told] of Object.entries(prices)) renew(id, told);
      keepOnly(cards, new Set(Object.keys(prices)));
    },
  };
}
