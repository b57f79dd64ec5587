// Lines over time: µPlot in the page's colours, as wide as its box.

import uPlot from "/static/vendor/uplot/uplot.js";
import { el } from "./dom.js";
import { NONE } from "./format.js";
import { palette } from "./palette.js";

/** Times of an axis, as fine as its steps. */
function times(_, marks, axis, space, step) {
  const [from, to] = step >= 86_400 ? [5, 10] : step >= 60 ? [11, 16] : [11, 19];
  return marks.map((mark) => new Date(mark * 1000).toISOString().slice(from, to));
}

/** The room that the longest number of an axis takes. */
function wide(_, texts) {
  return 18 + 6.4 * Math.max(4, ...(texts ?? []).map((text) => text.length));
}

/**
 * Series: { label, color (a name of the palette), fill, value(number) -> text }. Data: [seconds UTC, values, ...].
 */
export class Plot {
  constructor(label, series, { name = "mid" } = {}) {
    Object.assign(this, { series, plot: null, data: null });
    this.root = el("div", { class: `chart ${name}`, role: "img", "aria-label": label });
    new ResizeObserver(() => this.#fit()).observe(this.root);
  }

  set(data) {
    this.data = data;
    if (this.plot) this.plot.setData(data);
    else this.#make();
  }

  /** Draw it anew, in the colours of now. */
  restyle() {
    this.plot?.destroy();
    this.plot = null;
    if (this.data) this.#make();
  }

  #size() {
    const { clientWidth: width, clientHeight: height } = this.root;
    return { width, height: height - 28 };
  }

  #fit() {
    if (!this.root.clientWidth) return;
    if (this.plot) this.plot.setSize(this.#size());
    else if (this.data) this.#make();
  }

  #make() {
    if (!this.root.clientWidth) return;
    const colors = palette();
    const axis = { stroke: colors.dim, grid: { stroke: colors.line, width: 1 }, ticks: { stroke: colors.line, width: 1 }, font: "11px system-ui" };
    const lines = this.series.map(({ label, color, fill, value }) => ({
      label,
      stroke: colors[color],
      fill: fill && colors[fill],
      width: 1.5,
      points: { show: false },
      value: (_, number) => (number === null || number === undefined ? NONE : value(number)),
    }));
    const { value } = this.series[0];
    const options = {
      ...this.#size(),
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      series: [{ label: "UTC", value: (_, at) => (at ? new Date(at * 1000).toISOString().slice(11, 19) : NONE) }, ...lines],
      axes: [{ ...axis, size: 32, values: times }, { ...axis, size: wide, values: (_, marks) => marks.map((mark) => (mark === null ? "" : value(mark))) }],
      cursor: { drag: { x: true, y: false } },
    };
    this.plot = new uPlot(options, this.data, this.root);
  }
}
