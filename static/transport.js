/**
 * The page's way to the server: a socket, or requests where the network breaks sockets. To whoever uses it this is a
 * `Connection`. It changes over after failures in a row, and back once the socket has proved to work again; the
 * attempt goes along by its resume token, so nothing is lost and no other code is shown.
 */
import { home } from "./api.js";
import { Connection } from "./connection.js";
import { Memory } from "./memory.js";
import { Polling } from "./polling.js";
import { CloseCode, MessageType } from "./protocol.js";
import { Timers } from "./timers.js";

/** So many failures in a row are the way's fault. */
const FAILURES = 2;
/** Some proxies take the upgrade and swallow the frames: a socket that has not answered yet gets this long. */
const ANSWER_MS = 6_000;
/** When a socket is tried again beside requests that work: each time after twice as long. */
const FIRST_TRIAL_MS = 30_000;
const RAREST_TRIAL_MS = 300_000;
/** A server that says why it closes has been reached. */
const MEANT = new Set(Object.values(CloseCode));

export class Transport {
  /**
   * @param {string} url the socket's address
   * @param {() => boolean} [isHidden] whether nobody looks at the page now
   * @param {import("./api.js").Api} [api] of the same server
   */
  constructor(url, isHidden = () => false, api = home) {
    this.isHidden = isHidden;
    /** @type {import("./connection.js").Listener} */
    this.listener = { onOpen() {}, onMessage() {}, onDown: () => 0 };
    this.socket = new Connection(url, isHidden);
    this.polling = new Polling(isHidden, api);
    for (const way of [this.socket, this.polling]) {
      way.listener = {
        onOpen: () => this.#opened(way),
        onMessage: (message) => this.#heard(way, message),
        onDown: (closeCode) => this.#down(way, closeCode),
        onDue: () => this.way.connect(),
      };
    }
    this.memory = new Memory("way");
    /** The way that is taken; in a tab, the one that worked last. */
    this.way = this.memory.recall() ? this.polling : this.socket;
    this.failures = 0;
    /** Whether the socket has ever answered, since it was taken. */
    this.isProven = false;
    /** Whether the socket was tried beside requests that work, and has yet to answer. */
    this.isOnTrial = false;
    /** Whether a code is shown: then a change of the way can cross nothing. */
    this.isWaiting = false;
    this.trialMs = FIRST_TRIAL_MS;
    this.timers = new Timers();
  }

  get isOpen() {
    return this.way.isOpen;
  }

  /** Go, unless that is done; whoever asks though requests work has a reason to hope for the socket. */
  connect() {
    if (this.way === this.socket) return this.socket.connect();
    if (this.polling.isOpen) return this.#try();
    this.#planTrial();
    this.polling.connect();
  }

  renew() {
    this.way.renew();
  }

  giveUpOn() {
    this.way.giveUpOn();
  }

  send(type, data) {
    const isSent = this.way.send(type, data);
    if (isSent && this.way === this.socket && !this.isProven) {
      this.timers.set("answer", ANSWER_MS, () => this.socket.giveUpOn());
    }
    return isSent;
  }

  close() {
    this.timers.clearAll();
    this.socket.close();
    this.polling.close();
  }

  /** A socket that opens on trial is the way at once: after its first question only its answer counts. */
  #opened(way) {
    if (way !== this.way) {
      if (!this.isWaiting) return this.socket.close();
      this.polling.close();
      this.#take(this.socket);
      this.isOnTrial = true;
    }
    this.listener.onOpen();
  }

  #heard(way, message) {
    if (this.isOnTrial && message.type === MessageType.ERROR) return this.socket.giveUpOn();
    this.failures = 0;
    this.isWaiting = message.type === MessageType.QR;
    if (way === this.socket && !this.isProven) {
      this.isProven = true;
      this.isOnTrial = false;
      this.trialMs = FIRST_TRIAL_MS;
      this.timers.clear("answer");
      this.memory.forget();
    } else if (way === this.polling) {
      this.memory.keep({ way: "polling" });
    }
    this.listener.onMessage(message);
  }

  #down(way, closeCode) {
    if (way !== this.way) return null; // a trial that failed
    this.timers.clear("answer");
    const earliestMs = this.listener.onDown(closeCode);
    if (!MEANT.has(closeCode)) this.failures += 1;
    if (this.isOnTrial || this.failures >= FAILURES) this.#take(way === this.socket ? this.polling : this.socket);
    return earliestMs;
  }

  #take(way) {
    this.way = way;
    this.failures = 0;
    this.isProven = this.isOnTrial = false;
    if (way === this.polling) this.#planTrial();
    else this.timers.clear("trial");
  }

  #planTrial() {
    this.timers.set("trial", this.trialMs * (0.5 + Math.random()), () => {
      this.#planTrial();
      this.#try();
    });
  }

  #try() {
    if (!this.isWaiting || this.isHidden()) return;
    this.trialMs = Math.min(2 * this.trialMs, RAREST_TRIAL_MS);
    this.socket.connect();
  }
}
