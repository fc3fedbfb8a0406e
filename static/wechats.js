/**
 * The WeChats of the account: linking another, replacing one, taking one off.
 */
import { ApiError, bind, createSession, unbind } from "./api.js";
import { Attempt } from "./attempt.js";
import { AttemptView } from "./attempt_view.js";
import { fullJitterMs } from "./backoff.js";
import { socketUrl } from "./connection.js";
import { enhanceForm } from "./forms.js";
import { Memory } from "./memory.js";
import { note, showAnew } from "./notes.js";
import { isHidden, isInWeChat, isPhone, watchPresence } from "./presence.js";
import { NotLinked } from "./protocol.js";
import { signedOut } from "./signed_out.js";
import { State } from "./snapshot.js";
import { errorText } from "./texts.js";
import { Transport } from "./transport.js";

/** After so many tries to link in a row without an answer there is none to be had. */
const MOST_UNANSWERED = 4;
const NOT_LINKED = new Set(Object.values(NotLinked));

const main = document.querySelector("main");
const part = (name) => main.querySelector(`[data-part="${name}"]`);
const widget = part("widget");
const replaceForm = part("replace");
const starts = [...main.querySelectorAll("[data-testid=bind-start], [data-testid=replace-start]")];

/** @type {Attempt | null} the attempt to link, once the visitor has asked for it */
let attempt = null;
let state = "";
let secret = "";
/** How often in a row the attempt was to be linked and no answer came. */
let unanswered = 0;
/** @type {HTMLButtonElement} what the visitor has asked by; it names the WeChat to replace, if there is one */
let asked;
/** The proof of the scan, while the password is asked for. */
let bindToken = "";

function openWidget(button) {
  note("");
  asked = button;
  replaceForm.hidden = true;
  widget.hidden = false;
  for (const each of starts) each.hidden = true;
  const wish = { link: true, replace: "wechat" in asked.dataset };
  if (attempt) {
    attempt.wish = wish;
    return attempt.startOver();
  }
  const view = new AttemptView(
    main,
    { onChoose: (number) => attempt.choose(number), onRetry: () => attempt.startOver() },
    { keepable: isPhone, inWeChat: isInWeChat },
  );
  attempt = new Attempt({
    connection: new Transport(socketUrl(location), isHidden),
    memory: new Memory("link"),
    isHidden,
    wish,
    onChange(snapshot) {
      const isNews = snapshot.state !== state || snapshot.secret !== secret;
      ({ state, secret } = snapshot);
      view.render(snapshot);
      if (isNews) outcome();
    },
  });
  watchPresence({
    onReturn: (awayMs) => widget.hidden || attempt.returned(awayMs),
    onOnline: () => widget.hidden || attempt.online(),
    onActivity: () => attempt.active(),
  });
  attempt.start();
}

function closeWidget() {
  attempt?.finish();
  state = secret = "";
  unanswered = 0;
  delete main.dataset.state;
  widget.hidden = true;
}

/** @param {string} [words] why nothing is linked, if it is not the visitor's wish */
function startAfresh(words = "") {
  closeWidget();
  replaceForm.hidden = true;
  for (const each of starts) each.hidden = false;
  note(words, "bad");
  asked.focus();
}

/** A scan by a WeChat user who has no account links it; one who has another is refused, and stays with it. */
async function outcome() {
  const { error } = attempt.snapshot;
  if (state === State.BIND_REQUIRED && asked.dataset.wechat) {
    askForPassword();
  } else if (state === State.SUCCESS && unanswered) {
    await link(() => createSession(secret)); // it was linked, in a new session that never came here
  } else if (state === State.BIND_REQUIRED || state === State.SUCCESS) {
    await link(() => bind({ bind_token: secret })); // who scanned may have an account, and the server says which
  } else if (state === State.DENIED && NOT_LINKED.has(error)) {
    startAfresh(errorText(error));
  } else if (state === State.EXPIRED && unanswered) {
    location.reload(); // linked or not, and in which session, is for the server to say
  }
}

function askForPassword() {
  bindToken = secret;
  closeWidget();
  replaceForm.hidden = false;
  replaceForm.querySelector("[type=password]").focus();
}

/** @param {() => Promise<any>} request what ends with the account linked */
async function link(request) {
  try {
    await request();
    done("linked_note");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.isUnanswered && unanswered < MOST_UNANSWERED) return comeBack();
    if (signedOut(error)) return;
    if (error.code === "wechat_own") return done("error_wechat_own"); // perhaps it was linked in another tab
    startAfresh(errorText(error.code, error.retryAfterMs));
  }
}

async function comeBack() {
  unanswered += 1;
  await new Promise((resolve) => setTimeout(resolve, fullJitterMs(unanswered)));
  if (!widget.hidden) attempt.comeBack("bind_token_gone");
}

/** @param {string} key of the words for it */
function done(key) {
  closeWidget();
  showAnew(key);
}

for (const each of starts) each.addEventListener("click", () => openWidget(each));
part("close").addEventListener("click", () => startAfresh());
part("keep").addEventListener("click", () => startAfresh());

enhanceForm(replaceForm, ({ password }) =>
  confirmed("replaced_note", () =>
    bind({ bind_token: bindToken, replace: true, wechat: Number(asked.dataset.wechat), password }),
  ),
);
for (const form of main.querySelectorAll("[data-testid=unbind-form]")) {
  enhanceForm(form, ({ password, wechat }) =>
    confirmed("unlinked_note", () => unbind(password, Number(wechat))),
  );
}

/** Do what the password was asked for. @param {string} key of the words for it @param {() => Promise<void>} ask */
async function confirmed(key, ask) {
  try {
    await ask();
    showAnew(key);
  } catch (error) {
    if (signedOut(error)) return;
    // Here only the password was asked for, so only the password can be wrong.
    throw error.code === "bad_credentials" ? new ApiError(error.status, "bad_password") : error;
  }
}
