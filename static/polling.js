/**
 * The socket's messages over plain requests, for networks that break WebSockets. To whoever uses it this is a
 * `Connection`: open from `connect` on, until a request fails.
 */
import { fullJitterMs } from "./backoff.js";
import { ABNORMAL, Way } from "./connection.js";
import { CloseCode, ErrorCode, MessageType } from "./protocol.js";

/** An answer that takes longer is not coming: the server waits for 25 s before it has nothing to tell. */
const PATIENCE_MS = 40_000;
const TOLD = new Set(Object.values(ErrorCode));

export class Polling extends Way {
  /**
   * @param {() => boolean} isHidden whether nobody looks at the page now
   * @param {import("./api.js").Api} api
   */
  constructor(isHidden, api) {
    super(isHidden);
    this.api = api;
    this.isOpen = false;
    /** The secret of the attempt, and the number of its last message. */
    this.resume = "";
    this.after = 0;
    /** The request in hand. @type {AbortController | null} */
    this.asking = null;
  }

  connect() {
    if (this.isOpen) return;
    clearTimeout(this.timer);
    this.isOpen = true;
    this.listener.onOpen();
  }

  renew() {
    this.close();
    this.connect();
  }

  giveUpOn() {
    if (this.isOpen) this.#lost(ABNORMAL);
  }

  /**
   * One request at a time: one that waits is given up for what is to be said, and misses nothing by that.
   *
   * @param {string} type
   * @param {Record<string, any>} [data]
   * @returns {boolean} false when it was lost before
   */
  send(type, data = {}) {
    if (!this.isOpen) return false;
    if (type === MessageType.GET_QR && (data.resume || !this.resume)) {
      this.resume = data.resume ?? "";
      this.after = 0;
      this.#ask((signal) => this.api.openAttempt(data, signal));
    } else {
      this.#ask((signal) => this.api.askAttempt(this.resume, this.after, { type, data }, signal));
    }
    return true;
  }

  close() {
    clearTimeout(this.timer);
    this.isOpen = false;
    this.asking?.abort();
    this.asking = null;
  }

  #poll() {
    this.#ask((signal) => this.api.pollAttempt(this.resume, this.after, signal), (error) => {
      if (!error.retryAfterMs) return this.#failed(error);
      // Like a socket whose server has trouble: nothing is said of it, as long as nothing is asked.
      this.tries += 1;
      this.timer = setTimeout(() => this.#poll(), error.retryAfterMs + fullJitterMs(this.tries));
    });
  }

  async #ask(request, failed = (error) => this.#failed(error)) {
    clearTimeout(this.timer);
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    const patience = setTimeout(() => asking.abort(), PATIENCE_MS);
    const [answer, error] = await request(asking.signal).then((found) => [found], (caught) => [null, caught]);
    clearTimeout(patience);
    if (asking !== this.asking) return; // another request took its place, or nobody listens any more
    if (answer?.messages) this.#answered(answer);
    else failed(error ?? {});
  }

  #answered({ messages, close }) {
    const { asking } = this;
    this.tries = 0;
    for (const message of messages) {
      this.#note(message);
      this.listener.onMessage(message);
      if (asking !== this.asking) return; // the listener went on; what was not heard yet is told again
    }
    if (close) this.#lost(close);
    else if (this.resume) this.#poll();
  }

  #note({ number, type, data }) {
    this.after = number ?? this.after;
    if (type === MessageType.QR) this.resume = data.resume;
    if (type === MessageType.SUPERSEDED) this.resume = "";
  }

  /** What the server refuses is told like its `error`; anything else is a network that failed. */
  #failed({ status, code, retryAfterMs }) {
    if (status === 403) return this.#lost(CloseCode.REFUSED);
    if (!TOLD.has(code)) return this.#lost(ABNORMAL);
    const { asking } = this;
    if (code === ErrorCode.UNKNOWN_ATTEMPT) this.resume = "";
    this.listener.onMessage({ type: MessageType.ERROR, data: { code, retry_after: retryAfterMs / 1_000 } });
    if (asking === this.asking && this.resume) this.#poll();
  }

  #lost(closeCode) {
    this.close();
    this.down(closeCode);
  }
}
