import { el } from "../dom.js";
import { riskPanel } from "../panels/risk.js";

/** Limits, their use, and the kill switch. */
export function riskPage(app) {
  const risk = riskPanel(app);
  risk.root.classList.add("w12");
  return { id: "risk", title: "Risk", root: el("div", { class: "page" }, risk.root), panels: [risk] };
}
