// Candles with volume, and own fills on them.

import { CandlestickSeries, HistogramSeries, createChart, createSeriesMarkers } from "/static/vendor/lightweight-charts/lightweight-charts.js";
import { el, panel, segments } from "../dom.js";
import { places } from "../decimals.js";
import { palette } from "../palette.js";

const INTERVALS = { "1s": 1, "5s": 5, "1m": 60, "5m": 300, "15m": 900, "1h": 3600 };

export function candlesPanel(app) {
  const box = el("div", { class: "chart", role: "img", "aria-label": "Candles and own fills" });
  let interval = "1m";
  let chart = null;
  let shown = null; // the Map of bars that is drawn: a snapshot brings another
  let last = -1;
  let newest = null;
  let markers = "";
  const choice = segments("Interval", Object.keys(INTERVALS).map((name) => [name, name]), interval, pick, "segments inline");

  function pick(name) {
    interval = name;
    app.renewTopics();
  }

  function make() {
    const root = createChart(box, { autoSize: true, layout: { attributionLogo: false }, timeScale: { timeVisible: true, secondsVisible: true, rightOffset: 3 } });
    const candles = root.addSeries(CandlestickSeries);
    const volume = root.addSeries(HistogramSeries, { priceScaleId: "", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    chart = { root, candles, volume, marks: createSeriesMarkers(candles, []) };
    style();
  }

  function style() {
    const colors = palette();
    const { root, candles } = chart;
    root.applyOptions({
      layout: { background: { color: colors.panel }, textColor: colors.dim, fontSize: 11 },
      grid: { vertLines: { color: colors.line }, horzLines: { color: colors.line } },
      rightPriceScale: { borderColor: colors.line },
      timeScale: { borderColor: colors.line },
      crosshair: { mode: 0 },
    });
    const pair = { upColor: colors.up, downColor: colors.down };
    candles.applyOptions({ ...pair, borderVisible: false, wickUpColor: colors.up, wickDownColor: colors.down });
    shown = null;
  }

  const candle = ([ns, open, high, low, close]) => ({ time: Math.floor(ns / 1e9), open, high, low, close });
  const volume = ([ns, open, , , close, value]) => ({ time: Math.floor(ns / 1e9), value, color: close >= open ? palette().upFill : palette().downFill });

  function renew(bars) {
    if (bars !== shown) {
      const rows = [...bars.values()].sort((a, b) => a[0] - b[0]);
      const step = app.spec?.tick_size ?? "0.01";
      chart.candles.applyOptions({ priceFormat: { type: "price", precision: places(step), minMove: Number(step) } });
      chart.candles.setData(rows.map(candle));
      chart.volume.setData(rows.map(volume));
      shown = bars;
      last = rows.at(-1)?.[0] ?? -1;
      markers = "";
      return;
    }
    const newer = [...bars.values()].filter((bar) => bar[0] >= last && bar !== newest);
    for (const bar of newer) {
      newest = bar;
      chart.candles.update(candle(bar));
      chart.volume.update(volume(bar));
      last = bar[0];
    }
  }

  function mark(fills) {
    const own = fills.filter((fill) => fill.symbol === app.instrument);
    const state = `${own.at(-1)?.id}/${own.length}/${interval}/${app.instrument}`;
    if (state === markers) return;
    markers = state;
    const colors = palette();
    const seconds = INTERVALS[interval];
    const sums = new Map(); // of a bar and a side: a market maker has hundreds of fills in a bar
    for (const { at_ns: at, side, quantity } of own) {
      const time = Math.floor(at / 1e9 / seconds) * seconds;
      const sum = sums.get(`${time}/${side}`) ?? { time, side, quantity: 0 };
      sum.quantity += Number(quantity);
      sums.set(`${time}/${side}`, sum);
    }
    const digits = places(app.spec?.lot_size ?? own[0]?.quantity ?? "0");
    chart.marks.setMarkers(
      [...sums.values()].map(({ time, side, quantity }) => ({
        time,
        position: side === "buy" ? "belowBar" : "aboveBar",
        shape: side === "buy" ? "arrowUp" : "arrowDown",
        color: side === "buy" ? colors.up : colors.down,
        text: sums.size > 40 ? "" : String(Number(quantity.toFixed(digits))),
      })),
    );
  }

  return {
    root: panel("Candles and own fills", box, { flush: true, tools: [choice.root], name: "candles" }),
    isPicture: true,
    asksFrame: true,
    every: 450, // a chart costs as much as all else together
    topics: () => [...app.of("bars", interval), "fills"],
    restyle: () => chart && style(),
    draw(store) {
      if (!chart) make();
      const bars = store.get(`bars:${app.instrument}:${interval}`);
      if (!bars) return;
      renew(bars);
      mark([...(store.get("fills")?.values() ?? [])]);
    },
  };
}
