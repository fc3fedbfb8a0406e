/**
 * The server's JSON endpoints. Every failure is an `ApiError` with a stable code; words for it are in the texts.
 */

/** An answer that takes longer than this is not coming. */
const TIMEOUT_MS = 15_000;

export class ApiError extends Error {
  /**
   * @param {number} status 0 when there was no answer at all
   * @param {string} code
   * @param {number} retryAfterMs 0 when the server does not say
   */
  constructor(status, code, retryAfterMs = 0) {
    super(code);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether the request may have been carried out all the same, or may be another time. */
  get isUnanswered() {
    return this.status === 0 || this.status >= 500;
  }
}

export class Api {
  /**
   * @param {string} [server] the server's origin, where it is not the page's own
   * @param {string} [token] the XSRF token that this server told: its cookies cannot be read from another origin
   */
  constructor(server = "", token = "") {
    Object.assign(this, { server, token });
  }

  /** @returns {Promise<{username: string, wechat_bound: boolean}>} */
  readSession() {
    return this.#call("GET", "/session");
  }

  /** Trade a login code for a session. @returns {Promise<{username: string, next: string}>} */
  createSession(code, next) {
    return this.#call("POST", "/session", { code, next });
  }

  endSession() {
    return this.#call("DELETE", "/session");
  }

  /**
   * Where the visitor is signed in; times are seconds ago.
   *
   * @returns {Promise<{sessions: {id: string, browser: string, place: string, by: "scan" | "password" | "web",
   *   first_used: number, last_used: number, current: boolean}[]}>}
   */
  readSessions() {
    return this.#call("GET", "/sessions");
  }

  /** @param {string} id */
  endSessionOf(id) {
    return this.#call("DELETE", `/sessions/${id}`);
  }

  endOtherSessions() {
    return this.#call("DELETE", "/sessions");
  }

  /** @returns {Promise<{username: string, next: string}>} */
  signIn(credentials) {
    return this.#call("POST", "/login", credentials);
  }

  /** @returns {Promise<{status: boolean, username: string}>} */
  bind(proof) {
    return this.#call("POST", "/user/bind", proof);
  }

  /** @returns {Promise<{status: boolean, username: string}>} the name as it is written from now on */
  rename(username) {
    return this.#call("POST", "/user/name", { username });
  }

  /** @param {string} password @param {number} wechat the one to take off, of those on the user page */
  unbind(password, wechat) {
    return this.#call("POST", "/user/unbind", { password, wechat });
  }

  /**
   * An attempt by requests instead of a socket. Each answers with messages.
   *
   * @param {{resume?: string, link?: boolean, replace?: boolean}} wish what `get_qr` would say on a socket
   * @param {AbortSignal} signal
   */
  openAttempt(wish, signal) {
    return this.#call("POST", "/attempts", wish, { signal });
  }

  /** What came after the message with the number *after*, once there is something. */
  pollAttempt(resume, after, signal) {
    return this.#call("GET", pathOf(resume, after), undefined, { resume, signal });
  }

  /** Send what would be a frame on a socket. */
  askAttempt(resume, after, frame, signal) {
    return this.#call("POST", pathOf(resume, after), frame, { resume, signal });
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @param {object} [options]
   * @param {string} [options.resume] the secret of an attempt
   * @param {AbortSignal} [options.signal] when to give up, if not after the usual time
   * @returns {Promise<any>} the answer's JSON, or null when it has none
   * @throws {ApiError}
   */
  async #call(method, path, body, { resume, signal = AbortSignal.timeout?.(TIMEOUT_MS) } = {}) {
    const headers = { Accept: "application/json" };
    if (resume) headers["X-Resume"] = resume;
    if (method !== "GET") headers["X-XSRFToken"] = this.token || cookie("_xsrf");
    if (body) headers["Content-Type"] = "application/json";
    let response;
    let answer;
    try {
      response = await fetch(this.server + path, {
        method, headers, body: body && JSON.stringify(body), cache: "no-store", signal,
        credentials: this.server ? "include" : "same-origin",
      });
      answer = await readJson(response);
    } catch {
      throw new ApiError(0, "network");
    }
    if (response.ok) return answer;
    const { code = "unknown", retry_after: retryAfter } = answer?.error ?? {};
    throw new ApiError(response.status, code, (retryAfter ?? 0) * 1_000);
  }
}

/** The server that this page is from. */
export const home = new Api();
export const readSession = () => home.readSession();
export const createSession = (code, next) => home.createSession(code, next);
export const endSession = () => home.endSession();
export const readSessions = () => home.readSessions();
export const endSessionOf = (id) => home.endSessionOf(id);
export const endOtherSessions = () => home.endOtherSessions();
export const bind = (proof) => home.bind(proof);
export const rename = (username) => home.rename(username);
export const unbind = (password, wechat) => home.unbind(password, wechat);

const pathOf = (resume, after) => `/attempts/${resume.split(".")[0]}?after=${after}`;

async function readJson(response) {
  const isJson = response.headers.get("Content-Type")?.includes("json");
  return isJson ? response.json() : null;
}

/** @returns {string} the cookie's value as it stands, or "" */
function cookie(name) {
  const pair = document.cookie.split("; ").find((entry) => entry.startsWith(`${name}=`));
  return pair ? decodeURIComponent(pair.slice(name.length + 1).replace(/^"|"$/g, "")) : "";
}

/**
 * Where to go on this site.
 *
 * @param {string | undefined} path
 * @param {string} otherwise when `path` is missing or leads elsewhere
 * @returns {string}
 */
export function sameSite(path, otherwise) {
  return path && /^\/(?![/\\])/.test(path) ? path : otherwise;
}
