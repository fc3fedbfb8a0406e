/**
 * Ways to the server that come back by themselves; here the usual one, a WebSocket. They carry messages and know
 * nothing of their meaning nor of the page: what to say first is decided by whoever listens to `onOpen`.
 */
import { reconnectDelayMs } from "./backoff.js";
import { CloseCode } from "./protocol.js";

/** A handshake that takes longer than this is dropped and tried again. */
const OPEN_TIMEOUT_MS = 10_000;
/** What browsers report when a socket ended without a closing handshake. */
export const ABNORMAL = 1006;

/**
 * @typedef {object} Message
 * @property {string} type
 * @property {Record<string, any>} data
 *
 * @typedef {object} Listener
 * @property {() => void} onOpen the way is open anew; its first message is due
 * @property {(message: Message) => void} onMessage
 * @property {(closeCode: number) => number | null} onDown the way is lost; answers the earliest moment to come
 *   back, in milliseconds from now, or null to stay away
 * @property {() => void} [onDue] it is time to come back; without it the way connects by itself
 */

/**
 * The address of the socket that belongs to a page.
 *
 * @param {{protocol: string, host: string}} location
 * @returns {string}
 */
export function socketUrl({ protocol, host }) {
  return `${protocol === "https:" ? "wss:" : "ws:"}//${host}/ws`;
}

/**
 * The socket that the page opened before there were modules (early_socket.js), once, while it can be of use.
 *
 * @param {string} url
 * @returns {(WebSocket & {asked: string, heard: {data: string, heardAtMs: number}[]}) | null} with the frame that it
 *   sends when it opens, and all that has been said on it
 */
function earlySocket(url) {
  const socket = globalThis.earlySocket;
  delete globalThis.earlySocket;
  return socket?.url === url && socket.readyState <= WebSocket.OPEN ? socket : null;
}

/** What all ways share: a listener, and the patience to come back. */
export class Way {
  /** @param {() => boolean} isHidden whether nobody looks at the page now */
  constructor(isHidden = () => false) {
    this.isHidden = isHidden;
    /** @type {Listener} */
    this.listener = { onOpen() {}, onMessage() {}, onDown: () => 0 };
    /** Failures in a row. */
    this.tries = 0;
    this.timer = 0;
  }

  /** Tell that the way is lost, and come back when it is time. @param {number} closeCode */
  down(closeCode) {
    clearTimeout(this.timer);
    const earliestMs = this.listener.onDown(closeCode);
    const delayMs = reconnectDelayMs(closeCode, this.tries, { hidden: this.isHidden() });
    if (earliestMs === null || delayMs === null) return;
    this.tries += 1;
    const comeBack = this.listener.onDue ?? (() => this.connect());
    this.timer = setTimeout(comeBack, Math.max(earliestMs, delayMs));
  }
}

/** One WebSocket. */
export class Connection extends Way {
  /**
   * @param {string} url
   * @param {() => boolean} [isHidden]
   */
  constructor(url, isHidden) {
    super(isHidden);
    this.url = url;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** The first frame, if the socket came with it: it is not sent twice. */
    this.asked = "";
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** Open a socket now, unless one is open or on its way. */
  connect() {
    if (this.socket) return;
    clearTimeout(this.timer);
    const early = earlySocket(this.url);
    const socket = early ?? new WebSocket(this.url);
    this.socket = socket;
    this.asked = early?.asked ?? "";
    this.timer = setTimeout(() => this.#drop(), OPEN_TIMEOUT_MS);
    // A socket that was replaced may still report something: only the current one is listened to.
    const current = (react) => (event) => {
      if (socket === this.socket) react(event);
    };
    const opened = current(() => this.#opened());
    const received = current(({ data, heardAtMs }) => this.#received(data, heardAtMs));
    socket.addEventListener("open", opened);
    socket.addEventListener("message", received);
    socket.addEventListener("close", current((event) => this.#lost(event.code)));
    if (early) early.onmessage = null;
    if (socket.readyState === WebSocket.OPEN) {
      queueMicrotask(() => {
        opened();
        early.heard.forEach(received);
      });
    }
  }

  /** Replace a socket that may have died silently, as after a sleep, by a new one. */
  renew() {
    this.#forget();
    this.connect();
  }

  /**
   * Replace a socket that does not answer. Unlike `renew` this counts as a failure, so that repeated ones wait
   * longer and longer.
   */
  giveUpOn() {
    if (this.socket) this.#drop();
  }

  /**
   * @param {string} type
   * @param {Record<string, any>} [data]
   * @returns {boolean} false when there is no open socket to carry it
   */
  send(type, data = {}) {
    if (!this.isOpen) return false;
    const frame = JSON.stringify({ type, data });
    if (frame !== this.asked) this.socket?.send(frame);
    this.asked = "";
    return true;
  }

  /** Leave in good order and stay away until `connect`. */
  close() {
    this.#forget(CloseCode.DONE);
  }

  #opened() {
    clearTimeout(this.timer);
    this.listener.onOpen();
  }

  /** @param {string} text @param {number} [heardAtMs] when, on the clock of `performance.now` */
  #received(text, heardAtMs = performance.now()) {
    const message = parse(text);
    if (!message) return;
    // Seconds are seconds left: some have passed since a message that nobody was there for.
    if (message.data.expires) message.data.expires -= (performance.now() - heardAtMs) / 1_000;
    // Only a server that talks has recovered; one that accepts and drops sockets is still to be spared.
    this.tries = 0;
    this.listener.onMessage(message);
  }

  #drop() {
    const socket = this.socket;
    this.#lost(ABNORMAL);
    socket?.close();
  }

  #lost(closeCode) {
    this.socket = null;
    this.down(closeCode);
  }

  #forget(closeCode) {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    if (closeCode) socket?.close(closeCode);
    else socket?.close();
  }
}

/** @returns {Message | null} null for anything that is no message: a newer server may say more than we know */
function parse(text) {
  try {
    const { type, data } = JSON.parse(text);
    return typeof type === "string" ? { type, data: data ?? {} } : null;
  } catch {
    return null;
  }
}
