// Backtests in processes of their own: a form, the jobs, and the report of one.

import { button, buttons, el, field, panel, setText } from "../dom.js";
import { NONE } from "../format.js";
import { Table } from "../table.js";

const STATE = { done: "up", failed: "down", cancelled: "warn" };
const isActive = (row) => row.status === "queued" || row.status === "running";

function summary(row) {
  if (row.error) return row.error;
  if (!row.summary) return "";
  if (typeof row.summary === "string") return row.summary;
  return Object.entries(row.summary).map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`).join(", ");
}

export function backtestsPanels(app) {
  const seed = el("input", { name: "seed", inputmode: "numeric", placeholder: "as configured" });
  const config = el("textarea", { name: "config", spellcheck: "false", placeholder: "empty: the configuration of this session" });
  const form = el(
    "form",
    { class: "form", on: { submit: launch } },
    field("Configuration (TOML)", config),
    field("Seed", seed),
    el("button", { type: "submit", class: "main", text: "Run a backtest" }),
  );
  const frame = el("iframe", { class: "report", sandbox: "allow-scripts", title: "Report of the backtest", hidden: true });
  const hint = el("p", { class: "empty", text: "Choose a job that is done to see its report." });
  const which = el("span", { class: "dim" });

  async function launch(event) {
    event.preventDefault();
    const body = { config: config.value.trim() ? config.value : null };
    if (seed.value.trim()) body.seed = Number(seed.value);
    await app.shell.attempt(() => app.api.send("POST", "/jobs", body), "backtest is queued");
  }

  function open(id) {
    frame.src = `/api/v1/jobs/${id}/report`;
    frame.hidden = false;
    hint.hidden = true;
    setText(which, `job ${id}`);
    frame.scrollIntoView({ block: "nearest" });
  }

  function actions(newest) {
    const report = button("Report", () => open(newest().id), { class: "small", data: { act: "report" } });
    const stop = button("Stop", () => app.shell.attempt(() => app.api.send("DELETE", `/jobs/${newest().id}`)), { class: "small danger" });
    return buttons(report, stop);
  }

  const columns = [
    {
      head: "",
      make: actions,
      renew(node, row) {
        node.children[0].hidden = row.status !== "done";
        node.children[1].hidden = !isActive(row);
      },
    },
    { head: "Job", text: (row) => String(row.id) },
    { head: "State", text: (row) => row.status, tone: (row) => STATE[row.status] ?? "" },
    {
      head: "Progress",
      make: () => el("progress", { max: 1 }),
      renew(node, row) {
        if (row.status === "done") node.value = 1;
        else if (row.progress === null || row.progress === undefined) node.removeAttribute("value");
        else node.value = row.progress;
        node.hidden = row.status === "failed" || row.status === "cancelled";
      },
    },
    { head: "Result", text: (row) => summary(row) || NONE, wide: true },
  ];
  const table = new Table(columns, { key: (row) => row.id, empty: "No backtests yet.", label: "Backtests" });
  const jobs = {
    root: panel("Jobs", table.root, { flush: true, name: "w8" }),
    every: 250,
    topics: () => ["jobs"],
    draw: (store) => table.update(store.newest("jobs")),
  };
  return { jobs, form: panel("Backtest", form, { name: "w4" }), report: panel("Report", el("div", {}, hint, frame), { flush: true, tools: [which], name: "w12" }) };
}
