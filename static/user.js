/**
 * The user page: who I am, my WeChat, and the way out.
 */
import { ApiError, bind, createSession, endSession, readSession, unbind } from "./api.js";
import { Attempt } from "./attempt.js";
import { AttemptView } from "./attempt_view.js";
import { fullJitterMs } from "./backoff.js";
import { socketUrl } from "./connection.js";
import { enhanceForm } from "./forms.js";
import { Memory } from "./memory.js";
import { isHidden, isInWeChat, isPhone, watchPresence } from "./presence.js";
import { NotLinked } from "./protocol.js";
import { refreshSessions, showSessions } from "./sessions.js";
import { State } from "./snapshot.js";
import { errorText, text } from "./texts.js";
import { Transport } from "./transport.js";

/** After so many tries to link in a row without an answer there is none to be had. */
const MOST_UNANSWERED = 4;

const main = document.querySelector("main");
const part = (name) => main.querySelector(`[data-part="${name}"]`);
const wechat = main.querySelector("[data-testid=wechat-state]");
const widget = part("widget");
const start = main.querySelector("[data-testid=bind-start]");
const unbindForm = main.querySelector("[data-testid=unbind-form]");

const NOT_LINKED = new Set(Object.values(NotLinked));

/** @type {Attempt | null} the attempt to link, once the visitor has asked for it */
let attempt = null;
let state = "";
let secret = "";
/** How often in a row the attempt was to be linked and no answer came. */
let unanswered = 0;

/** @returns {boolean} whether the session ended and the visitor is on the way to sign in again */
function signedOut(error) {
  if (error.status !== 401 || error.code === "bad_credentials") return false;
  location.replace("/?next=/user");
  return true;
}

function showBound(isBound, words) {
  wechat.dataset.bound = String(isBound);
  note(words);
}

/** @param {string} words @param {"good" | "bad"} [kind] */
function note(words, kind = "good") {
  part("note").dataset.kind = kind;
  part("note").textContent = words;
}

function openWidget() {
  note("");
  widget.hidden = false;
  start.hidden = true;
  if (attempt) return attempt.startOver();
  const view = new AttemptView(
    main,
    { onChoose: (number) => attempt.choose(number), onRetry: () => attempt.startOver() },
    { keepable: isPhone, inWeChat: isInWeChat },
  );
  attempt = new Attempt({
    connection: new Transport(socketUrl(location), isHidden),
    memory: new Memory("link"),
    isHidden,
    link: true,
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
  start.hidden = false;
}

/** A scan by a WeChat user who has no account links it; one who has another is refused, and stays with it. */
async function outcome() {
  const { error } = attempt.snapshot;
  if (state === State.BIND_REQUIRED) {
    await link(() => bind({ bind_token: secret }));
  } else if (state === State.SUCCESS && unanswered) {
    await link(() => createSession(secret)); // it was linked, in a new session that never came here
  } else if (state === State.SUCCESS) {
    await wasLinked();
  } else if (state === State.DENIED && NOT_LINKED.has(error)) {
    notLinked(errorText(error));
  } else if (state === State.EXPIRED && unanswered) {
    location.reload(); // linked or not, and in which session, is for the server to say
  }
}

/** Who scanned has an account: this one, linked in another tab, unless nobody is signed in here any more. */
async function wasLinked() {
  try {
    const session = await readSession();
    if (session.wechat_bound) linked();
    else notLinked(errorText("openid_taken"));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (!signedOut(error)) notLinked(errorText(error.code, error.retryAfterMs));
  }
}

function linked() {
  closeWidget();
  showBound(true, text("linked_note"));
  refreshSessions();
  part("note").focus();
}

/** @param {string} words */
function notLinked(words) {
  closeWidget();
  note(words, "bad");
  start.focus();
}

/** @param {() => Promise<any>} request what ends with the account linked */
async function link(request) {
  try {
    await request();
    linked();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.isUnanswered && unanswered < MOST_UNANSWERED) return comeBack();
    if (signedOut(error)) return;
    notLinked(errorText(error.code, error.retryAfterMs));
  }
}

async function comeBack() {
  unanswered += 1;
  await new Promise((resolve) => setTimeout(resolve, fullJitterMs(unanswered)));
  if (!widget.hidden) attempt.comeBack("bind_token_gone");
}

showSessions({ signedOut });

start.addEventListener("click", openWidget);
part("close").addEventListener("click", () => {
  closeWidget();
  start.focus();
});

if (unbindForm) {
  enhanceForm(unbindForm, async ({ password }) => {
    try {
      await unbind(password);
      unbindForm.reset();
      part("unbind").open = false;
      showBound(false, text("unlinked_note"));
      refreshSessions();
      part("note").focus();
    } catch (error) {
      if (signedOut(error)) return;
      // Here only the password was asked for, so only the password can be wrong.
      throw error.code === "bad_credentials" ? new ApiError(error.status, "bad_password") : error;
    }
  });
}

main.querySelector("[data-testid=sign-out]").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  button.disabled = true;
  try {
    await endSession();
    location.replace("/");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) return location.replace("/");
    button.disabled = false;
    note(errorText(error.code, error.retryAfterMs), "bad");
  }
});
