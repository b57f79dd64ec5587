// Draws what has changed, once a frame at most, and only what is on the page that is shown; pictures only in sight.
// A frame costs the browser more than what is drawn in it, so there are a dozen a second at most. What takes longer than
// a frame's share is left to the next one, so that a slow machine draws less and never stands.

const LEAST_MS = 80;
const SHARE_MS = 6;

export class Painter {
  constructor(store) {
    this.store = store;
    this.panels = [];
    this.byTopic = new Map();
    this.frame = 0;
    this.timer = 0;
    this.last = -Infinity;
    this.drawn = 0;
    this.spentMs = 0;
    this.sight = new IntersectionObserver((entries) => this.#seen(entries));
  }

  /**
   * Show these panels: objects with `topics()`, `draw(store)` and `every`, the least ms between two drawings; those with
   * `isPicture` are drawn while their `root` is in sight, and those with `keep(store)` are told what came meanwhile.
   */
  show(panels) {
    this.panels = panels.map((panel) => ({ panel, isDirty: true, isSeen: !panel.isPicture, at: -Infinity }));
    this.byTopic.clear();
    this.sight.disconnect();
    for (const { isPicture, root } of panels) if (isPicture) this.sight.observe(root);
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

  #ask() {
    if (!this.timer && !this.frame) this.timer = setTimeout(() => this.#askNow(), this.last + LEAST_MS - performance.now());
  }

  #askNow() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (!this.frame) this.frame = requestAnimationFrame((now) => this.#paint(now));
  }

  #paint(now) {
    this.frame = 0;
    const began = performance.now();
    let isLeft = false;
    let isCut = false;
    let isDrawn = false;
    // Those that wait longest first: none waits for ever where there is no time for all.
    for (const entry of this.panels.filter(({ isDirty }) => isDirty).sort((a, b) => a.at - b.at)) {
      const { panel, at } = entry;
      if (!entry.isSeen && !panel.keep) continue;
      if (now - at < (panel.every ?? 0)) {
        isLeft = true;
        continue;
      }
      if ((isCut = performance.now() - began > SHARE_MS)) break;
      entry.isDirty = false;
      entry.at = now;
      panel.keep?.(this.store);
      if (!entry.isSeen) continue;
      panel.draw(this.store);
      isDrawn = true;
    }
    this.drawn += isDrawn;
    this.spentMs += performance.now() - began;
    this.last = now;
    if (isCut) this.#askNow();
    else if (isLeft) this.#ask();
  }
}
