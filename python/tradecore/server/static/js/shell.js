// What surrounds every page: mode, connection, kill switch, alerts, navigation.

import { ask, help, signIn } from "./dialogs.js";
import { button, el, setText } from "./dom.js";
import { clock, decimal, symbolOf } from "./format.js";
import { nextTheme } from "./palette.js";

export class Shell {
  constructor(app) {
    this.app = app;
    this.mode = el("span", { class: "mode", text: "…" });
    this.link = el("span", { class: "link", role: "status", text: "connecting" });
    this.session = el("span", { class: "dim wide" });
    this.time = el("span", { class: "dim wide", title: "the engine's time" });
    this.user = button("Sign in", () => this.#user());
    this.theme = button("Theme", () => this.toggleTheme(), { class: "wide", title: "T" });
    this.help = button("?", help, { title: "keys", "aria-label": "Keys", class: "wide" });
    this.kill = button("Kill", () => this.killSwitch(), { class: "danger solid", title: "K", data: { act: "kill" } });
    this.offline = el("p", { class: "offline", hidden: true });
    this.state = el("p", { hidden: true });
    this.notes = el("div", { id: "notes" });
    this.every = 200;
    this.entitled = 0;
    document.querySelector("#top").append(
      el("span", { class: "brand", text: "tradecore" }),
      this.mode,
      this.link,
      this.session,
      this.time,
      el("span", { class: "space" }),
      this.theme,
      this.help,
      this.user,
      this.kill,
    );
    document.querySelector("#alerts").append(this.offline, this.state, this.notes);
    this.nav = document.querySelector("#nav");
    this.risk = "active";
  }

  listPages(pages) {
    this.nav.append(...pages.map((page, index) => el("a", { href: `#${page.id}`, text: page.title, title: `${index + 1}` })));
  }

  showPage(page) {
    for (const link of this.nav.children) {
      if (link.hash === `#${page.id}`) {
        link.setAttribute("aria-current", "page");
        link.scrollIntoView({ inline: "nearest", block: "nearest" });
      } else {
        link.removeAttribute("aria-current");
      }
    }
  }

  hello({ session, mode, is_sandbox: isSandbox }) {
    this.modeName = mode === "live" && !isSandbox ? "live" : isSandbox ? "sandbox" : "paper";
    document.body.dataset.mode = this.modeName;
    setText(this.mode, this.modeName.toUpperCase());
    const orders = { live: "orders are real", sandbox: "a local market, no venue is reached", paper: "real data, simulated fills" };
    this.mode.title = mode === "paper" && isSandbox ? "a local market, simulated fills" : orders[this.modeName];
    setText(this.session, `session ${session}`);
  }

  connection(state, reason) {
    const isUp = state === "up";
    this.link.dataset.link = isUp ? "up" : "down";
    setText(this.link, isUp ? "connected" : state === "denied" ? "signed out" : "disconnected");
    if (isUp) this.since = null;
    else this.since ??= new Date().toISOString().slice(11, 19);
    document.body.classList.toggle("offline", !isUp);
    this.offline.hidden = isUp;
    const what = state === "denied" ? "Signed out" : `Disconnected since ${this.since} UTC, trying again`;
    setText(this.offline, `${what}: ${reason || "no answer"}. What is shown below is old.`);
    if (state === "denied") this.signIn();
  }

  /** A panel of the painter: what the engine says of itself. */
  topics() {
    return ["status", "prices"];
  }

  draw(store) {
    const status = store.get("status");
    if (status) {
      setText(this.time, `${clock(status.now_ns).slice(0, 8)} UTC`);
      this.#risk(status.risk_state);
    }
    const price = store.get("prices")?.[this.app.instrument];
    if (price) {
      this.#entitle(price);
    }
  }

  /** Name the window, once a second: that goes through the whole browser. */
  #entitle(price) {
    const now = performance.now();
    if (now < this.entitled) return;
    this.entitled = now + 1000;
    const lead = this.modeName === "live" ? "LIVE · " : "";
    document.title = `${lead}${symbolOf(this.app.instrument)} ${decimal(price.mid ?? price.last)} · tradecore`;
  }

  #risk(state) {
    this.risk = state;
    const texts = {
      killed: "Kill switch is on: orders are cancelled, positions closed, nothing else is accepted. Re-arm on the Risk page.",
      paused: "Trading is paused: resting orders stay, nothing but cancels is accepted.",
    };
    this.state.hidden = !(state in texts);
    this.state.className = state;
    setText(this.state, texts[state] ?? "");
    this.kill.disabled = state === "killed";
  }

  renewUser() {
    const { me } = this.app.api;
    setText(this.user, me.user ?? (this.app.api.may("trade") ? "Sign out" : "Sign in"));
    this.user.title = `role: ${me.role}`;
    document.body.dataset.role = me.role;
  }

  async #user() {
    const { api } = this.app;
    if (!api.may("trade") && !api.me.user) {
      this.signIn();
      return;
    }
    if (!(await ask({ title: `Sign out ${api.me.user ?? ""}?`, lines: [`Role: ${api.me.role}`], action: "Sign out" }))) return;
    await this.attempt(async () => {
      await api.logout();
      this.renewUser();
      this.app.feed.reconnect();
    });
  }

  signIn() {
    signIn(async (credentials) => {
      await this.app.api.login(credentials);
      this.renewUser();
      this.app.feed.reconnect();
      this.app.painter.touchAll();
    });
  }

  async killSwitch() {
    const told = await ask({
      title: "Kill switch",
      lines: ["Every order is cancelled, every position is closed, and nothing but cancels is accepted until somebody re-arms."],
      action: "Kill",
      isDanger: true,
      isLive: this.modeName === "live",
      reason: true,
    });
    if (told) await this.attempt(() => this.app.api.send("POST", "/risk/kill", told.reason ? told : {}), "kill switch is on");
  }

  toggleTheme() {
    this.note(`Theme: ${nextTheme()}`, "good");
  }

  /** Do something that the server may refuse; say what came of it. True if it was done. */
  async attempt(work, done = "") {
    try {
      await work();
      if (done) this.note(done, "good");
      return true;
    } catch (error) {
      this.note(error.message, "bad");
      if (error.status === 401 || (error.status === 403 && !this.app.api.may("trade"))) this.signIn();
      return false;
    }
  }

  note(text, kind) {
    const line = el("p", { class: `note ${kind}` }, el("span", { text }));
    line.append(button("×", () => line.remove(), { class: "plain", "aria-label": "Dismiss" }));
    this.notes.prepend(line);
    while (this.notes.children.length > 4) this.notes.lastChild.remove();
    setTimeout(() => line.remove(), kind === "bad" ? 15_000 : 4_000);
  }
}
