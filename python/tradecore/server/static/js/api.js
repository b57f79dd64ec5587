// Requests to the server: one envelope, one class of error.

const BASE = "/api/v1";
const TIMEOUT_MS = 10_000;

/** An answer that says no, or none at all (status 0). */
export class ApiError extends Error {
  constructor(message, { status, code = "", field = null }) {
    super(message);
    this.status = status;
    this.code = code;
    this.field = field;
  }
}

export class Api {
  constructor() {
    this.me = { user: null, role: "none", csrf: null, auth_required: true };
    this.onDenied = () => {};
  }

  /** May who is signed in do what a role may? */
  may(role) {
    const ranks = ["none", "read", "trade", "admin"];
    return ranks.indexOf(this.me.role) >= ranks.indexOf(role);
  }

  async refreshMe() {
    this.me = await this.get("/me");
    return this.me;
  }

  async login(credentials) {
    await this.send("POST", "/login", credentials);
    return this.refreshMe();
  }

  async logout() {
    await this.send("POST", "/logout");
    return this.refreshMe();
  }

  get(path) {
    return this.send("GET", path);
  }

  async send(method, path, body, headers = {}) {
    const init = { method, headers: { Accept: "application/json", ...headers }, credentials: "same-origin" };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers["Content-Type"] = "application/json";
    }
    if (method !== "GET" && this.me.csrf) init.headers["X-CSRF-Token"] = this.me.csrf;
    let answer;
    try {
      answer = await fetch(BASE + path, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch {
      throw new ApiError("the server does not answer", { status: 0 });
    }
    const told = await answer.json().catch(() => null);
    if (answer.ok && told?.success) return told.data;
    const error = new ApiError(told?.error ?? `the server answered ${answer.status}`, { status: answer.status, ...told });
    if (answer.status === 401 && path !== "/login") this.onDenied();
    throw error;
  }
}

/** A key under which the server carries out a request once, however often it is sent. */
export function idempotencyKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
