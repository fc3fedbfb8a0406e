/**
 * What an attempt looks like. It draws snapshots and reports clicks; it knows no sockets and decides nothing.
 * All elements are found inside the host by `data-part`, so the same markup serves every page.
 */
import { drawCode, drawCodeToKeep } from "./code.js";
import { ErrorCode } from "./protocol.js";
import { Ring } from "./ring.js";
import { State } from "./snapshot.js";
import { texts as pageTexts } from "./texts.js";

/** Errors that are WeChat's, and so get the picture of a phone that hears nothing. */
const WECHAT_ERRORS = new Set([ErrorCode.WECHAT_UNAVAILABLE, ErrorCode.QUOTA_EXHAUSTED]);
/** States in which the visitor has to ask for what comes next, and the words on the button. */
const WAY_ON = {
  [State.DENIED]: "fresh_code",
  [State.IDLE]: "fresh_code",
  [State.SUPERSEDED]: "use_this_page",
  [State.REFUSED]: "try_again",
};
/** The next code usually comes within a blink, and then nothing is said of it; `styles.css` waits as long. */
const BLINK_MS = 600;
/** A wait longer than this gets a button for the impatient. */
const LONG_WAIT_MS = 20_000;
/** Errors whose wait the server holds, whoever presses a button. */
const NO_SHORT_CUT = new Set([ErrorCode.RATE_LIMITED, ErrorCode.QUOTA_LOW]);

export class AttemptView {
  /**
   * @param {HTMLElement} host carries the state as `data-state`
   * @param {object} reactions
   * @param {(number: number) => void} reactions.onChoose
   * @param {() => void} reactions.onRetry
   * @param {object} options
   * @param {boolean} options.keepable whether the picture should be one that a phone can keep
   * @param {boolean} options.inWeChat whether WeChat itself shows it, and reads it when it is pressed and held
   * @param {import("./texts.js").Texts} [options.texts] the words, where they are not the page's
   */
  constructor(host, { onChoose, onRetry }, { keepable, inWeChat, texts = pageTexts }) {
    this.host = host;
    this.texts = texts;
    this.keepable = keepable;
    this.inWeChat = inWeChat;
    this.drawn = "";
    this.timer = 0;
    this.unsaid = 0;
    const part = (name) => host.querySelector(`[data-part="${name}"]`);
    this.parts = {
      code: part("code"), picture: part("picture"), numbers: part("numbers"), status: part("status"),
      title: part("status-title"), detail: part("status-detail"), wait: part("wait"), retry: part("retry"),
      hint: part("phone-hint"), save: part("save-code"), phone: part("sandbox-phone"),
    };
    this.ring = new Ring(part("ring"));
    if (this.parts.hint) this.parts.hint.hidden = inWeChat;
    this.parts.retry.addEventListener("click", onRetry);
    this.parts.numbers.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) onChoose(Number(button.value));
    });
  }

  /** @param {import("./snapshot.js").Snapshot} snapshot */
  render(snapshot) {
    const { state, choices, error } = snapshot;
    const entered = this.host.dataset.state !== state;
    const isRenewing = state === State.EXPIRED && !error;
    this.host.dataset.state = state;
    this.host.toggleAttribute("data-choosing", state === State.SCANNED && choices.length > 0);
    this.host.toggleAttribute("data-renewing", isRenewing);
    this.#drawCode(snapshot);
    this.#drawRing(snapshot);
    this.#drawNumbers(snapshot);
    this.#drawPicture(state, error);
    this.#drawWayOn(snapshot);
    this.#say(words(snapshot, this.inWeChat, this.texts), isRenewing ? BLINK_MS : 0);
    this.#countDown(snapshot);
    if (entered) this.#moveFocus();
  }

  /** Say something that the state alone does not. @param {string} title @param {string} detail */
  say(title, detail) {
    this.#say([title, detail]);
  }

  /** Draw no more by itself. */
  stop() {
    this.ring.stop();
    clearTimeout(this.timer);
    clearTimeout(this.unsaid);
  }

  #drawCode({ code }) {
    const { code: image } = this.parts;
    if (!code || code.ticket === this.drawn) return;
    this.drawn = code.ticket;
    image.dataset.ticket = code.ticket;
    image.dataset.url = code.url;
    image.src = this.#pictureOf(code);
    this.#offerToSave(image.src);
    this.#handToSandbox(code.ticket);
  }

  /** Not every phone's browser keeps a picture after a long press. WeChat's does, and cannot download. */
  #offerToSave(picture) {
    const { save } = this.parts;
    if (!save || !this.keepable || this.inWeChat) return;
    save.href = picture;
    save.hidden = false;
  }

  #handToSandbox(ticket) {
    const { phone } = this.parts;
    if (!phone) return;
    const address = new URL(phone.href);
    address.searchParams.set("ticket", ticket);
    phone.href = address.href;
  }

  #pictureOf({ url, image }) {
    try {
      return this.keepable ? drawCodeToKeep(url) : drawCode(url);
    } catch {
      return image;
    }
  }

  #drawRing({ state, deadlineMs, lifeMs }) {
    if (state === State.WAITING) this.ring.run(deadlineMs, lifeMs);
    else this.ring.stop();
  }

  #drawNumbers({ choices, chosen }) {
    const buttons = this.parts.numbers.querySelectorAll("button");
    buttons.forEach((button, index) => {
      const number = choices[index];
      button.value = String(number ?? "");
      button.textContent = String(number ?? "");
      button.disabled = chosen !== null;
      button.setAttribute("aria-pressed", String(number !== undefined && number === chosen));
    });
  }

  #drawPicture(state, error) {
    const name = WECHAT_ERRORS.has(error) ? "unreachable" : state;
    this.parts.picture.querySelector("use").setAttribute("href", `#picture-${name}`);
  }

  #drawWayOn(snapshot) {
    const key = wayOn(snapshot);
    this.parts.retry.hidden = !key;
    if (key) this.parts.retry.textContent = this.texts.text(key);
  }

  /**
   * Write into the live region only what is new, so that nothing is read out twice.
   *
   * @param {[string, string]} words title and detail
   * @param {number} [delayMs] unless other words come until then
   */
  #say(words, delayMs = 0) {
    clearTimeout(this.unsaid);
    if (delayMs) {
      this.unsaid = setTimeout(() => this.#say(words), delayMs);
      return;
    }
    [this.parts.title, this.parts.detail].forEach((element, index) => {
      if (element.textContent !== words[index]) element.textContent = words[index];
    });
  }

  /** The wait until the next try, for the eye only: the live region has said that it comes by itself. */
  #countDown({ retryAtMs }) {
    clearTimeout(this.timer);
    const draw = () => {
      const leftMs = retryAtMs - performance.now();
      const wait = this.texts.waitText(leftMs);
      this.parts.wait.textContent = this.texts.text(leftMs > 0 ? "retry_in" : "retry_now", { wait });
      if (leftMs > 0) this.timer = setTimeout(draw, 1_000);
    };
    this.parts.wait.hidden = !retryAtMs;
    if (retryAtMs) draw();
  }

  /** Bring the keyboard to the numbers, unless it is busy elsewhere; to none of them, so that none is hit by chance. */
  #moveFocus() {
    // In a shadow tree nothing is active while the keyboard is elsewhere; a dialog is when it has just opened.
    const active = this.host.getRootNode().activeElement ?? document.activeElement;
    const isFree = !active || active === document.body || active.contains(this.host);
    if (isFree && this.host.hasAttribute("data-choosing")) this.parts.numbers.focus({ preventScroll: true });
  }
}

/**
 * @param {import("./snapshot.js").Snapshot} snapshot
 * @returns {string | undefined} the words on the button, if the visitor is to ask for what comes next
 */
function wayOn({ state, error, retryAtMs }) {
  if (state === State.EXPIRED && error) return "fresh_code";
  const isLong = retryAtMs - performance.now() > LONG_WAIT_MS && !NO_SHORT_CUT.has(error);
  return state === State.BUSY && isLong ? "try_now" : WAY_ON[state];
}

/**
 * @param {import("./snapshot.js").Snapshot} snapshot
 * @param {boolean} inWeChat whether WeChat itself shows the page
 * @param {import("./texts.js").Texts} texts
 * @returns {[string, string]} what the state is, and what to do
 */
function words({ state, choices, chosen, error }, inWeChat, texts) {
  const text = (key) => texts.text(key);
  if (state === State.WAITING && inWeChat) return [text("held_title"), text("held_detail")];
  if (state === State.SCANNED && choices.length) {
    return [text("choose_title"), text(chosen === null ? "choose_detail" : "chosen_detail")];
  }
  if (state === State.OFFLINE && navigator.onLine) return [text("reconnecting_title"), text("reconnecting_detail")];
  if (error) {
    const detail = text(`${state}_detail_${error}`) || texts.errorText(error);
    return [text(`${state}_title_${error}`) || text(`${state}_title`), detail];
  }
  return [text(`${state}_title`), text(`${state}_detail`)];
}
