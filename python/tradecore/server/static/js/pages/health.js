import { el } from "../dom.js";
import { feedsPanel, pageHealthPanel } from "../panels/feeds.js";
import { latencyPanel } from "../panels/latency.js";

/** Feeds, latencies, and what this page itself costs. */
export function healthPage(app) {
  const [feeds, page, latency] = [feedsPanel(), pageHealthPanel(app), latencyPanel(app)];
  feeds.root.classList.add("w8");
  page.root.classList.add("w4");
  const root = el("div", { class: "page" }, feeds.root, page.root, latency.root);
  return { id: "health", title: "Health", root, panels: [feeds, page, latency] };
}
