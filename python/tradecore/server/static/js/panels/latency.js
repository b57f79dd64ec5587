// Latencies as measured: a histogram each, and the buckets that percentiles fall into.

import { Canvas } from "../canvas.js";
import { el, facts, panel, setText } from "../dom.js";
import { decimal, duration } from "../format.js";
import { palette } from "../palette.js";

const WHAT = {
  feed: "venue's stamp to receipt",
  decision: "receipt to command",
  order: "command to the venue's answer",
  api: "request to command",
};
const FIGURES = { p50: "p50", p90: "p90", p99: "p99", p999: "p99.9" };

export function latencyPanel(app) {
  const root = el("div", { class: "w12 page" });
  const empty = el("p", { class: "panel empty w12", text: "Nothing has been measured yet." });
  root.append(empty);
  const cards = new Map();

  function card(name) {
    const canvas = new Canvas(`Histogram of ${name}`, { name: "low", resized: () => app.painter.touch("latency") });
    const { root: list, figures } = facts(FIGURES);
    const count = el("span", { class: "dim" });
    const box = panel(`Latency: ${name}`, el("div", {}, el("p", { class: "dim", text: WHAT[name] ?? "" }), list, canvas.root), { tools: [count], name: "w6" });
    root.append(box);
    const made = { canvas, figures, count };
    cards.set(name, made);
    return made;
  }

  function bars({ context, width, height }, buckets) {
    const colors = palette();
    const most = Math.max(...buckets.map(([, count]) => count));
    const base = height - 16;
    const wide = Math.min(width / buckets.length, 90);
    context.fillStyle = colors.accent;
    buckets.forEach(([, count], index) => {
      const tall = (count / most) * (base - 4);
      context.fillRect(index * wide + 1, base - Math.max(tall, count ? 1 : 0), Math.max(wide - 2, 1), Math.max(tall, count ? 1 : 0));
    });
    context.fillStyle = colors.dim;
    context.textAlign = "right";
    const every = Math.ceil(66 / wide);
    buckets.forEach(([le], index) => {
      if ((index + 1) % every === 0) context.fillText(le === null ? "more" : `≤ ${duration(le)}`, (index + 1) * wide - 1, height - 4);
    });
  }

  return {
    root,
    every: 900,
    topics: () => ["latency"],
    draw(store) {
      for (const [name, told] of Object.entries(store.get("latency") ?? {})) {
        if (!told.count) continue;
        const known = cards.get(name) ?? card(name);
        for (const figure of Object.keys(FIGURES)) setText(known.figures[figure], told[figure] === null ? "beyond all" : `≤ ${duration(told[figure])}`);
        setText(known.count, `${decimal(told.count)} measured`);
        const sheet = known.canvas.begin();
        const first = told.buckets.findIndex(([, count]) => count > 0);
        const last = told.buckets.findLastIndex(([, count]) => count > 0);
        if (sheet && first >= 0) bars(sheet, told.buckets.slice(Math.max(first - 1, 0), last + 2));
      }
      empty.hidden = cards.size > 0;
    },
  };
}
