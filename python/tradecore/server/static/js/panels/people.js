// Users of the server, for who may manage them, and the sessions there are journals of. Both are asked for when shown.

import { ask, secret } from "../dialogs.js";
import { button, buttons, el, field, panel } from "../dom.js";
import { clock, day } from "../format.js";
import { Table } from "../table.js";

export function usersPanel(app) {
  const name = el("input", { name: "user", maxlength: 32, autocomplete: "off", required: true });
  const role = el("select", { name: "role" }, ...["read", "trade", "admin"].map((each) => el("option", { value: each, text: each })));
  const form = el(
    "form",
    { class: "form inline", on: { submit: add } },
    field("Name", name),
    field("Role", role),
    el("button", { type: "submit", class: "main", text: "Add a user" }),
  );
  const columns = [
    {
      head: "",
      make: (newest) =>
        buttons(
          button("New token", () => token(newest().name), { class: "small" }),
          button("Remove", () => remove(newest().name), { class: "small danger" }),
        ),
    },
    { head: "Name", text: (row) => row.name },
    { head: "Role", text: (row) => row.role },
    { head: "Password", text: (row) => (row.has_password ? "yes" : "no") },
    { head: "Since (UTC)", text: (row) => day(row.added_ns) },
  ];
  const table = new Table(columns, { key: (row) => row.name, empty: "No users.", label: "Users" });
  const hint = el("p", { class: "empty", text: "Users are shown to administrators." });

  async function renew() {
    const may = app.api.may("admin");
    for (const each of [form, table.root]) each.hidden = !may;
    hint.hidden = may;
    if (may) await app.shell.attempt(async () => table.update(await app.api.get("/users")));
  }

  async function add(event) {
    event.preventDefault();
    await app.shell.attempt(async () => {
      const made = await app.api.send("POST", "/users", { name: name.value.trim(), role: role.value });
      name.value = "";
      secret(`Token of ${made.name}`, made.token);
    });
    await renew();
  }

  function token(of) {
    return app.shell.attempt(async () => secret(`Token of ${of}`, (await app.api.send("POST", "/tokens", { name: of })).token));
  }

  async function remove(of) {
    if (!(await ask({ title: `Remove ${of}?`, lines: ["All tokens of this user end at once."], action: "Remove", isDanger: true }))) return;
    await app.shell.attempt(() => app.api.send("DELETE", `/users/${encodeURIComponent(of)}`));
    await renew();
  }

  return { root: panel("Users", el("div", {}, hint, form, table.root), { flush: true, name: "w6" }), topics: () => [], draw() {}, shown: renew, signed: renew };
}

export function sessionsPanel(app) {
  const columns = [
    { head: "Session", text: (row) => row.session, tone: (row) => (row.is_current ? "up" : "") },
    { head: "Mode", text: (row) => row.mode },
    { head: "Written (UTC)", text: (row) => `${day(row.written_ns)} ${clock(row.written_ns)}` },
    { head: "", text: (row) => (row.is_current ? "this one" : "") },
  ];
  const table = new Table(columns, { key: (row) => row.session, empty: "No journals.", label: "Sessions" });
  return {
    root: panel("Sessions", table.root, { flush: true, name: "w6" }),
    topics: () => [],
    draw() {},
    shown: () => app.shell.attempt(async () => table.update(await app.api.get("/sessions"))),
  };
}
