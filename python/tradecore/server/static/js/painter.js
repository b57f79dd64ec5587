// Draws what has changed, once a frame at most, and only what is on the page that is shown; pictures only in sight.

export class Painter {
  constructor(store) {
    this.store = store;
    this.panels = [];
    this.byTopic = new Map();
    this.frame = 0;
    this.drawn = 0;
    this.spentMs = 0;
    this.sight = new IntersectionObserver((entries) => this.#seen(entries));
  }

  /**
   * Show these panels: objects with `topics()`, `draw(store)` and `every`, the least ms between two drawings; those with
   * `isPicture` are drawn while their `root` is in sight.
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
    this.#ask();
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
    this.#ask();
  }

  #seen(changes) {
    for (const { target, isIntersecting } of changes) {
      for (const entry of this.panels) if (entry.panel.root === target) entry.isSeen = isIntersecting;
    }
    this.#ask();
  }

  #ask() {
    if (!this.frame) this.frame = requestAnimationFrame((now) => this.#paint(now));
  }

  #paint(now) {
    this.frame = 0;
    const began = performance.now();
    let isLeft = false;
    let isDrawn = false;
    for (const entry of this.panels) {
      if (!entry.isDirty || !entry.isSeen) continue;
      if (now - entry.at < (entry.panel.every ?? 0)) {
        isLeft = true;
        continue;
      }
      entry.isDirty = false;
      entry.at = now;
      entry.panel.draw(this.store);
      isDrawn = true;
    }
    this.drawn += isDrawn;
    this.spentMs += performance.now() - began;
    if (isLeft) this.#ask();
  }
}
