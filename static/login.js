/**
 * The sign-in page: joins the attempt, its view, the forms and the server's endpoints.
 */
import { ApiError, bind, createSession, readSession, sameSite, signIn } from "./api.js";
import { Attempt, State } from "./attempt.js";
import { AttemptView } from "./attempt_view.js";
import { fullJitterMs } from "./backoff.js";
import { Connection, socketUrl } from "./connection.js";
import { clearError, enhanceForm } from "./forms.js";
import { Memory } from "./memory.js";
import { isHidden, isInWeChat, isPhone, watchPresence } from "./presence.js";
import { ErrorCode } from "./protocol.js";
import { text } from "./texts.js";

/** The user page is where a visitor goes who did not come for another one. */
const HOME = "/user";
/** No code comes soon: the password is the better way in. */
const NO_CODES = new Set([ErrorCode.QUOTA_EXHAUSTED, ErrorCode.QUOTA_LOW]);
/** Between two reloads because the server did not understand us: once helps, more would be a loop. */
const RELOAD_EVERY_MS = 60_000;
/** After so many trades in a row without an answer there is none to be had. */
const MOST_UNANSWERED = 8;

const main = document.querySelector("main");
const bindForm = main.querySelector("[data-testid=bind-form]");
const passwordForm = main.querySelector("[data-testid=password-form]");
const passwordFold = main.querySelector("[data-part=password]");
const next = sameSite(main.dataset.next, HOME);

const view = new AttemptView(
  main,
  { onChoose: (number) => attempt.choose(number), onRetry: retry },
  { keepable: isPhone, inWeChat: isInWeChat },
);
const memory = new Memory("sign-in");
const attempt = new Attempt({
  connection: new Connection(socketUrl(location), isHidden),
  memory,
  isHidden,
  onChange: changed,
});

let state = State.LOADING;
/** The login code that was traded last, and how many in a row got no answer. */
let traded = "";
let unanswered = 0;

/** @param {import("./attempt.js").Snapshot} snapshot */
function changed(snapshot) {
  const entered = snapshot.state !== state;
  state = snapshot.state;
  view.render(snapshot);
  if (state === State.SUCCESS && snapshot.secret !== traded) trade(snapshot.secret);
  if (!entered) return;
  if (state === State.WAITING) unanswered = 0;
  if (state === State.EXPIRED && snapshot.error === "code_gone") followOtherTab();
  if (state === State.BIND_REQUIRED) showBindForm();
  if (state === State.BUSY && NO_CODES.has(snapshot.error)) passwordFold.open = true;
  if (state === State.REFUSED && snapshot.error === ErrorCode.BAD_MESSAGE) reloadOnce();
}

/** Turn a login code into a session. Without an answer, what became of it is asked for: the phone has already said yes. */
async function trade(code) {
  traded = code;
  try {
    enter(await createSession(code, next));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    unanswered += 1;
    const mayBeDone = error.isUnanswered || error.code === "code_gone" || error.code === "rate_limited";
    if (!mayBeDone || unanswered > MOST_UNANSWERED) return attempt.lapse(error.code);
    await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs + fullJitterMs(unanswered)));
    attempt.comeBack("code_gone");
  }
}

/** @param {{username?: string, next?: string}} session */
function enter(session) {
  state = State.SUCCESS;
  view.render({ ...attempt.snapshot, state, error: "", retryAtMs: 0 });
  if (session.username) view.say(text("success_title"), text("success_detail_name", { name: session.username }));
  attempt.finish();
  location.replace(sameSite(session.next, next));
}

function showBindForm() {
  bindForm.reset();
  clearError(bindForm);
  // Nothing is taken away from a visitor who is typing: the password form has just made room for this one.
  bindForm.elements.namedItem("username").focus();
}

/** Not every phone's browser keeps a picture after a long press. WeChat's does, and cannot download. */
function offerToSave() {
  const link = main.querySelector("[data-part=save-code]");
  main.addEventListener("saoma:code", () => {
    link.href = main.querySelector("[data-part=code]").src;
    link.hidden = false;
  });
}

/** A page that the server does not understand is not helped by another code. */
function retry() {
  if (attempt.snapshot.error === ErrorCode.BAD_MESSAGE) location.reload();
  else attempt.startOver();
}

function reloadOnce() {
  const memory = new Memory("reload");
  const before = memory.recall();
  if (before && Date.now() - before.at < RELOAD_EVERY_MS) return;
  memory.keep({ at: Date.now() });
  location.reload();
}

/** Somebody who signed in elsewhere meanwhile has nothing left to do here. */
async function followOtherTab() {
  if (state === State.SUCCESS || state === State.BIND_REQUIRED) return;
  const session = await readSession().catch(() => null);
  if (session) enter({ username: session.username });
}

enhanceForm(bindForm, async (fields) => {
  const { bind_token: _, ...credentials } = fields;
  try {
    const { username } = await bind({ ...credentials, bind_token: attempt.snapshot.secret });
    enter({ username });
  } catch (error) {
    if (error.code === "bind_token_gone") return attempt.comeBack(error.code); // perhaps by a try without an answer
    if (error.isUnanswered) attempt.comeBack("code_gone");
    throw error;
  }
});
bindForm.querySelector("[data-part=start-over]").addEventListener("click", () => attempt.startOver());

enhanceForm(passwordForm, async ({ username, password }) => {
  const session = await signIn({ username, password, next });
  enter({ username, next: session?.next });
});

main.addEventListener("saoma:code", ({ detail }) => {
  const phone = main.querySelector("[data-part=sandbox-phone]");
  if (!phone) return;
  const address = new URL(phone.href);
  address.searchParams.set("ticket", detail.ticket);
  phone.href = address.href;
});

if (isPhone) {
  passwordFold.open = !main.querySelector("[data-testid=web-login]");
  if (isInWeChat) main.querySelector("[data-part=phone-hint]").hidden = true;
  else offerToSave();
}
watchPresence({
  onReturn(awayMs) {
    attempt.returned(awayMs);
    followOtherTab();
  },
  onOnline: () => attempt.online(),
  onActivity: () => attempt.active(),
});
// Back from WeChat's page, somebody who has no account here yet goes on where a scan would have led.
if (main.dataset.resume) memory.keep({ resume: main.dataset.resume });
attempt.start();
