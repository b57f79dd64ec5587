// Orders, open ones or all that the page has been told of, each with its cancel.

import { ask } from "../dialogs.js";
import { button, panel, segments } from "../dom.js";
import { NONE, clock, decimal } from "../format.js";
import { INSTRUMENT, SIDE, Table } from "../table.js";

export function ordersPanel(app) {
  let shows = "open";
  const choice = segments("Which orders", [["open", "Open"], ["all", "All"]], shows, pick, "segments inline");
  const columns = [
    {
      head: "",
      make: (newest) => button("Cancel", () => cancel(newest().id), { class: "small" }),
      renew(node, row) {
        node.hidden = !row.is_open;
        node.disabled = row.status === "pending_cancel";
      },
    },
    SIDE,
    INSTRUMENT,
    { head: "Filled / quantity", num: true, text: (row) => `${decimal(row.filled_quantity)} / ${decimal(row.quantity_text ?? row.quantity)}` },
    { head: "Price", num: true, text: (row) => (row.type === "market" ? "market" : decimal(row.price_text ?? row.price)) },
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
    onKey: (event, row) => event.key === "Delete" && row.is_open && cancel(row.id),
  });

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
    every: 90,
    topics: () => ["orders"],
    draw(store) {
      const rows = [...(store.get("orders")?.values() ?? [])].filter((row) => shows === "all" || row.is_open);
      table.update(rows.sort((a, b) => b.id - a.id).slice(0, 150));
    },
  };
}
