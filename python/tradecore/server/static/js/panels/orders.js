// Orders, open ones or all that the page has been told of, each with its cancel; price and quantity change in place.

import { ask } from "../dialogs.js";
import { button, buttons, el, panel, segments, setText, stepByKey } from "../dom.js";
import { NONE, clock, decimal } from "../format.js";
import { INSTRUMENT, SIDE, Table } from "../table.js";

export function ordersPanel(app) {
  let shows = "open";
  let edited = null; // { id, price, quantity }: the order that is being changed, and what was entered
  const choice = segments("Which orders", [["open", "Open"], ["all", "All"]], shows, pick, "segments inline");
  const columns = [
    {
      head: "",
      make: (newest) =>
        buttons(
          button("Cancel", () => cancel(newest().id), { class: "small" }),
          button("Change", () => (edited?.id === newest().id ? send() : begin(newest())), { class: "small" }),
        ),
      renew(node, row) {
        node.hidden = !row.is_open;
        for (const each of node.children) each.disabled = row.status === "pending_cancel";
        setText(node.children[1], edited?.id === row.id ? "Send" : "Change");
      },
    },
    SIDE,
    INSTRUMENT,
    editable("quantity", "Filled / quantity", "lot_size", (row) => `${decimal(row.filled_quantity)} / ${decimal(row.quantity_text ?? row.quantity)}`),
    editable("price", "Price", "tick_size", (row) => (row.type === "market" ? "market" : decimal(row.price_text ?? row.price))),
    { head: "Average", num: true, text: (row) => decimal(row.average_price) },
    { head: "Status", text: (row) => row.status.replaceAll("_", " "), tone: (row) => (row.status === "rejected" ? "down" : "") },
    { head: "Type", text: (row) => row.type },
    { head: "Strategy", text: (row) => row.strategy || NONE },
    { head: "Time (UTC)", text: (row) => clock(row.updated_ns ?? row.created_ns) },
    { head: "Order", num: true, text: (row) => String(row.id), title: (row) => row.client_id ?? "" },
    { head: "Reason", text: (row) => row.reason ?? "", wide: true },
  ];
  const table = new Table(columns, {
    key: (row) => row.id,
    empty: "No orders.",
    rowClass: (row) => (row.is_open ? "open" : "closed"),
    label: "Orders",
    onKey(event, row) {
      if (!row.is_open) return;
      if (event.key === "Delete") cancel(row.id);
      if (event.key === "Escape" && edited?.id === row.id) leave();
      if (event.key.toLowerCase() === "e") {
        event.preventDefault();
        begin(row);
      }
    },
  });

  /** A column whose cells are fields while their order is being changed. */
  function editable(name, head, step, text) {
    const told = (row) => String(row[`${name}_text`] ?? row[name] ?? "");
    return {
      head,
      num: true,
      make(newest) {
        const input = el("input", { name, hidden: true, inputmode: "decimal", autocomplete: "off", size: 10, "aria-label": `New ${name}` });
        input.addEventListener("input", () => (edited[name] = input.value.trim()));
        input.addEventListener("keydown", (event) => pressed(event, input, name, newest().symbol, step));
        return el("span", { class: "edit" }, el("span"), input);
      },
      renew(node, row) {
        const [shown, input] = node.children;
        const isEdited = edited?.id === row.id && row.is_open && told(row) !== "";
        setText(shown, text(row));
        if (input.hidden !== isEdited) return;
        shown.hidden = isEdited;
        input.hidden = !isEdited;
        if (!isEdited) return;
        input.value = told(row);
        if (name === "price" || row.type === "market") input.select();
      },
    };
  }

  function pressed(event, input, name, symbol, step) {
    event.stopPropagation(); // what is written here is no key of the row or the page
    const size = app.instruments.find((spec) => spec.id === symbol)?.[step];
    if (stepByKey(event, input, size)) edited[name] = input.value;
    if (event.key === "Enter") send();
    if (event.key === "Escape") leave();
  }

  function begin(row) {
    edited = { id: row.id };
    app.painter.touch("orders");
  }

  /** Back to the row, so that the keyboard goes on where it was. */
  function leave() {
    const line = table.rows.get(edited?.id);
    edited = null;
    app.painter.touch("orders");
    line?.node.focus();
  }

  async function send() {
    const { id, ...terms } = edited;
    const isMeant =
      app.shell.modeName !== "live" ||
      (await ask({
        title: `Change order ${id}?`,
        lines: [Object.entries(terms).map(([name, value]) => `${name} ${value}`).join(", ") || "Nothing is changed."],
        action: "Change real order",
        isLive: true,
      }));
    if (!isMeant) return;
    if (!Object.keys(terms).length || (await app.shell.attempt(() => app.api.send("PUT", `/orders/${id}`, terms)))) leave();
  }

  function pick(value) {
    shows = value;
    app.painter.touch("orders");
  }

  function cancel(id) {
    return app.shell.attempt(() => app.api.send("DELETE", `/orders/${id}`));
  }

  async function cancelAll() {
    const isMeant = await ask({ title: "Cancel every open order?", lines: ["Also those of strategies, which may send new ones."], action: "Cancel all", isDanger: true });
    if (!isMeant) return;
    await app.shell.attempt(async () => {
      const { requested } = await app.api.send("DELETE", "/orders");
      app.shell.note(`${requested} cancels requested`, "good");
    });
  }

  return {
    root: panel("Orders", table.root, { flush: true, name: "order-list", tools: [choice.root, button("Cancel all", cancelAll, { class: "small danger" })] }),
    every: 70,
    topics: () => ["orders"],
    draw(store) {
      const rows = [...(store.get("orders")?.values() ?? [])].filter((row) => shows === "all" || row.is_open);
      table.update(rows.sort((a, b) => b.id - a.id).slice(0, 150));
    },
  };
}
