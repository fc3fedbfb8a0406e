/**
 * The state of one attempt as its page sees it: what was said by the server, what to ask next, and when to ask
 * nothing. No DOM and no sockets here; both are handed in.
 *
 * Three rules hold everywhere below:
 *
 * 1. After `scanned`, `success` or `bind_required` no code is asked for unless the visitor wants to start over:
 *    a refresh at that moment would take away the code the phone is just confirming.
 * 2. A page nobody looks at spends no codes.
 * 3. Time left is counted from a local deadline on a monotonic clock; the visitor's wall clock is never read.
 */
import { retryDelayMs } from "./backoff.js";
import { CloseCode, ErrorCode, MessageType, Pause } from "./protocol.js";
import { NOTHING_YET, SETTLED, State } from "./snapshot.js";
import { Timers } from "./timers.js";

/** A socket lost for less than this is nobody's business. */
const BLIP_MS = 1_500;
/** No answer to a request for a code by then: the socket is dead, whatever it says. */
const ANSWER_MS = 15_000;
/** A page that came back to its attempt less than this ago has lost it to a dying socket of its own, if at all. */
const OWN_MS = 10_000;
/** A code that ran out this long ago without a word from the server: the same. */
const SILENCE_MS = 5_000;
/** After so long out of view a socket is not trusted any more: phones freeze pages without closing them. */
const TRUST_MS = 20_000;
/** A paused page keeps its socket for this long, in case of a scan in the code's last second. */
const PAUSE_MS = 30_000;

export class Attempt {
  /**
   * @param {object} parts
   * @param {import("./connection.js").Connection | import("./transport.js").Transport} parts.connection
   * @param {import("./memory.js").Memory} parts.memory
   * @param {() => boolean} parts.isHidden
   * @param {(snapshot: import("./snapshot.js").Snapshot) => void} parts.onChange
   * @param {object} [parts.wish] what the first `get_qr` of an attempt says of what a scan is to do
   * @param {() => number} [parts.now] milliseconds on a monotonic clock
   */
  constructor({ connection, memory, isHidden, onChange, wish = {}, now = () => performance.now() }) {
    Object.assign(this, { connection, memory, isHidden, onChange, wish, now });
    this.snapshot = NOTHING_YET;
    /** Whether the visitor gave a sign of life since the code on the page was shown; opening the page is one. */
    this.isTouched = true;
    this.refusals = 0;
    /** When it came back to its attempt, on the clock of `now`. */
    this.backAtMs = -Infinity;
    /** Whether a code was asked for and has not come yet. */
    this.awaitsCode = false;
    /** Whether that question crossed an outcome on its way: the code that comes is of another attempt. */
    this.isCrossed = false;
    /** Why it lapses, should its outcome not be there any more when it comes back for it; "" = it does not. */
    this.missed = "";
    this.timers = new Timers();
    connection.listener = {
      onOpen: () => this.#opened(),
      onMessage: ({ type, data }) => this.#heard(type, data),
      onDown: (closeCode) => this.#down(closeCode),
    };
  }

  /** Show a code as soon as somebody looks. */
  start() {
    if (!this.isHidden()) this.connection.connect();
  }

  /** Drop whatever there was and ask for a code of a new attempt, because the visitor wants one. */
  startOver() {
    this.refusals = 0;
    this.isCrossed = false;
    this.backAtMs = -Infinity;
    this.missed = "";
    this.memory.forget();
    this.#set({ ...NOTHING_YET });
    if (this.connection.isOpen) this.#ask();
    else this.connection.connect();
  }

  /** @param {number} number the number the visitor saw on the phone */
  choose(number) {
    if (this.snapshot.state !== State.SCANNED || this.snapshot.chosen !== null) return;
    if (this.connection.send(MessageType.CHOOSE, { number })) this.#change({ chosen: number });
  }

  /** The outcome was used: forget the attempt and leave in good order. */
  finish() {
    this.memory.forget();
    this.leave();
  }

  /** Leave in good order; a page that starts again soon goes on with this attempt. */
  leave() {
    this.timers.clearAll();
    this.connection.close();
  }

  /**
   * It is not known what became of the outcome when it was used: hear it again, and go on showing it until then.
   *
   * @param {string} error why it lapses if it is not there any more
   */
  comeBack(error) {
    const resume = this.memory.recall()?.resume;
    if (!resume) return this.lapse(error);
    this.missed = error;
    if (this.connection.isOpen) this.#ask(resume);
    else this.connection.connect();
  }

  /** The outcome came too late to be used. @param {string} error why */
  lapse(error) {
    this.missed = "";
    this.memory.forget();
    this.#set({ ...NOTHING_YET, state: State.EXPIRED, error });
  }

  /** In view again. @param {number} awayMs how long the page was out of view */
  returned(awayMs) {
    this.isTouched = true;
    const { state, error, retryAtMs } = this.snapshot;
    if (state === State.IDLE && !error) this.startOver();
    else if (state === State.BUSY && retryAtMs <= this.now()) this.#retry();
    else if (state === State.EXPIRED && !error) this.#refresh();
    else if (this.#isSettled || error) return;
    else if (awayMs > TRUST_MS) this.connection.renew();
    else this.connection.connect();
  }

  /** The network came back. */
  online() {
    if (!this.#isSettled && !this.snapshot.error && !this.isHidden()) this.connection.connect();
  }

  /** The visitor did something, so codes are not shown to an empty room. */
  active() {
    this.isTouched = true;
  }

  // What the server says.

  #heard(type, data) {
    this.timers.clear("answer");
    this.timers.clear("blip");
    if (this.snapshot.state === State.SUCCESS && !this.missed) return;
    if (type !== MessageType.ERROR) this.missed = "";
    if (type === MessageType.QR && this.isCrossed) return this.#ask(this.memory.recall()?.resume);
    switch (type) {
      case MessageType.QR: return this.#shown(data);
      case MessageType.SCANNED: return this.#scanned(data);
      case MessageType.SUCCESS: return this.#settle(State.SUCCESS, data.code, data.expires);
      case MessageType.BIND_REQUIRED: return this.#settle(State.BIND_REQUIRED, data.bind_token, data.expires);
      case MessageType.DENIED: return this.#denied(data);
      case MessageType.EXPIRED: return this.#expired(data);
      case MessageType.SUPERSEDED: return this.#superseded();
      case MessageType.ERROR: return this.#failed(data);
    }
  }

  #shown({ ticket, url, image, expires, resume }) {
    this.refusals = 0;
    this.awaitsCode = false;
    const leftMs = expires * 1_000;
    const before = this.memory.recall();
    const lifeMs = Math.max(leftMs, before?.ticket === ticket ? before.lifeMs : 0);
    if (before?.ticket !== ticket) this.isTouched = false;
    this.memory.keep({ resume, ticket, lifeMs });
    this.#set({
      ...NOTHING_YET, state: State.WAITING, code: { ticket, url, image }, lifeMs, deadlineMs: this.now() + leftMs,
    });
    this.#listenPast(leftMs + SILENCE_MS);
  }

  /** The server tells when a code has run out; one that stays silent has a dead socket. */
  #listenPast(afterMs) {
    this.timers.set("silence", afterMs, () => {
      this.connection.giveUpOn();
      this.#listenPast(SILENCE_MS * 2);
    });
  }

  #scanned({ choices }) {
    const again = this.snapshot.state === State.SCANNED && String(this.snapshot.choices) === String(choices ?? []);
    if (again) return;
    this.#set({ ...NOTHING_YET, state: State.SCANNED, choices: choices ?? [] });
  }

  #settle(state, secret, expires) {
    this.isCrossed = this.awaitsCode;
    this.#set({ ...NOTHING_YET, state, secret, deadlineMs: this.now() + expires * 1_000 });
    if (state === State.BIND_REQUIRED) {
      this.timers.set("lapse", expires * 1_000, () => this.lapse("bind_token_gone"));
    }
  }

  /** Where a number was asked for and none was picked, the visitor did nothing wrong. */
  #denied({ reason }) {
    const { choices, chosen } = this.snapshot;
    this.#ended(State.DENIED, reason ?? (choices.length && chosen === null ? "not_chosen" : ""));
  }

  #ended(state, error = "") {
    this.memory.forget();
    this.#set({ ...NOTHING_YET, state, error });
  }

  /** Another page has the attempt, unless it was a dying socket of this one: what is taken again is lost for good. */
  #superseded() {
    const resume = this.memory.recall()?.resume;
    if (resume && this.now() - this.backAtMs < OWN_MS) {
      this.#ask(resume);
      this.backAtMs = -Infinity;
      return;
    }
    this.#ended(State.SUPERSEDED);
    this.connection.close();
  }

  /** The server says when to wait for the visitor; one who is here need not ask, unless codes run low. */
  #expired({ pause }) {
    const { state } = this.snapshot;
    if (state === State.SCANNED || state === State.BIND_REQUIRED) this.lapse("not_confirmed");
    else if (pause === Pause.QUOTA) this.#pause(State.IDLE, ErrorCode.QUOTA_LOW);
    else if (pause && !this.isTouched) this.#pause(State.IDLE);
    else this.#refresh();
  }

  /** Ask for the next code, if there is somebody to scan it. */
  #refresh() {
    if (this.timers.has("answer")) return;
    this.timers.clear("silence");
    this.timers.clear("pause");
    if (this.isHidden()) return this.#pause(State.EXPIRED);
    this.#change({ state: State.EXPIRED, deadlineMs: this.now() });
    if (this.connection.isOpen) this.#ask();
    else this.connection.connect();
  }

  #pause(state, error = "") {
    this.#set({ ...NOTHING_YET, state, error, deadlineMs: this.now() });
    this.timers.set("pause", PAUSE_MS, () => {
      this.memory.forget();
      this.connection.close();
    });
  }

  #failed({ code, retry_after: retryAfter }) {
    if (code === ErrorCode.UNKNOWN_ATTEMPT && this.missed) {
      this.lapse(this.missed);
    } else if (code === ErrorCode.UNKNOWN_ATTEMPT && this.snapshot.state === State.SCANNED) {
      this.lapse("not_confirmed");
    } else if (code === ErrorCode.UNKNOWN_ATTEMPT) {
      this.memory.forget();
      if (this.isHidden()) this.#pause(State.EXPIRED);
      else this.#ask();
    } else if (code === ErrorCode.BAD_MESSAGE) {
      this.#refuse(code);
    } else if (this.snapshot.state === State.BIND_REQUIRED) {
      this.missed = ""; // whoever is typing asks again with the form
    } else {
      const delayMs = retryDelayMs(retryAfter, this.refusals);
      this.refusals += 1;
      this.#set({ ...NOTHING_YET, state: State.BUSY, error: code, retryAtMs: this.now() + delayMs });
      this.timers.set("retry", delayMs, () => this.#retry());
    }
  }

  #retry() {
    if (this.isHidden()) return;
    this.timers.clear("retry");
    if (this.connection.isOpen) this.#ask(this.memory.recall()?.resume);
    else this.connection.connect();
  }

  #refuse(error) {
    this.#set({ ...NOTHING_YET, state: State.REFUSED, error });
    this.connection.close();
  }

  // What becomes of the socket.

  /** Coming back costs no code, so a hidden page does it too; a first code is for eyes only. */
  #opened() {
    const resume = this.memory.recall()?.resume;
    if (resume || !this.isHidden()) this.#ask(resume);
    else this.connection.close();
  }

  #ask(resume) {
    this.connection.send(MessageType.GET_QR, resume ? { resume } : this.wish);
    this.awaitsCode = !resume;
    this.isCrossed = false;
    if (resume) this.backAtMs = this.now();
    this.timers.set("answer", ANSWER_MS, () => this.connection.giveUpOn());
  }

  #down(closeCode) {
    this.timers.clear("answer");
    this.awaitsCode = this.isCrossed = false;
    const { state, error, retryAtMs } = this.snapshot;
    if (this.#isSettled) return null;
    if (closeCode === CloseCode.REFUSED || closeCode === CloseCode.BAD_MESSAGE) {
      this.#refuse(closeCode === CloseCode.REFUSED ? "refused" : ErrorCode.BAD_MESSAGE);
      return null;
    }
    if (state === State.BUSY) return Math.max(0, retryAtMs - this.now());
    if (state === State.EXPIRED && (error || this.isHidden())) return null;
    // Only a page that shows something needs telling that it is cut off; the timer runs once from the first loss.
    if (!this.timers.has("blip")) this.timers.set("blip", BLIP_MS, () => this.#cutOff());
    return 0;
  }

  #cutOff() {
    const { state } = this.snapshot;
    if (this.#isSettled || state === State.BUSY || state === State.BIND_REQUIRED) return;
    this.#change({ state: State.OFFLINE });
  }

  // Bookkeeping.

  get #isSettled() {
    return SETTLED.has(this.snapshot.state) && !this.missed;
  }

  /** Enter a state: timers of the one before die with it. */
  #set(snapshot) {
    this.timers.clearAll();
    this.#change(snapshot);
  }

  #change(changes) {
    this.snapshot = { ...this.snapshot, ...changes };
    this.onChange(this.snapshot);
  }
}
