// Limits and how much of each is used; the kill switch, pausing and re-arming.

import { ask } from "../dialogs.js";
import { button, buttons, el, keepOnly, panel, setClass, setPill, setText } from "../dom.js";
import { decimal, percent } from "../format.js";

const ACTIVE = { active: "good", paused: "wait", killed: "bad" };

export function riskPanel(app) {
  const state = el("span", { class: "pill" });
  const pause = button("Pause", () => tell("pause", "Pause trading?", "Resting orders stay, nothing but cancels is accepted."));
  const resume = button("Re-arm", () => tell("resume", "Trade again?", "Strategies that are active may send orders again."), { data: { act: "resume" } });
  const kill = button("Kill switch", () => app.shell.killSwitch(), { class: "danger solid" });
  const bars = el("div");
  const empty = el("p", { class: "empty", text: "No limits are set: see [risk] of the configuration." });
  const rows = new Map();

  async function tell(act, title, line) {
    const isMeant = await ask({ title, lines: [line], action: act === "resume" ? "Re-arm" : "Pause", isLive: app.shell.modeName === "live" });
    if (isMeant) await app.shell.attempt(() => app.api.send("POST", `/risk/${act}`, {}));
  }

  function row(key) {
    const parts = { name: el("span"), fill: el("div", { class: "fill" }), text: el("span", { class: "num" }) };
    const track = el("div", { class: "track", role: "meter", "aria-valuemin": "0", "aria-valuemax": "100" }, parts.fill);
    const node = el("div", { class: "use" }, parts.name, track, parts.text);
    const made = { ...parts, track, node };
    rows.set(key, made);
    bars.append(node);
    return made;
  }

  function renew(limit) {
    const where = limit.scope === "account" ? "account" : `${limit.scope} ${limit.name}`;
    const key = `${limit.check} ${where}`;
    const known = rows.get(key) ?? row(key);
    setText(known.name, `${limit.check.replaceAll("_", " ")} (${where})`);
    known.name.title = limit.window ? `in ${limit.window}` : "";
    const use = limit.use;
    known.track.hidden = use === null; // of single orders: nothing of it is used up
    known.fill.style.transform = `scaleX(${Math.min(Math.max(use, 0), 1)})`;
    setClass(known.fill, `fill ${use >= 1 ? "over" : use >= 0.8 ? "near" : ""}`);
    known.track.setAttribute("aria-valuenow", String(Math.round(use * 100)));
    known.track.setAttribute("aria-label", known.name.textContent);
    setText(known.text, use === null ? `at most ${decimal(limit.limit)}` : `${decimal(limit.value)} of ${decimal(limit.limit)} · ${percent(use, 0)}`);
    return key;
  }

  return {
    root: panel("Risk", el("div", {}, buttons(kill, pause, resume), el("h3", { text: "Limits and what is used" }), bars, empty), { tools: [state] }),
    every: 180,
    topics: () => ["risk"],
    draw(store) {
      const told = store.get("risk");
      if (!told) return;
      setPill(state, told.state, ACTIVE[told.state]);
      kill.disabled = told.state === "killed";
      pause.disabled = told.state !== "active";
      resume.disabled = told.state === "active";
      keepOnly(rows, new Set(told.limits.map(renew)));
      empty.hidden = told.limits.length > 0;
    },
  };
}
