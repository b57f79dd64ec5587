// One tab a strategy: what it may do, its parameters, and what it publishes of itself.

import { ask } from "../dialogs.js";
import { button, buttons, el, facts, panel, setClass, setPill, setText } from "../dom.js";
import { decimal, signed, symbolOf, tone } from "../format.js";
import { Published } from "./published.js";

const ACTS = [["pause", "Pause"], ["resume", "Resume"], ["stop", "Stop"], ["start", "Start"]];
// What may be done in a state; in any other what may be done while it is active.
const MAY = { active: ["pause", "stop"], paused: ["resume", "stop"], stopped: ["start"], failed: ["start"] };

export function strategyPanel(app) {
  const tabs = el("div", { class: "tabs", role: "tablist", "aria-label": "Strategies" });
  const state = el("span", { class: "pill" });
  const { root: list, figures } = facts({ kind: "Kind", instruments: "Instruments", pnl: "Profit and loss" });
  const failure = el("pre", { class: "log error", hidden: true });
  const parameters = el("tbody");
  const none = el("p", { class: "empty", text: "It has none." });
  const published = new Published();
  const acts = ACTS.map(([act, text]) => button(text, () => tell(act, text), { data: { act } }));
  const left = el("div", { class: "stack" }, panel("State", el("div", { class: "form" }, list, buttons(...acts), failure), { tools: [state] }), panel("Parameters", el("div", { class: "scroll" }, el("table", { "aria-label": "Parameters" }, parameters), none), { flush: true }));
  left.classList.add("w4");
  const right = el("div", { class: "w8 stack" }, published.root);
  const root = el("div", { class: "page" }, el("div", { class: "w12" }, tabs), left, right);
  let name = null;
  let built = "";

  function choose(chosen) {
    name = chosen;
    built = "";
    published.clear();
    app.renewTopics();
  }

  async function tell(act, text) {
    const isHeavy = act === "stop";
    if (isHeavy && !(await ask({ title: `${text} ${name}?`, lines: ["Its orders are cancelled and it sends none until it is started. Its position stays."], action: text, isDanger: true }))) return;
    await app.shell.attempt(() => app.api.send("POST", `/strategies/${encodeURIComponent(name)}/${act}`), `${name}: ${act} requested`);
  }

  function editor(parameter) {
    const input = el("input", { value: String(parameter.value), "aria-label": parameter.name });
    const set = async (event) => {
      event.preventDefault();
      const value = parameter.type === "bool" ? input.value === "true" : input.value;
      const isDone = await app.shell.attempt(
        () => app.api.send("PATCH", `/strategies/${encodeURIComponent(name)}/parameters`, { [parameter.name]: value }),
        `${name}: ${parameter.name} is ${input.value}`,
      );
      if (!isDone) input.value = String(parameter.value);
    };
    return el("form", { class: "edit", on: { submit: set } }, input, el("button", { type: "submit", class: "small", text: "Set" }));
  }

  function buildParameters(told) {
    const now = JSON.stringify([told.name, told.parameters]);
    if (now === built || parameters.contains(document.activeElement)) return;
    built = now;
    none.hidden = told.parameters.length > 0;
    parameters.replaceChildren(
      ...told.parameters.map((parameter) => {
        const isOwn = JSON.stringify(parameter.value) !== JSON.stringify(parameter.default);
        const value = parameter.is_changeable ? el("td", {}, editor(parameter)) : el("td", { class: "num", text: String(parameter.value) });
        value.title = isOwn ? `default: ${parameter.default}` : "as by default";
        return el("tr", {}, el("td", { text: parameter.name, title: parameter.type }), value);
      }),
    );
  }

  function buildTabs(strategies) {
    const names = strategies.map((each) => each.name);
    if (!names.includes(name)) choose(names[0] ?? null);
    const known = [...tabs.children].map((tab) => tab.textContent);
    if (names.join("\n") !== known.join("\n")) {
      tabs.replaceChildren(...names.map((each) => button(each, () => choose(each), { role: "tab" })));
    }
    for (const tab of tabs.children) tab.setAttribute("aria-selected", String(tab.textContent === name));
  }

  return {
    root,
    every: 400,
    topics: () => (name ? ["strategies", `published:${name}`] : ["strategies"]),
    restyle: () => published.restyle(),
    draw(store) {
      const strategies = store.get("strategies") ?? [];
      buildTabs(strategies);
      const told = strategies.find((each) => each.name === name);
      left.hidden = right.hidden = !told;
      if (!told) return;
      const isActive = told.state === "active";
      for (const act of acts) act.disabled = !(MAY[told.state] ?? MAY.active).includes(act.dataset.act);
      setPill(state, told.state, isActive ? "good" : told.state === "failed" || told.state === "halted" ? "bad" : "wait");
      setText(figures.kind, told.kind);
      setText(figures.instruments, told.instruments.map(symbolOf).join(", "));
      setText(figures.pnl, signed(told.pnl));
      setClass(figures.pnl, tone(told.pnl));
      figures.pnl.title = decimal(told.pnl);
      failure.hidden = !told.failure;
      setText(failure, told.failure ?? "");
      buildParameters(told);
      published.draw(store.get(`published:${name}`));
    },
  };
}
