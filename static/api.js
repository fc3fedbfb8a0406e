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

/** @returns {Promise<{username: string, wechat_bound: boolean}>} */
export const readSession = () => call("GET", "/session");

/** Trade a login code for a session. @returns {Promise<{username: string, next: string}>} */
export const createSession = (code, next) => call("POST", "/session", { code, next });

export const endSession = () => call("DELETE", "/session");

/**
 * Where the visitor is signed in; times are seconds ago.
 *
 * @returns {Promise<{sessions: {id: string, browser: string, place: string, by: "scan" | "password" | "web",
 *   first_used: number, last_used: number, current: boolean}[]}>}
 */
export const readSessions = () => call("GET", "/sessions");

/** @param {string} id */
export const endSessionOf = (id) => call("DELETE", `/sessions/${id}`);

export const endOtherSessions = () => call("DELETE", "/sessions");

/** @returns {Promise<{next?: string}>} */
export const signIn = (credentials) => call("POST", "/login", credentials);

/** @returns {Promise<{status: boolean, username: string}>} */
export const bind = (proof) => call("POST", "/user/bind", proof);

/** @returns {Promise<{status: boolean, username: string}>} the name as it is written from now on */
export const rename = (username) => call("POST", "/user/name", { username });

/** @param {string} password @param {number} wechat the one to take off, of those on the user page */
export const unbind = (password, wechat) => call("POST", "/user/unbind", { password, wechat });

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>} the answer's JSON, or null when it has none
 * @throws {ApiError}
 */
async function call(method, path, body) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-XSRFToken"] = cookie("_xsrf");
  if (body) headers["Content-Type"] = "application/json";
  let response;
  let answer;
  try {
    response = await fetch(path, {
      method, headers, body: body && JSON.stringify(body), credentials: "same-origin", cache: "no-store",
      signal: AbortSignal.timeout?.(TIMEOUT_MS),
    });
    answer = await readJson(response);
  } catch {
    throw new ApiError(0, "network");
  }
  if (response.ok) return answer;
  const { code = "unknown", retry_after: retryAfter } = answer?.error ?? {};
  throw new ApiError(response.status, code, (retryAfter ?? 0) * 1_000);
}

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
