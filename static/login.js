/**
 * The sign-in page: joins the attempt, its view, the forms and the server's endpoints.
 */
import { home, sameSite } from "./api.js";
import { Attempt } from "./attempt.js";
import { AttemptView } from "./attempt_view.js";
import { socketUrl } from "./connection.js";
import { Entrance, NO_CODES } from "./entrance.js";
import { clearError, enhanceForm } from "./forms.js";
import { Memory } from "./memory.js";
import { isHidden, isInWeChat, isPhone, watchPresence } from "./presence.js";
import { ErrorCode } from "./protocol.js";
import { State } from "./snapshot.js";
import { text } from "./texts.js";
import { Transport } from "./transport.js";

/** The user page is where a visitor goes who did not come for another one. */
const HOME = "/user";
const SCRIPT_OF_HOME = "user.js";
/** Only signing in is left. */
const ON_THE_WAY = new Set([State.SCANNED, State.BIND_REQUIRED, State.SUCCESS]);
/** Between two reloads because the server did not understand us: once helps, more would be a loop. */
const RELOAD_EVERY_MS = 60_000;

const main = document.querySelector("main");
const bindForm = main.querySelector("[data-testid=bind-form]");
const passwordForm = main.querySelector("[data-testid=password-form]");
const passwordFold = main.querySelector("[data-part=password]");
const next = sameSite(main.dataset.next, HOME);

const memory = new Memory("sign-in");
// Back from WeChat's page, somebody who has no account here yet goes on where a scan would have led.
const { resume } = document.querySelector("script[data-resume]").dataset;
if (resume) memory.keep({ resume });

const attempt = new Attempt({
  connection: new Transport(socketUrl(location), isHidden), memory, isHidden, onChange: changed,
});
const view = new AttemptView(
  main,
  { onChoose: (number) => attempt.choose(number), onRetry: retry },
  { keepable: isPhone, inWeChat: isInWeChat },
);
const entrance = new Entrance({
  api: home, attempt, onSession: enter, onBindAgain: () => bindForm.requestSubmit(), next,
});

let state = State.LOADING;
let isFetchedAhead = false;

/** @param {import("./snapshot.js").Snapshot} snapshot */
function changed(snapshot) {
  const entered = snapshot.state !== state;
  state = snapshot.state;
  view.render(snapshot);
  entrance.heard(snapshot);
  if (!entered) return;
  if (ON_THE_WAY.has(state)) fetchAhead();
  if (state === State.BIND_REQUIRED) showBindForm();
  if (state === State.BUSY && NO_CODES.has(snapshot.error)) passwordFold.open = true;
  if (state === State.REFUSED && snapshot.error === ErrorCode.BAD_MESSAGE) reloadOnce();
}

/** Have the browser keep the script of the user page, which is next: then it is there at once. */
function fetchAhead() {
  if (isFetchedAhead || next !== HOME) return;
  isFetchedAhead = true;
  const { href } = new URL(SCRIPT_OF_HOME, import.meta.url);
  document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href }));
}

/** @param {{username: string, next?: string}} session */
function enter(session) {
  state = State.SUCCESS;
  view.render({ ...attempt.snapshot, state, error: "", retryAtMs: 0 });
  view.say(text("success_title"), text("welcome_name", { name: session.username }));
  attempt.finish();
  location.replace(sameSite(session.next, next));
}

function showBindForm() {
  bindForm.reset();
  clearError(bindForm);
  // Nothing is taken away from a visitor who is typing: the password form has just made room for this one.
  bindForm.elements.namedItem("username").focus();
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

enhanceForm(bindForm, ({ username, password }) => entrance.bind({ username, password }));
bindForm.querySelector("[data-part=start-over]").addEventListener("click", () => attempt.startOver());

enhanceForm(passwordForm, ({ username, password }) => entrance.signIn({ username, password }));

if (isPhone) passwordFold.open = !main.querySelector("[data-testid=web-login]");
watchPresence({
  onReturn(awayMs) {
    attempt.returned(awayMs);
    entrance.follow();
  },
  onOnline: () => attempt.online(),
  onActivity: () => attempt.active(),
});
attempt.start();
