import { el } from "../dom.js";
import { candlesPanel } from "../panels/candles.js";
import { depthPanel } from "../panels/depth.js";
import { heatmapPanel } from "../panels/heatmap.js";
import { ladderPanel } from "../panels/ladder.js";
import { marketsPanel } from "../panels/markets.js";
import { ordersPanel } from "../panels/orders.js";
import { positionsPanel } from "../panels/positions.js";
import { ticketPanel } from "../panels/ticket.js";

/** Market and orders on one page. */
export function tradePage(app) {
  const [markets, candles, heatmap] = [marketsPanel(app), candlesPanel(app), heatmapPanel(app)];
  const [ladder, depth, ticket] = [ladderPanel(app), depthPanel(app), ticketPanel(app)];
  const [orders, positions] = [ordersPanel(app), positionsPanel(app)];
  const root = el(
    "div",
    { class: "page trade" },
    markets.root,
    el("div", { class: "stack charts" }, candles.root, heatmap.root),
    el("div", { class: "stack" }, ladder.root),
    el("div", { class: "stack" }, ticket.root, depth.root),
    el("div", { class: "stack orders" }, orders.root, positions.root),
  );
  return { id: "trade", title: "Trade", root, panels: [markets, candles, heatmap, ladder, depth, ticket, orders, positions] };
}
