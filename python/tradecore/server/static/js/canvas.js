// A canvas that keeps the size of its box, in the pixels of the screen.

import { el } from "./dom.js";

export class Canvas {
  /** `resized` is called when what was drawn is gone. */
  constructor(label, { name = "", resized = () => {} } = {}) {
    this.node = el("canvas", { class: "whole", role: "img", "aria-label": label });
    this.root = el("div", { class: `chart ${name}` }, this.node);
    this.context = this.node.getContext("2d");
    this.size = null;
    // To ask an element for its size while a page is drawn has all of it laid out first.
    const observer = new ResizeObserver(([{ contentRect }]) => {
      this.size = contentRect;
      resized();
    });
    observer.observe(this.root);
  }

  /** Clear it and return { context, width, height } in CSS pixels; null while it is not shown. */
  begin() {
    const { width, height } = this.size ?? {};
    if (!width || !height) return null;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.node.width !== across || this.node.height !== down) Object.assign(this.node, { width: across, height: down });
    const { context } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = "11px system-ui, 'DejaVu Sans', sans-serif";
    return { context, width, height };
  }
}

/** Steps of 1, 2 or 5 between two values, about `count` of them. */
export function ticks(low, high, count) {
  const rough = (high - low) / count;
  if (!(rough > 0)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) found.push(value);
  return found;
}
