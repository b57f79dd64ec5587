import { strategyPanel } from "../panels/strategy.js";

/** One tab a strategy. */
export function strategiesPage(app) {
  const strategy = strategyPanel(app);
  return { id: "strategies", title: "Strategies", root: strategy.root, panels: [strategy] };
}
