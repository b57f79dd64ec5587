// The server's push: subscriptions, numbers, resumption, and a watch on silence.

const PATIENCE = 2.5; // heartbeats that may be missed
const RETRY_MS = [250, 500, 1000, 2000, 4000];
const DENIED = 4001;
const RESUMED = new Set(["orders", "fills", "events", "jobs"]);

/**
 * States: "connecting", "up", "down", "denied". `onState` is told them with a reason, `onMessage` every message of a
 * topic, `onHello` what a connection begins with.
 */
export class Feed {
  constructor({ onMessage, onState, onHello }) {
    Object.assign(this, { onMessage, onState, onHello });
    this.state = "connecting";
    this.wanted = new Set();
    this.asked = new Set();
    this.seqs = new Map();
    this.process = null;
    this.received = 0;
    this.tries = 0;
    addEventListener("online", () => this.#retryNow());
    document.addEventListener("visibilitychange", () => document.hidden || this.#retryNow());
  }

  connect() {
    clearTimeout(this.timer);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = (this.socket = new WebSocket(`${scheme}://${location.host}/api/v1/stream`));
    socket.onmessage = (event) => this.#take(JSON.parse(event.data));
    socket.onclose = (event) => socket === this.socket && this.#closed(event);
    this.#watch(10);
  }

  /** Begin anew, as after signing in. */
  reconnect() {
    const old = this.socket;
    this.socket = null;
    old?.close();
    this.asked.clear();
    this.tries = 0;
    this.connect();
  }

  /** Ask for these topics and no others; return those that are no longer asked for. */
  want(topics) {
    this.wanted = new Set(topics);
    const gone = [...new Set([...this.asked, ...this.seqs.keys()])].filter((topic) => !this.wanted.has(topic));
    const asked = gone.filter((topic) => this.asked.has(topic));
    if (asked.length) this.#send({ op: "unsubscribe", topics: asked });
    for (const topic of gone) {
      this.asked.delete(topic);
      this.seqs.delete(topic);
    }
    if (this.state === "up") this.#ask();
    return gone;
  }

  #ask() {
    const topics = [...this.wanted].filter((topic) => !this.asked.has(topic));
    if (!topics.length) return;
    const since = {};
    for (const topic of topics) {
      this.asked.add(topic);
      if (RESUMED.has(topic.split(":")[0]) && this.seqs.has(topic)) since[topic] = this.seqs.get(topic);
    }
    this.#send({ op: "subscribe", topics, since });
  }

  #send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  #take(message) {
    this.received += 1;
    this.heard = performance.now();
    if (message.topic !== undefined) {
      if (!this.asked.has(message.topic)) return;
      this.seqs.set(message.topic, message.seq);
      this.onMessage(message);
    } else if (message.kind === "hello") {
      this.#hello(message);
    } else if (message.kind === "error") {
      this.onMessage({ kind: "error", data: message });
    }
  }

  #hello(message) {
    this.#watch(message.heartbeat_s);
    const process = `${message.session}/${message.started_ns}`;
    if (process !== this.process) this.seqs.clear();
    this.process = process;
    this.tries = 0;
    this.asked.clear();
    this.#tell("up", "");
    this.onHello(message);
    this.#ask();
  }

  #closed(event) {
    clearTimeout(this.watchdog);
    this.asked.clear();
    if (event.code === DENIED) {
      this.#tell("denied", "sign in to see more");
      return;
    }
    const wait = RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)] * (0.75 + Math.random() / 2);
    this.tries += 1;
    this.#tell("down", event.reason || (event.code === 1006 ? "no connection" : `closed with ${event.code}`));
    this.timer = setTimeout(() => this.connect(), wait);
  }

  #retryNow() {
    if (this.state === "down") this.connect();
  }

  /** Take silence for a lost connection: a socket may look open long after its network is gone. */
  #watch(heartbeat) {
    clearTimeout(this.watchdog);
    this.heard = performance.now();
    this.#listen(heartbeat);
  }

  /** Wait until it may have been silent for too long, and look again; messages come too often for a timer each. */
  #listen(heartbeat) {
    const left = this.heard + heartbeat * PATIENCE * 1000 - performance.now();
    if (left > 1) {
      this.watchdog = setTimeout(() => this.#listen(heartbeat), left);
      return;
    }
    const { socket } = this;
    this.socket = null;
    socket.close();
    this.#closed({ code: 0, reason: `silent for ${(heartbeat * PATIENCE).toFixed(0)} s` });
  }

  #tell(state, reason) {
    this.state = state;
    this.onState(state, reason);
  }
}
