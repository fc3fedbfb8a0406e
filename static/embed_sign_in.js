/**
 * The sign-in of one element: joins the attempt, its view, the forms and the server's endpoints, as `login.js` does
 * for the sign-in page.
 */
import { Api } from "./api.js";
import { Attempt } from "./attempt.js";
import { AttemptView } from "./attempt_view.js";
import { socketUrl } from "./connection.js";
import { Entrance, NO_CODES } from "./entrance.js";
import { clearError, enhanceForm } from "./forms.js";
import { Memory } from "./memory.js";
import { isHidden, isInWeChat, isPhone, watchPresence } from "./presence.js";
import { ErrorCode } from "./protocol.js";
import { State } from "./snapshot.js";
import { Transport } from "./transport.js";

/**
 * @typedef {object} Listener
 * @property {(snapshot: import("./snapshot.js").Snapshot) => void} onState a state was entered
 * @property {(username: string) => void} onSignedIn the browser has its session
 * @property {() => void} onReload the server does not understand this release, or cookies were not kept: begin anew
 */

export class EmbeddedSignIn {
  /**
   * @param {HTMLElement} card
   * @param {string} server its origin
   * @param {import("./embed_shell.js").Shell} shell
   * @param {Listener} listener
   * @param {string} purpose keeps the attempts of two elements in one page apart
   */
  constructor(card, server, { texts, token }, listener, purpose) {
    Object.assign(this, { card, texts, listener, state: "" });
    const api = new Api(server, token);
    this.presence = new AbortController();
    this.bindForm = card.querySelector("[data-testid=bind-form]");
    this.passwordFold = card.querySelector("[data-part=password]");
    this.passwordFold.open = isPhone;
    this.view = new AttemptView(
      card,
      { onChoose: (number) => this.attempt.choose(number), onRetry: () => this.#retry() },
      { keepable: isPhone, inWeChat: isInWeChat, texts },
    );
    this.attempt = new Attempt({
      connection: new Transport(socketUrl(new URL(server)), isHidden, api),
      memory: new Memory(purpose),
      isHidden,
      onChange: (snapshot) => this.#changed(snapshot),
    });
    this.entrance = new Entrance({
      api,
      attempt: this.attempt,
      onSession: ({ username }) => this.enter(username),
      onBindAgain: () => this.bindForm.requestSubmit(),
      signal: this.presence.signal,
    });
    this.#enhanceForms();
  }

  start() {
    watchPresence({
      onReturn: (awayMs) => {
        this.attempt.returned(awayMs);
        this.entrance.follow();
      },
      onOnline: () => this.attempt.online(),
      onActivity: () => this.attempt.active(),
    }, this.presence.signal);
    this.attempt.start();
  }

  /** End; whoever starts again soon sees the same code. */
  stop() {
    this.presence.abort();
    this.attempt.leave();
    this.view.stop();
  }

  /** Show why there is no code at all. @param {string} error */
  refuse(error) {
    this.#changed({ ...this.attempt.snapshot, state: State.REFUSED, error });
  }

  /** Somebody is signed in. @param {string} username */
  enter(username) {
    this.presence.abort();
    this.attempt.finish();
    this.state = State.SUCCESS;
    this.view.render({ ...this.attempt.snapshot, state: this.state, error: "", retryAtMs: 0 });
    this.view.say(this.texts.text("success_title"), this.texts.text("welcome_name", { name: username }));
    this.listener.onSignedIn(username);
  }

  #changed(snapshot) {
    const entered = snapshot.state !== this.state;
    this.state = snapshot.state;
    this.view.render(snapshot);
    this.entrance.heard(snapshot);
    if (!entered) return;
    if (this.state === State.BIND_REQUIRED) this.#showBindForm();
    if (this.state === State.BUSY && NO_CODES.has(snapshot.error)) this.passwordFold.open = true;
    this.listener.onState(snapshot);
  }

  #showBindForm() {
    this.bindForm.reset();
    clearError(this.bindForm);
    this.bindForm.elements.namedItem("username").focus();
  }

  #enhanceForms() {
    enhanceForm(this.bindForm, (fields) => this.entrance.bind(fields), this.texts);
    this.bindForm.querySelector("[data-part=start-over]").addEventListener("click", () => this.attempt.startOver());
    enhanceForm(this.passwordFold.querySelector("form"), (fields) => this.entrance.signIn(fields), this.texts);
  }

  #retry() {
    if (this.attempt.snapshot.state === this.state && this.attempt.snapshot.error !== ErrorCode.BAD_MESSAGE) {
      this.attempt.startOver();
    } else {
      this.listener.onReload();
    }
  }
}
