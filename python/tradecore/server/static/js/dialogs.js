// Questions and forms above the page. Escape and the first button leave everything as it was.

import { button, buttons, el, field } from "./dom.js";

function open(dialog) {
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  return dialog;
}

/** Ask before something is done; resolves to what was entered (or true), null if it is not to be. */
export function ask({ title, lines = [], action, isDanger = false, isLive = false, reason = false }) {
  return new Promise((resolve) => {
    const entered = reason ? el("input", { maxlength: 200, placeholder: "optional" }) : null;
    const dialog = el("dialog", { class: isLive ? "live" : "", "aria-label": title });
    const form = el(
      "form",
      { method: "dialog" },
      el("h2", { text: title }),
      ...lines.map((text) => el("p", { text })),
      entered && field("Reason", entered),
      buttons(
        button("Back", () => dialog.close(), { autofocus: true }),
        el("button", { type: "submit", value: "yes", text: action, class: isDanger ? "danger solid" : "main", data: { confirm: "" } }),
      ),
    );
    dialog.append(form);
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes" ? (entered ? { reason: entered.value } : true) : null));
    open(dialog);
  });
}

/** The form to sign in. `submit` takes { token } or { user, password } and throws what is wrong. */
export function signIn(submit) {
  if (document.querySelector("dialog.signin")) return;
  const token = el("input", { type: "password", name: "token", autocomplete: "off", autofocus: true });
  const user = el("input", { name: "user", autocomplete: "username" });
  const password = el("input", { type: "password", name: "password", autocomplete: "current-password" });
  const problem = el("p", { class: "error", role: "alert" });
  const dialog = el("dialog", { class: "signin", "aria-label": "Sign in" });
  const send = async (event) => {
    event.preventDefault();
    problem.textContent = "";
    try {
      await submit(token.value ? { token: token.value } : { user: user.value, password: password.value });
      dialog.close();
    } catch (error) {
      problem.textContent = `Not signed in: ${error.message}`;
      token.select();
    }
  };
  dialog.append(
    el(
      "form",
      { class: "form", on: { submit: send } },
      el("h2", { text: "Sign in" }),
      field("Token", token),
      el("p", { class: "dim", text: "or a user of this server" }),
      field("User", user),
      field("Password", password),
      problem,
      buttons(button("Back", () => dialog.close()), el("button", { type: "submit", class: "main", text: "Sign in" })),
    ),
  );
  open(dialog);
}

/** Show a text that is told this once. */
export function secret(title, text) {
  const shown = el("input", { readonly: true, "aria-label": title, value: text, autofocus: true, on: { focus: (event) => event.target.select() } });
  const dialog = el(
    "dialog",
    { "aria-label": title },
    el("h2", { text: title }),
    el("p", { text: "It is shown this once; nobody can read it again." }),
    shown,
    buttons(button("Close", () => dialog.close())),
  );
  open(dialog);
}

const KEYS = [
  ["1 … 8", "pages"],
  ["[ ]", "instrument before, after"],
  ["B, S", "ticket: buy, sell"],
  ["↑ ↓", "in a price: a tick up, down; in a list: other rows"],
  ["Enter", "in the ticket: send it"],
  ["Delete", "on an order: cancel it"],
  ["E", "on an order: change it; Enter sends, Escape leaves it, ↑ ↓ by a step"],
  ["K", "kill switch, asks first"],
  ["T", "theme: as the system, dark, light"],
  ["?", "this help"],
];

export function help() {
  const dialog = el("dialog", { class: "help", "aria-label": "Keys and sources" });
  const keys = KEYS.map(([key, what]) => el("tr", {}, el("td", {}, el("kbd", { text: key })), el("td", { class: "text", text: what })));
  const link = (href, text) => el("a", { href, text, target: "_blank", rel: "noopener noreferrer" });
  dialog.append(
    el("h2", { text: "Keys" }),
    el("table", {}, el("tbody", {}, ...keys)),
    el("h3", { text: "Charts" }),
    el(
      "p",
      { class: "dim" },
      "TradingView Lightweight Charts™, Copyright (c) 2026 TradingView, Inc. ",
      link("https://www.tradingview.com/", "tradingview.com"),
      "; µPlot, Copyright (c) 2022 Leon Sorokin. Times are UTC.",
    ),
    buttons(button("Close", () => dialog.close(), { autofocus: true })),
  );
  open(dialog);
}
