/**
 * Signing in on a page of another site: `<saoma-login>`, one element, and `signIn()`, one function.
 *
 *     <script type="module" src="https://login.example.com/static/saoma.js"></script>
 *     <saoma-login></saoma-login>
 *
 * Attributes, events and everything else that a site may rely on: docs/embedding.md.
 */
import { Api, sameSite } from "./api.js";
import { advise, loadShell, makeStyles, ShellError } from "./embed_shell.js";
import { EmbeddedSignIn } from "./embed_sign_in.js";
import { WORDS } from "./embed_words.js";
import { State } from "./snapshot.js";
// Asked for at once, not one after another, by whoever needs it deep down.
import "./vendor/lean-qr.mjs";

/** How long a dialog still shows that it went well. */
const LINGER_MS = 900;
const HERE = new URL(import.meta.url).origin;
/** What a site may style, by the names of its parts. */
const PARTS = {
  card: ".card", code: ".code", title: "#status-title", detail: "[data-part=status-detail]", number: ".numbers button",
  button: ".button", link: ".plain, summary, .sandbox a", label: "label", input: "input", close: ".close",
};

export class SaomaLogin extends HTMLElement {
  static observedAttributes = ["server", "lang", "theme"];

  #shadow = this.attachShadow({ mode: "open" });
  /** What is running: `EmbeddedSignIn`, once the server has answered. */
  #signIn = null;
  /** Ends with what is running; null while nothing is. @type {AbortController | null} */
  #run = null;
  /** @type {HTMLDialogElement | null} */
  #dialog = null;
  /** Whoever waits for `signIn`. @type {{promise: Promise<object | null>, resolve: (session: object | null) => void} | null} */
  #waiting = null;

  connectedCallback() {
    if (!this.hasAttribute("dialog")) this.#start();
  }

  disconnectedCallback() {
    this.#dialog?.close();
    this.#stop();
    this.#settle(null);
  }

  attributeChangedCallback(name, before, now) {
    if (!this.#run || before === now) return;
    if (name === "theme") this.#dress();
    else this.#start();
  }

  /** @returns {string} the state of the attempt, as in docs/embedding.md; "" while there is none */
  get state() {
    return this.#signIn?.state ?? "";
  }

  /**
   * Ask the visitor to sign in: an element with the attribute `dialog` opens.
   *
   * @returns {Promise<{username: string} | null>} null when the visitor closed it
   */
  signIn() {
    if (!this.#waiting) {
      let resolve;
      const promise = new Promise((settle) => { resolve = settle; });
      this.#waiting = { promise, resolve };
      if (!this.#run) this.#start();
    }
    return this.#waiting.promise;
  }

  /** Close the dialog, as the visitor would. */
  close() {
    this.#dialog?.close();
  }

  /** `fetch`, but an answer of 401 asks the visitor to sign in, and then the request is repeated once. */
  async fetch(input, init) {
    const ask = () => fetch(input instanceof Request ? input.clone() : input, init);
    const answer = await ask();
    if (answer.status !== 401 || !(await this.signIn())) return answer;
    return ask();
  }

  /** End the session of this browser; an element in the page shows a code again. */
  async signOut() {
    const { token } = await loadShell(this.#server, this.#language());
    await new Api(this.#server, token).endSession();
    if (this.#run) this.#start();
  }

  // From the first answer of the server to the last.

  async #start() {
    this.#stop();
    const run = new AbortController();
    this.#run = run;
    try {
      const shell = await loadShell(this.#server, this.#language());
      await this.#dress();
      if (!run.signal.aborted) this.#show(shell);
    } catch (error) {
      if (!(error instanceof ShellError)) throw error;
      await this.#dress();
      if (!run.signal.aborted) this.#apologise(error.code);
    }
  }

  #stop() {
    this.#run?.abort();
    this.#signIn?.stop();
    this.#run = this.#signIn = null;
  }

  #show(shell) {
    const card = shell.content.querySelector(".card");
    this.#fill(shell.content, shell.texts.text("sign_in"));
    this.#signIn = new EmbeddedSignIn(card, this.#server, shell, {
      onState: (snapshot) => this.#told(snapshot, shell.texts),
      onSignedIn: (username) => this.#signedIn(username),
      onReload: () => this.#start(),
    }, this.hasAttribute("dialog") ? "embed-dialog" : "embed");
    if (shell.username) this.#signIn.enter(shell.username);
    else if (shell.keepsCookies) this.#signIn.start();
    else this.#signIn.refuse("cookies_blocked");
  }

  /** Without the server there is a sentence, a button, and what the site has put inside the element. */
  #apologise(code) {
    const language = this.#language();
    const words = WORDS[language];
    const card = make("div", { className: "card sorry", lang: language });
    const again = make("button", { className: "button", type: "button", textContent: words.try_again });
    const close = make("button", { className: "plain", type: "button", textContent: words.close });
    const sentence = make("p", { textContent: words[`embed_${code}`] });
    sentence.setAttribute("role", "alert");
    close.dataset.part = "close";
    close.hidden = true;
    again.addEventListener("click", () => this.#start());
    card.append(sentence, again, close, document.createElement("slot"));
    this.#fill(card, words.sign_in);
    this.#fail(code, sentence.textContent);
  }

  /** Put it where it is seen, in place of what was there. */
  #fill(content, name) {
    if (!this.hasAttribute("dialog")) {
      this.#shadow.replaceChildren(content);
    } else {
      this.#dialog ??= this.#makeDialog();
      this.#dialog.setAttribute("aria-label", name);
      this.#dialog.replaceChildren(content);
      this.#dialog.querySelector("[data-part=close]").hidden = false;
      if (!this.#dialog.open) this.#dialog.showModal();
    }
    for (const [part, selector] of Object.entries(PARTS)) {
      for (const element of this.#shadow.querySelectorAll(selector)) element.part.add(part);
    }
  }

  /** It has the keyboard itself when it opens, so that nothing is hit by chance; the browser gives it back. */
  #makeDialog() {
    const dialog = make("dialog", { autofocus: true });
    dialog.part.add("dialog");
    dialog.addEventListener("click", ({ target }) => {
      if (target.closest("[data-part=close]")) dialog.close();
    });
    dialog.addEventListener("close", () => {
      this.#stop();
      this.#settle(null);
    });
    this.#shadow.replaceChildren(dialog);
    return dialog;
  }

  #told({ state, error }, texts) {
    if (state === State.SCANNED) this.#tell("scanned");
    if (state === State.BIND_REQUIRED) this.#tell("bind");
    if (state === State.BUSY || state === State.REFUSED) this.#fail(error, texts.errorText(error));
  }

  #signedIn(username) {
    const goes = this.#tell("success", { username }, { cancelable: true });
    this.#settle({ username });
    if (this.#dialog?.open) setTimeout(() => this.close(), LINGER_MS);
    const next = sameSite(this.getAttribute("next") ?? "", "");
    if (goes && next) location.assign(next);
  }

  #fail(code, message) {
    // As with elements of the browser, it does not bubble: the page's own ear for errors is not meant.
    const isOurs = this.#tell("error", { code, message }, { bubbles: false, cancelable: true });
    if (isOurs) advise(code, this.#server);
  }

  /** @returns {boolean} whether nobody prevented what comes by itself */
  #tell(name, detail = {}, options = {}) {
    return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, ...options }));
  }

  #settle(session) {
    this.#waiting?.resolve(session);
    this.#waiting = null;
  }

  async #dress() {
    this.#shadow.adoptedStyleSheets = [await makeStyles(this.getAttribute("theme"))];
  }

  get #server() {
    return new URL(this.getAttribute("server") || HERE, HERE).origin;
  }

  #language() {
    const wished = this.closest("[lang]")?.getAttribute("lang") || navigator.language;
    return /^zh\b/i.test(wished) ? "zh" : "en";
  }
}

/**
 * Sign in in a dialog, on a page that has no element of its own for it.
 *
 * @param {{server?: string, lang?: string, theme?: string}} [attributes]
 * @returns {Promise<{username: string} | null>} null when the visitor closed it
 */
export async function signIn(attributes = {}) {
  const element = document.createElement("saoma-login");
  for (const [name, value] of Object.entries({ dialog: "", ...attributes })) element.setAttribute(name, value);
  document.body.append(element);
  try {
    return await element.signIn();
  } finally {
    // Not before the dialog has said that it went well.
    setTimeout(() => element.remove(), LINGER_MS);
  }
}

function make(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

// A page may load this twice, by two addresses.
if (!customElements.get("saoma-login")) customElements.define("saoma-login", SaomaLogin);
