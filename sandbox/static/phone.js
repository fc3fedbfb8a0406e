// The virtual phone: ties desk, chat and sheet to the sandbox.

import { Refused, perform, readState } from "./api.js";
import { showChat } from "./chat.js";
import { chooseCode, chosenCode, showChoice, showCodes } from "./codes.js";
import { handTo, holder, showUsers } from "./people.js";
import { askToFollow, dismissSheet } from "./sheet.js";
import { say } from "./texts.js";

const POLL_MS = 1000;

const byId = (id) => document.getElementById(id);
const screen = byId("phone");
const scanButton = byId("scan");
const scanLabel = byId("scan-label");
const statusLine = byId("status");
const messageInput = byId("message-input");

let timer = 0;
let refreshes = 0;
let offline = false;

async function refresh() {
  clearTimeout(timer);
  const mine = ++refreshes;
  try {
    const asked = holder();
    const state = await readState(asked);
    // Overtaken by a later refresh, perhaps for another user: its answer is the one to show.
    if (mine !== refreshes) return;
    const user = showUsers(state.users);
    showCodes(state.codes);
    showFoot(user);
    // A push that is held waits for the next one, which may need this button.
    if (state.held) freeScan();
    if (offline) tell("");
    offline = false;
    // At first, and when a user was forgotten, the phone goes to somebody else: ask for their chat.
    if (user.openid !== asked) return refresh();
    showChat(user, state.bubbles);
  } catch (error) {
    if (mine !== refreshes) return;
    offline = true;
    tell(say("offline"), "bad");
    console.warn(error);
  }
  showClock();
  timer = setTimeout(() => document.hidden || refresh(), POLL_MS);
}

/** Run *act*; what it refuses goes to the status line, and the page is fresh afterwards. */
async function attempt(act) {
  try {
    await act();
  } catch (error) {
    tell(error instanceof Refused ? explain(error) : say("offline"), "bad");
    if (!(error instanceof Refused)) console.warn(error);
  }
  await refresh();
}

async function scan() {
  const code = chosenCode();
  if (code === null) return tell(say("no_code"), "bad");
  dismissSheet();
  const openid = holder();
  const looked = await waiting(perform("scan", { ...code, openid, follow: false }));
  if (looked.event !== null) return scanned(looked);
  tell(say("choose_follow"));
  showPhone();
  if (!(await askToFollow())) return tell(say("cancelled"));
  return scanned(await waiting(perform("scan", { ...code, openid, follow: true })));
}

async function scanned(done) {
  chooseCode("");
  report(done);
  // First the list without this code, then the way to the phone: it is shorter by then.
  await refresh();
  showPhone();
}

async function waiting(answer) {
  scanButton.disabled = true;
  scanLabel.textContent = say("scanning");
  try {
    return await answer;
  } finally {
    freeScan();
  }
}

function freeScan() {
  scanButton.disabled = false;
  scanLabel.textContent = say("scan");
}

function report(done) {
  if (!done.delivered) return tell(say("not_delivered"), "bad");
  tell(say(done.expired ? "done_expired" : "done"), "good");
}

function explain(refused) {
  const known = ["unknown_code", "unknown_user"].includes(refused.word);
  return say(known ? refused.word : "bad_request", { message: refused.message });
}

function tell(text, tone = "") {
  statusLine.textContent = text;
  statusLine.dataset.tone = tone;
}

function showFoot(user) {
  byId("write").hidden = !user.follower;
  byId("follow-account").hidden = user.follower;
  byId("unfollow").disabled = !user.follower;
}

function showClock() {
  const now = new Date();
  const two = (number) => String(number).padStart(2, "0");
  byId("clock").textContent = `${two(now.getHours())}:${two(now.getMinutes())}`;
}

/** Bring the phone into sight on screens where it is below the desk. */
function showPhone() {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  screen.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
}

byId("scan-form").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(scan);
});

byId("code-address").addEventListener("input", showChoice);

byId("user-picker").addEventListener("change", () => {
  dismissSheet();
  handTo(holder());
  tell("");
  refresh();
});

byId("new-user").addEventListener("click", () => attempt(async () => {
  dismissSheet();
  const user = await perform("users", {});
  byId("user-picker").add(new Option(user.name, user.openid));
  handTo(user.openid);
  tell("");
}));

byId("follow-account").addEventListener("click", () => attempt(async () => {
  report(await perform("follow", { openid: holder() }));
}));

byId("unfollow").addEventListener("click", () => attempt(async () => {
  byId("menu").open = false;
  report(await perform("unfollow", { openid: holder() }));
}));

byId("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = messageInput.value;
  if (!text.trim()) return;
  messageInput.value = "";
  attempt(async () => {
    const answer = perform("message", { openid: holder(), text });
    refresh();
    report(await answer);
  });
});

byId("menu").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  byId("menu").open = false;
  byId("menu").querySelector("summary").focus();
});

document.addEventListener("click", (event) => {
  if (!byId("menu").contains(event.target)) byId("menu").open = false;
});

document.addEventListener("visibilitychange", () => document.hidden || refresh());

chooseCode(new URLSearchParams(location.search).get("ticket") ?? "");
refresh();
