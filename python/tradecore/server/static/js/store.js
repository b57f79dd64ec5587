// What the server has told, by topic. A topic is dropped when nobody looks at it any more: nothing old is shown as new.

/** Topics that bring one item at a time: what tells items apart, and how many are kept. */
const LOGS = {
  orders: { key: (row) => row.id, keep: 400, stays: (row) => row.is_open },
  fills: { key: (row) => row.id, keep: 2000 },
  events: { key: (row) => row.seq, keep: 500 },
  jobs: { key: (row) => row.id, keep: 100 },
  bars: { key: (row) => row[0], keep: 600 },
};

export class Store {
  constructor() {
    this.topics = new Map();
  }

  /** State of a topic: of logs a Map of items, oldest first; undefined before its snapshot. */
  get(topic) {
    return this.topics.get(topic);
  }

  /** Items of a log, newest first. */
  newest(topic) {
    return [...(this.topics.get(topic)?.values() ?? [])].reverse();
  }

  drop(topic) {
    this.topics.delete(topic);
  }

  apply({ topic, kind, data }) {
    const log = LOGS[topic.split(":")[0]];
    if (log) this.#log(topic, log, kind, data);
    else if (topic === "equity" && kind === "update") this.topics.get(topic)?.points.push(data);
    else this.topics.set(topic, data);
  }

  #log(topic, { key, keep, stays }, kind, data) {
    const isWhole = kind === "snapshot";
    if (isWhole || !this.topics.has(topic)) this.topics.set(topic, new Map());
    const rows = this.topics.get(topic);
    for (const row of isWhole ? data : [data]) rows.set(key(row), row);
    let surplus = rows.size - keep;
    for (const [at, row] of rows) {
      if (surplus <= 0) break;
      if (stays?.(row)) continue;
      rows.delete(at);
      surplus -= 1;
    }
  }
}
