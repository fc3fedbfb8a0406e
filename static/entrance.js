/**
 * From an attempt, or a password, to the session. The phone has already said yes when an answer is lost on its way: the
 * page comes back to its attempt then, and hears what became of it.
 */
import { ApiError } from "./api.js";
import { fullJitterMs } from "./backoff.js";
import { ErrorCode } from "./protocol.js";
import { State } from "./snapshot.js";

/** No code comes soon: the password is the better way in. */
export const NO_CODES = new Set([ErrorCode.QUOTA_EXHAUSTED, ErrorCode.QUOTA_LOW]);

/** After so many trades in a row without an answer there is none to be had. */
const MOST_UNANSWERED = 8;

export class Entrance {
  /**
   * @param {object} parts
   * @param {import("./api.js").Api} parts.api
   * @param {import("./attempt.js").Attempt} parts.attempt
   * @param {(session: {username: string, next?: string}) => void} parts.onSession the browser has its session
   * @param {() => void} parts.onBindAgain what was to be bound can be sent again, as it stands in the form
   * @param {string} [parts.next] where the visitor wanted to go
   * @param {AbortSignal} [parts.signal] ends it
   */
  constructor({ api, attempt, onSession, onBindAgain, next = "", signal }) {
    Object.assign(this, { api, attempt, onSession, onBindAgain, next, signal });
    /** The login code that was traded last, and how many in a row got no answer. */
    this.traded = "";
    this.unanswered = 0;
    /** The bind token that was found to be used up: the next one may do. */
    this.usedUp = "";
  }

  /** @param {import("./snapshot.js").Snapshot} snapshot what the attempt has come to */
  heard({ state, secret, error }) {
    if (state === State.SUCCESS && secret !== this.traded) this.#trade(secret);
    if (state === State.WAITING) this.unanswered = 0;
    if (state !== State.BIND_REQUIRED) this.usedUp = "";
    else if (this.usedUp && secret !== this.usedUp) this.onBindAgain();
    if (state === State.EXPIRED && error === "code_gone") this.follow();
  }

  /** @param {{username: string, password: string}} credentials @throws {ApiError} */
  async bind(credentials) {
    const { secret } = this.attempt.snapshot;
    const isRepeated = this.usedUp !== "";
    this.usedUp = "";
    try {
      this.#enter(await this.api.bind({ ...credentials, bind_token: secret }));
    } catch (error) {
      if (error.code === "bind_token_gone") {
        if (!isRepeated) this.usedUp = secret; // perhaps by a try without an answer, or the page has come back since
        return this.attempt.comeBack(error.code);
      }
      if (error.isUnanswered) this.attempt.comeBack("code_gone");
      throw error;
    }
  }

  /** @param {{username: string, password: string}} credentials @throws {ApiError} */
  async signIn(credentials) {
    this.#enter(await this.api.signIn({ ...credentials, next: this.next }));
  }

  /** Somebody who signed in elsewhere meanwhile has nothing left to do here. */
  async follow() {
    const { state } = this.attempt.snapshot;
    if (state === State.SUCCESS || state === State.BIND_REQUIRED) return;
    const session = await this.api.readSession().catch(() => null);
    if (session) this.#enter(session);
  }

  async #trade(code) {
    this.traded = code;
    try {
      this.#enter(await this.api.createSession(code, this.next));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.unanswered += 1;
      const mayBeDone = error.isUnanswered || error.code === "code_gone" || error.code === "rate_limited";
      if (!mayBeDone || this.unanswered > MOST_UNANSWERED) return this.attempt.lapse(error.code);
      await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs + fullJitterMs(this.unanswered)));
      if (!this.signal?.aborted) this.attempt.comeBack("code_gone");
    }
  }

  #enter(session) {
    if (!this.signal?.aborted) this.onSession(session);
  }
}
