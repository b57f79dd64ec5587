// Cumulative depth: how much is to be had up to each price.

import { Canvas, ticks } from "../canvas.js";
import { panel } from "../dom.js";
import { places } from "../decimals.js";
import { decimal } from "../format.js";
import { palette } from "../palette.js";

export function depthPanel(app) {
  const canvas = new Canvas("Cumulative depth of both sides", { name: "low", resized: () => app.painter.touch(`book:${app.instrument}`) });

  function cumulate(levels) {
    let total = 0;
    return levels.map(([price, qty]) => [Number(price), (total += Number(qty))]);
  }

  function area(context, points, x, y, base, stroke, fill) {
    if (!points.length) return;
    const path = new Path2D();
    path.moveTo(x(points[0][0]), base);
    let before = base;
    for (const [price, total] of points) {
      path.lineTo(x(price), before);
      path.lineTo(x(price), (before = y(total)));
    }
    path.lineTo(x(points.at(-1)[0]), base);
    context.fillStyle = fill;
    context.fill(path);
    context.strokeStyle = stroke;
    context.lineWidth = 1.5;
    context.stroke(path);
  }

  return {
    root: panel("Cumulative depth", canvas.root, { flush: true, name: "depth" }),
    isPicture: true,
    every: 180,
    topics: () => app.of("book"),
    draw(store) {
      const sheet = canvas.begin();
      const book = store.get(`book:${app.instrument}`);
      if (!sheet || !book) return;
      const { context, width, height } = sheet;
      const [bids, asks] = [cumulate(book.bids), cumulate(book.asks)];
      const prices = [...bids, ...asks].map(([price]) => price);
      if (!prices.length) return;
      const [low, high] = [Math.min(...prices), Math.max(...prices)];
      const most = Math.max(bids.at(-1)?.[1] ?? 0, asks.at(-1)?.[1] ?? 0);
      const [base, colors] = [height - 18, palette()];
      const x = (price) => 6 + ((price - low) / (high - low || 1)) * (width - 12);
      const y = (total) => base - (total / most) * (base - 10);
      area(context, bids, x, y, base, colors.up, colors.upFill);
      area(context, asks, x, y, base, colors.down, colors.downFill);
      context.fillStyle = colors.dim;
      const digits = places(app.spec?.tick_size ?? "0");
      context.textAlign = "center";
      for (const price of ticks(low, high, Math.max(2, Math.floor(width / 110)))) {
        const at = x(price);
        if (at > 30 && at < width - 30) context.fillText(decimal(price.toFixed(digits)), at, height - 5);
      }
      for (const total of ticks(0, most, 3).slice(1)) context.fillText(decimal(String(Number(total.toPrecision(6)))), width / 2, y(total));
    },
  };
}
