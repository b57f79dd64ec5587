// Colours for canvases. A probe resolves what style sheets say for the theme that is shown.

let known = null;

export function palette() {
  if (known) return known;
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const names = ["panel", "line", "dim", "accent", "up", "down", "own"];
  const resolve = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  known = Object.fromEntries(names.map((name) => [name, resolve(name)]));
  known.upFill = resolve("up-fill");
  known.downFill = resolve("down-fill");
  known.heat = ramp(resolve("heat-low"), resolve("heat-high"));
  probe.remove();
  return known;
}

/** 64 colours from one to another. */
function ramp(low, high) {
  const [from, to] = [low, high].map((text) => text.match(/[\d.]+/g).slice(0, 3).map(Number));
  return Array.from({ length: 64 }, (_, step) => {
    const mixed = from.map((value, index) => Math.round(value + ((to[index] - value) * step) / 63));
    return `rgb(${mixed.join(",")})`;
  });
}

const listeners = new Set();

/** Call when the theme has changed. */
export function onTheme(listener) {
  listeners.add(listener);
}

function changed() {
  known = null;
  for (const listener of listeners) listener();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);

/** Go from as the system has it to dark, to light, and back; return what is chosen now. */
export function nextTheme() {
  const root = document.documentElement;
  const order = ["auto", "dark", "light"];
  const next = order[(order.indexOf(root.dataset.theme ?? "auto") + 1) % order.length];
  if (next === "auto") {
    delete root.dataset.theme;
    localStorage.removeItem("tradecore-theme");
  } else {
    root.dataset.theme = next;
    localStorage.setItem("tradecore-theme", next);
  }
  changed();
  return next;
}
