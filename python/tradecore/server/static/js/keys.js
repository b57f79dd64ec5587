// The keyboard: single keys, never while something is being written.

import { help } from "./dialogs.js";

export function keys(app) {
  const actions = {
    "?": help,
    k: () => app.shell.killSwitch(),
    t: () => app.shell.toggleTheme(),
    b: () => app.fillTicket({ side: "buy" }),
    s: () => app.fillTicket({ side: "sell" }),
    "[": () => step(-1),
    "]": () => step(1),
  };
  function step(by) {
    const ids = app.instruments.map((spec) => spec.id);
    const at = ids.indexOf(app.instrument);
    if (ids.length) app.choose(ids[(at + by + ids.length) % ids.length]);
  }
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const page = app.pages[Number(event.key) - 1];
    if (page) location.hash = page.id;
    const action = page ? () => {} : actions[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
