// The order ticket. What it would cost is asked of the server, which walks the book; live it asks before it sends.

import { idempotencyKey } from "../api.js";
import { isPositive, places } from "../decimals.js";
import { ask } from "../dialogs.js";
import { checkbox, el, facts, field, panel, segments, setClass, setText, stepByKey } from "../dom.js";
import { NONE, decimal, fixed, money, symbolOf } from "../format.js";

export function ticketPanel(app) {
  const terms = { side: "buy", type: "limit" };
  const quantity = el("input", { name: "quantity", inputmode: "decimal", autocomplete: "off", required: true });
  const price = el("input", { name: "price", inputmode: "decimal", autocomplete: "off" });
  const tif = el("select", { name: "time_in_force" }, ...["GTC", "IOC", "FOK"].map((text) => el("option", { text })));
  const postOnly = checkbox("Post only", { name: "post_only" });
  const reduceOnly = checkbox("Reduce only", { name: "reduce_only" });
  const side = segments("Side", [["buy", "Buy", "buy"], ["sell", "Sell", "sell"]], "buy", (value) => change({ side: value }));
  const type = segments("Type", [["limit", "Limit"], ["market", "Market"]], "limit", (value) => change({ type: value }));
  const priceField = field("Price (↑ ↓ a tick)", price);
  const unit = el("span", { class: "dim" });
  const labels = { filled: "Taken at once", average: "Average price", worst: "Worst price", slippage: "Slippage", notional: "Value", fee: "Fee" };
  const { root: cost, figures } = facts(labels, { "aria-label": "Cost by the book" });
  const problem = el("p", { class: "error", role: "alert" });
  const send = el("button", { type: "submit", class: "main", text: "Buy" });
  const form = el(
    "form",
    { class: "form", on: { submit, input: changed }, autocomplete: "off", novalidate: true },
    side.root,
    type.root,
    field("Quantity", quantity),
    priceField,
    el("div", { class: "two" }, field("In force", tif), el("div", {}, postOnly.root, reduceOnly.root)),
    cost,
    problem,
    send,
  );
  const reasons = { order: "", preview: "" };
  let key = null; // of the order as it stands in the form; a second try of the same is the same order
  let asked = 0;
  let timer = 0;
  let isSending = false;
  let of = null; // the instrument the price is of

  price.addEventListener("keydown", (event) => {
    if (stepByKey(event, price, app.spec?.tick_size)) changed();
  });

  function change(given) {
    Object.assign(terms, given);
    changed();
  }

  /** Say why: what came of an order stays until it is another one, whatever the book says meanwhile. */
  function say(reason) {
    Object.assign(reasons, reason);
    setText(problem, reasons.order || reasons.preview);
  }

  function changed() {
    key = null;
    say({ order: "", preview: "" });
    priceField.hidden = postOnly.root.hidden = terms.type === "market";
    tif.disabled = terms.type === "market";
    if (terms.type === "market") postOnly.box.checked = false;
    label();
    clearTimeout(timer);
    timer = setTimeout(preview, 120);
  }

  function label() {
    setText(send, `${terms.side === "buy" ? "Buy" : "Sell"} ${quantity.value || ""} ${app.instrument ? symbolOf(app.instrument) : ""}`.trim());
    setClass(send, `main ${terms.side}`);
    send.disabled = isSending || app.feed.state !== "up" || app.shell.risk !== "active" || !app.instrument;
    setText(unit, app.spec ? `tick ${app.spec.tick_size}, lot ${app.spec.lot_size}` : "");
  }

  function body() {
    const isLimit = terms.type === "limit";
    return {
      symbol: app.instrument,
      side: terms.side,
      type: terms.type,
      quantity: quantity.value.trim(),
      price: isLimit ? price.value.trim() : null,
      ...(isLimit && tif.value !== "GTC" ? { time_in_force: tif.value.toLowerCase() } : {}),
      ...(postOnly.box.checked ? { post_only: true } : {}),
      ...(reduceOnly.box.checked ? { reduce_only: true } : {}),
    };
  }

  const isWhole = (order) => isPositive(order.quantity) && (order.price === null || isPositive(order.price));

  async function preview() {
    const order = body();
    const number = (asked += 1);
    if (!app.instrument || !isWhole(order) || !app.api.may("read") || app.feed.state !== "up") {
      show(null);
      return;
    }
    try {
      const told = await app.api.send("POST", "/orders/preview", order);
      if (number !== asked) return;
      show(told);
      say({ preview: "" });
    } catch (error) {
      if (number !== asked) return;
      show(null);
      say({ preview: error.message });
    }
  }

  function show(told) {
    const isTaken = told && Number(told.filled_quantity) > 0;
    const digits = places(app.spec?.tick_size ?? "0.01");
    const price = (value, more) => decimal(fixed(value, digits + more));
    const nothing = terms.type === "limit" ? "nothing, it rests" : "nothing";
    const left = told?.is_complete ? "" : `, ${Number(told?.left_quantity)} left`;
    const texts = isTaken
      ? {
          filled: `${Number(told.filled_quantity)}${left}`,
          average: price(told.average_price, 2),
          worst: price(told.worst_price, 0),
          slippage: `${fixed(told.slippage_bps, 2)} bps`,
          notional: money(told.notional),
          fee: money(told.fee),
        }
      : { filled: told ? nothing : NONE };
    for (const [name, node] of Object.entries(figures)) setText(node, texts[name] ?? NONE);
  }

  async function confirmed(order) {
    if (app.shell.modeName !== "live") return true;
    const at = order.price === null ? "at market" : `at ${decimal(order.price)}`;
    return ask({
      title: "Send a real order?",
      lines: [`${order.side === "buy" ? "Buy" : "Sell"} ${order.quantity} ${order.symbol} ${at}.`, `By the book it takes at once: ${figures.filled.textContent}.`],
      action: "Send real order",
      isDanger: true,
      isLive: true,
    });
  }

  async function submit(event) {
    event.preventDefault();
    if (isSending) return;
    if (!app.api.may("trade")) {
      app.shell.signIn();
      return;
    }
    const order = body();
    if (!isWhole(order)) {
      say({ order: isPositive(order.quantity) ? "price: a number above zero" : "quantity: a number above zero" });
      return;
    }
    key ??= idempotencyKey();
    const sent = key;
    isSending = true;
    label();
    try {
      if (await confirmed(order)) await carry(order, sent);
    } finally {
      isSending = false;
      label();
    }
  }

  async function carry(order, sent) {
    try {
      const told = await app.api.send("POST", "/orders", order, { "Idempotency-Key": sent });
      app.shell.note(`Order ${told.id}: ${told.side} ${told.quantity_text ?? told.quantity} ${symbolOf(told.symbol)}, ${told.status}`, "good");
      say({ order: "" });
      if (key === sent) key = null;
    } catch (error) {
      const isUnknown = error.status === 0 || error.status >= 500;
      if (!isUnknown && key === sent) key = null;
      const more = isUnknown ? ". It may have been taken: sending it again unchanged does not make a second order" : "";
      say({ order: `${error.field ? `${error.field.replace("body.", "")}: ` : ""}${error.message}${more}` });
      if (error.status === 401 || error.code === "csrf") app.shell.signIn();
    }
  }

  /** Fill in what is given, and let the next key go to it. */
  function begin(given) {
    if (given.side) side.press((terms.side = given.side));
    const isPriced = given.price !== undefined;
    if (given.type ?? isPriced) type.press((terms.type = given.type ?? "limit"));
    if (isPriced) price.value = given.price;
    if (given.quantity !== undefined) quantity.value = given.quantity;
    if (given.reduceOnly !== undefined) reduceOnly.box.checked = given.reduceOnly;
    changed();
    (given.quantity !== undefined ? send : quantity).focus();
  }

  app.ticket = { begin };
  changed();
  return {
    root: panel("Order ticket", form, { tools: [unit], name: "ticket" }),
    every: 1000,
    topics: () => [...app.of("book"), "status"],
    chosen() {
      // What was typed before the first one was there is for it.
      if (of !== null && of !== app.instrument) price.value = "";
      of = app.instrument;
      changed();
    },
    draw() {
      label();
      preview();
    },
  };
}
