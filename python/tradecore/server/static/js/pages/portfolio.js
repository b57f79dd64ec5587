import { el } from "../dom.js";
import { accountPanel, equityPanel, fillsPanel } from "../panels/portfolio.js";
import { positionsPanel } from "../panels/positions.js";

/** What is held, what it came to, and by which fills. */
export function portfolioPage(app) {
  const [account, positions, equity, fills] = [accountPanel(), positionsPanel(app), equityPanel(), fillsPanel()];
  account.root.classList.add("w4");
  positions.root.classList.add("w8");
  equity.root.classList.add("w6");
  fills.root.classList.add("w6");
  const root = el("div", { class: "page" }, account.root, positions.root, equity.root, fills.root);
  return { id: "portfolio", title: "Portfolio", root, panels: [account, positions, equity, fills] };
}
