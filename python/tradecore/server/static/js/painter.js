// Draws what has changed, once a frame at most, and only what is on the page that is shown: what is out of sight once a
// second, as for readers of screens and for searching, and pictures there not at all.
// A frame costs the browser more than what is drawn in it, so there are a dozen a second at most. What takes longer than
// a frame's share is left to the next one, so that a slow machine draws less and never stands. That share is a frame's
// own cost, by what the last ones took, or a slow machine would do little but frames.

const LEAST_MS = 80;
const SHARE_MS = 6;
const MOST_SHARE_MS = 24;
const UNSEEN_MS = 1000;

export class Painter {
  constructor(store) {
    this.store = store;
    this.panels = [];
    this.byTopic = new Map();
    this.frame = 0;
    this.timer = 0;
    this.timerAt = 0;
    this.last = -Infinity;
    this.drawn = 0;
    this.spentMs = 0;
    this.costMs = 0; // of a frame beside what is drawn in it
    this.sight = new IntersectionObserver((entries) => this.#seen(entries), { rootMargin: "100px" });
  }

  /**
   * Show these panels: objects with `topics()`, `draw(store)` and `every`, the least ms between two drawings; those with
   * `isPicture` are drawn while their `root` is in sight, and those with `keep(store)` are told what came meanwhile.
   * What those with `asksFrame` draw is drawn by frames of their own: they are called ahead, so that these are ours as well.
   */
  show(panels) {
    this.panels = panels.map((panel) => ({ panel, isDirty: true, isSeen: !panel.isPicture, at: -Infinity }));
    this.byTopic.clear();
    this.sight.disconnect();
    for (const { root } of panels) if (root) this.sight.observe(root);
    for (const entry of this.panels) {
      for (const topic of entry.panel.topics()) {
        if (!this.byTopic.has(topic)) this.byTopic.set(topic, []);
        this.byTopic.get(topic).push(entry);
      }
    }
    this.#askNow();
  }

  topics() {
    return this.byTopic.keys();
  }

  touch(topic) {
    for (const entry of this.byTopic.get(topic) ?? []) entry.isDirty = true;
    this.#ask();
  }

  touchAll() {
    for (const entry of this.panels) entry.isDirty = true;
    this.#askNow();
  }

  #seen(changes) {
    for (const { target, isIntersecting } of changes) {
      for (const entry of this.panels) {
        if (entry.panel.root !== target) continue;
        entry.isDirty ||= isIntersecting && !entry.isSeen;
        entry.isSeen = isIntersecting;
      }
    }
    this.#askNow();
  }

  #ask(due = 0) {
    const at = Math.max(due, this.last + LEAST_MS);
    if (this.frame || (this.timer && this.timerAt <= at)) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(() => this.#askNow(), at - performance.now());
  }

  #askNow() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.frame) return;
    const now = performance.now();
    for (const entry of this.panels) {
      if (entry.panel.asksFrame && entry.isSeen && entry.isDirty && now - entry.at >= entry.panel.every) this.#draw(entry, now);
    }
    this.frame = requestAnimationFrame((at) => this.#paint(at));
  }

  #draw(entry, now) {
    const { panel } = entry;
    entry.isDirty = false;
    entry.at = now;
    panel.keep?.(this.store);
    const isDrawn = entry.isSeen || !panel.isPicture;
    if (isDrawn) panel.draw(this.store);
    return isDrawn;
  }

  /** Note what a frame takes until the browser comes to something else. */
  #weigh(ended) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => (this.costMs += (performance.now() - ended - this.costMs) / 8);
    port2.postMessage(null);
  }

  #paint(now) {
    this.frame = 0;
    const began = performance.now();
    let due = Infinity; // of the first that is left for later
    let isCut = false;
    let isDrawn = false;
    const share = Math.min(Math.max(SHARE_MS, this.costMs), MOST_SHARE_MS);
    // Those that wait longest first: none waits for ever where there is no time for all.
    for (const entry of this.panels.filter(({ isDirty }) => isDirty).sort((a, b) => a.at - b.at)) {
      const { panel, at } = entry;
      if (!entry.isSeen && panel.isPicture && !panel.keep) continue;
      const next = at + Math.max(panel.every ?? 0, entry.isSeen || panel.keep ? 0 : UNSEEN_MS);
      if (now < next) {
        due = Math.min(due, next);
        continue;
      }
      if ((isCut = performance.now() - began > share)) break;
      isDrawn = this.#draw(entry, now) || isDrawn;
    }
    this.drawn += isDrawn;
    this.spentMs += performance.now() - began;
    if (isDrawn) this.last = now;
    this.#weigh(performance.now());
    if (isCut) this.#askNow();
    else if (due < Infinity) this.#ask(due);
  }
}
