import { el } from "../dom.js";
import { backtestsPanels } from "../panels/backtests.js";

/** The launcher, its jobs and their reports. */
export function backtestsPage(app) {
  const { form, jobs, report } = backtestsPanels(app);
  return { id: "backtests", title: "Backtests", root: el("div", { class: "page" }, form, jobs.root, report), panels: [jobs] };
}
