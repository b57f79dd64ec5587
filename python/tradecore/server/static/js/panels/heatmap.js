// What stood in the book at each price over the last minutes, own orders in it, as this page has seen it.
//
// The colours are kept in a picture of one pixel a quarter of a second and price step, written as a ring: a new book
// costs one column of it, and drawing it is two copies.

import { Canvas, ticks } from "../canvas.js";
import { el, panel } from "../dom.js";
import { places } from "../decimals.js";
import { decimal } from "../format.js";
import { palette } from "../palette.js";

const COLUMN_MS = 250;
const COLUMNS = 480;
const ROWS = 160;
const AXIS = 68;
const ROOM = 1.7; // of the levels of a book, for it to move in

export function heatmapPanel(app) {
  const canvas = new Canvas("Heat map of the order book", { resized: () => app.painter.touch(`book:${app.instrument}`) });
  const picture = el("canvas", { width: COLUMNS, height: ROWS });
  const paint = picture.getContext("2d");
  let columns = new Map(); // number of the quarter second -> book
  let newest = -1;
  let scale = null; // of prices: { low, step, rows }

  function forget() {
    columns = new Map();
    newest = -1;
    scale = null;
  }

  /** A scale of price steps that holds all levels with room to move. */
  function scaleOf(book) {
    const prices = [...book.bids, ...book.asks].map(([price]) => price);
    const [low, high] = [Math.min(...prices), Math.max(...prices)];
    const tick = Number(app.spec?.tick_size ?? 0) || (high - low) / ROWS || 1;
    const step = Math.max(1, Math.ceil(((high - low) * ROOM) / ROWS / tick)) * tick;
    const rows = Math.min(ROWS, Math.ceil(((high - low) * ROOM) / step) + 2);
    const lowest = Math.round((low + high) / 2 / step) - (rows >> 1);
    return { low: lowest * step, step, rows };
  }

  function isOutside(book) {
    const height = scale.rows * scale.step;
    const touch = [book.bids[0]?.[0], book.asks[0]?.[0]].filter((price) => price !== undefined);
    return touch.some((price) => price < scale.low + height * 0.2 || price > scale.low + height * 0.8);
  }

  function column(number) {
    const book = columns.get(number);
    const { heat } = palette();
    const at = number % COLUMNS;
    paint.fillStyle = heat[0];
    paint.fillRect(at, 0, 1, ROWS);
    if (!book?.isSynced) return;
    const sums = new Float64Array(ROWS);
    for (const [price, qty] of [...book.bids, ...book.asks]) {
      const row = Math.floor((price - scale.low) / scale.step + 1e-6);
      if (row >= 0 && row < scale.rows) sums[row] += qty;
    }
    sums.forEach((qty, row) => {
      if (!qty) return;
      const warmth = Math.min(63, Math.max(6, Math.round((63 * Math.log1p(qty / book.typical)) / Math.log1p(12))));
      paint.fillStyle = heat[warmth];
      paint.fillRect(at, ROWS - 1 - row, 1, 1);
    });
  }

  function repaint() {
    for (let number = newest - COLUMNS + 1; number <= newest; number++) if (number >= 0) column(number);
  }

  function take(book, nowMs) {
    const pairs = (levels) => levels.map(([price, qty]) => [Number(price), Number(qty)]);
    const seen = { bids: pairs(book.bids), asks: pairs(book.asks), isSynced: book.state === "synced" };
    const qtys = [...seen.bids, ...seen.asks].map(([, qty]) => qty).sort((a, b) => a - b);
    seen.typical = qtys[qtys.length >> 1] || 1;
    seen.own = book.orders.filter(({ price }) => price !== null).map(({ price }) => Number(price));
    const number = Math.floor(nowMs / COLUMN_MS);
    const first = newest < 0 ? number : Math.max(newest + 1, number - COLUMNS + 1);
    const before = columns.get(newest);
    for (let each = first; each < number; each++) columns.set(each, before); // it stood so until now
    columns.set(number, seen);
    for (const each of columns.keys()) {
      if (each > number - COLUMNS) break;
      columns.delete(each);
    }
    const wasNewest = newest;
    newest = number;
    if (!seen.isSynced || !qtys.length) return;
    if (!scale || isOutside(seen)) {
      scale = scaleOf(seen);
      repaint();
    } else {
      for (let each = Math.max(wasNewest, number - COLUMNS + 1); each <= number; each++) column(each);
    }
  }

  function overlay(context, x, y, height, width) {
    const colors = palette();
    const wide = Math.max(1.5, width / COLUMNS);
    const lines = { up: new Path2D(), down: new Path2D(), own: new Path2D() };
    for (const [number, book] of columns) {
      if (!book?.isSynced) continue;
      const at = x(number);
      if (book.bids.length) lines.up.rect(at, y(book.bids[0][0]) - 1, wide, 1.5);
      if (book.asks.length) lines.down.rect(at, y(book.asks[0][0]) - 1, wide, 1.5);
      for (const price of book.own) {
        const level = y(price);
        if (level > 0 && level < height) lines.own.rect(at, level - 1.5, wide, 3);
      }
    }
    for (const [name, line] of Object.entries(lines)) {
      context.fillStyle = colors[name];
      context.fill(line);
    }
  }

  function labels(context, y, width, height) {
    const colors = palette();
    context.fillStyle = colors.dim;
    context.textAlign = "left";
    const digits = places(app.spec?.tick_size ?? "0");
    const high = scale.low + scale.rows * scale.step;
    for (const price of ticks(scale.low, high, 6)) {
      const level = y(price);
      if (level > 8 && level < height - 4) context.fillText(decimal(price.toFixed(digits)), width + 5, level + 3);
    }
    const seconds = (COLUMNS * COLUMN_MS) / 1000;
    for (const ago of [seconds, (seconds * 2) / 3, seconds / 3, 0]) {
      context.textAlign = ago === seconds ? "left" : ago ? "center" : "right";
      context.fillText(ago ? `-${ago} s` : "now", width * (1 - ago / seconds), height + 13);
    }
  }

  return {
    root: panel("Book over time", canvas.root, {
      flush: true,
      name: "heatmap",
      tools: [el("span", { class: "legend" }, el("span", { class: "key up", text: "bid" }), el("span", { class: "key down", text: "ask" }), el("span", { class: "key own", text: "own orders" }))],
    }),
    isPicture: true,
    every: COLUMN_MS,
    topics: () => app.of("book"),
    chosen: forget,
    shown: forget,
    restyle: () => scale && repaint(),
    /** Keep a book, also while nobody sees the picture. */
    keep(store) {
      const book = store.get(`book:${app.instrument}`);
      if (book) take(book, Date.now());
    },
    draw() {
      const sheet = canvas.begin();
      if (!sheet || !scale) return;
      const { context, width: all, height: whole } = sheet;
      const [width, height] = [all - AXIS, whole - 18];
      const oldest = newest - COLUMNS + 1;
      const x = (number) => ((number - oldest) / COLUMNS) * width;
      const { low, step, rows } = scale;
      const y = (price) => height - ((price - low) / step + 0.5) * (height / rows);
      const cut = (newest + 1) % COLUMNS; // the oldest column of the ring
      const left = ((COLUMNS - cut) / COLUMNS) * width;
      context.imageSmoothingEnabled = false;
      context.drawImage(picture, cut, ROWS - rows, COLUMNS - cut, rows, 0, 0, left, height);
      if (cut > 0) context.drawImage(picture, 0, ROWS - rows, cut, rows, left, 0, width - left, height);
      overlay(context, x, y, height, width);
      labels(context, y, width, height);
    },
  };
}
