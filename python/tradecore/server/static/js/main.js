// Puts the page together: one store, one feed, one painter, the pages, the keys.

import { Api } from "./api.js";
import { Feed } from "./feed.js";
import { keys } from "./keys.js";
import { Painter } from "./painter.js";
import { onTheme } from "./palette.js";
import { Shell } from "./shell.js";
import { Store } from "./store.js";
import { backtestsPage } from "./pages/backtests.js";
import { eventsPage } from "./pages/events.js";
import { healthPage } from "./pages/health.js";
import { peoplePage } from "./pages/people.js";
import { portfolioPage } from "./pages/portfolio.js";
import { riskPage } from "./pages/risk.js";
import { strategiesPage } from "./pages/strategies.js";
import { tradePage } from "./pages/trade.js";

class App {
  constructor() {
    this.store = new Store();
    this.painter = new Painter(this.store);
    this.api = new Api();
    this.instruments = [];
    this.instrument = null;
    this.shell = new Shell(this);
    this.feed = new Feed({
      onMessage: (message) => this.#take(message),
      onState: (state, reason) => this.#state(state, reason),
      onHello: (hello) => this.#hello(hello),
    });
    this.api.onDenied = () => this.shell.signIn();
  }

  start() {
    const makers = [tradePage, portfolioPage, strategiesPage, riskPage, healthPage, backtestsPage, eventsPage, peoplePage];
    this.pages = makers.map((make) => make(this));
    this.shell.listPages(this.pages);
    addEventListener("hashchange", () => this.showPage());
    onTheme(() => {
      for (const page of this.pages) for (const panel of page.panels) panel.restyle?.();
      this.painter.touchAll();
    });
    keys(this);
    this.#useToken().finally(() => {
      this.showPage();
      this.feed.connect();
    });
  }

  /** Sign in with the token of an address such as `/#token=...`, which browsers do not send, and forget it. */
  async #useToken() {
    const token = new URLSearchParams(location.hash.slice(1)).get("token");
    if (token === null) return;
    history.replaceState(null, "", location.pathname);
    await this.shell.attempt(() => this.api.login({ token }));
  }

  /** Choose the instrument that books, charts and the ticket are of. */
  choose(instrument) {
    if (instrument === this.instrument) return;
    this.instrument = instrument;
    for (const page of this.pages) for (const panel of page.panels) panel.chosen?.(instrument);
    this.renewTopics();
  }

  /** The specification of the chosen instrument; undefined before it is known. */
  get spec() {
    return this.instruments.find((spec) => spec.id === this.instrument);
  }

  /** The topic of a kind that is of the chosen instrument; none before one is chosen. */
  of(kind, ...more) {
    return this.instrument === null ? [] : [[kind, this.instrument, ...more].join(":")];
  }

  /** Go to the ticket and fill in what is given. */
  fillTicket(given) {
    location.hash = this.pages[0].id;
    this.showPage();
    this.ticket.begin(given);
  }

  showPage() {
    const page = this.pages.find(({ id }) => `#${id}` === location.hash) ?? this.pages[0];
    if (page === this.page) return;
    this.page = page;
    document.querySelector("#main").replaceChildren(page.root);
    this.shell.showPage(page);
    this.renewTopics();
    for (const panel of page.panels) panel.shown?.();
  }

  /** Ask for what the shown page reads, and draw it. */
  renewTopics() {
    this.painter.show([this.shell, ...this.page.panels]);
    for (const topic of this.feed.want(this.painter.topics())) this.store.drop(topic);
  }

  #take(message) {
    if (message.kind === "error") {
      this.shell.note(message.data.error, "bad");
      return;
    }
    this.store.apply(message);
    this.painter.touch(message.topic);
  }

  #state(state, reason) {
    this.shell.connection(state, reason);
    this.painter.touchAll();
  }

  async #hello(hello) {
    this.shell.hello(hello);
    try {
      await this.api.refreshMe();
      this.shell.renewUser();
      for (const panel of this.page.panels) panel.signed?.();
      this.instruments = await this.api.get("/instruments");
      if (!this.spec && this.instruments.length) this.choose(this.instruments[0].id);
      this.painter.touchAll();
    } catch (error) {
      this.shell.note(error.message, "bad");
    }
  }
}

const app = new App();
app.start();
// For a look from the console, and for tests: what has arrived and what drawing it took.
Object.defineProperty(window, "tradecore", {
  value: { get received() { return app.feed.received; }, get drawn() { return app.painter.drawn; }, get spentMs() { return app.painter.spentMs; } },
});
