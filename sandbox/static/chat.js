// The chat on the phone's screen. All text goes in as text, never as markup.

import { paintAvatar } from "./people.js";
import { say } from "./texts.js";

const TIME_GAP_S = 300;
const AUTHORS = { sent: "from_me", reply: "from_account", system: "from_system" };

const chat = document.getElementById("chat");
const empty = document.getElementById("chat-empty");

let shownOpenid = null;
let lastAt = 0;

/**
 * Show *bubbles* as the chat of *user*: adds the new ones, starts again for another user.
 * @param {{openid: string, name: string}} user
 * @param {{id: number, kind: string, text: string, at: number}[]} bubbles oldest first
 */
export function showChat(user, bubbles) {
  const another = user.openid !== shownOpenid;
  if (another) clear(user.openid);
  const kept = new Set(bubbles.map((bubble) => String(bubble.id)));
  for (const line of chat.querySelectorAll("[data-id]")) {
    if (!kept.has(line.dataset.id)) line.remove();
  }
  const last = Number([...chat.querySelectorAll("[data-id]")].at(-1)?.dataset.id ?? 0);
  const fresh = bubbles.filter((bubble) => bubble.id > last);
  for (const bubble of fresh) append(bubble, user);
  empty.hidden = bubbles.length > 0;
  if (another || fresh.length) chat.scrollTop = chat.scrollHeight;
}

function clear(openid) {
  shownOpenid = openid;
  lastAt = 0;
  for (const line of [...chat.children]) {
    if (line !== empty) line.remove();
  }
}

function append(bubble, user) {
  if (bubble.at - lastAt > TIME_GAP_S) chat.append(makeTime(bubble));
  lastAt = bubble.at;
  chat.append(bubble.kind in AUTHORS ? makeLine(bubble, user) : makeNote(bubble));
}

function makeTime(bubble) {
  const time = document.createElement("time");
  time.className = "time";
  time.dataset.id = bubble.id;
  const moment = new Date(bubble.at * 1000);
  time.dateTime = moment.toISOString();
  time.textContent = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return time;
}

function makeNote(bubble) {
  const note = document.createElement("p");
  note.className = "note";
  note.dataset.id = bubble.id;
  note.dataset.testid = "note";
  note.textContent = say(`note_${bubble.kind}`);
  return note;
}

function makeLine(bubble, user) {
  const line = document.createElement("div");
  line.className = "line";
  line.dataset.id = bubble.id;
  line.dataset.kind = bubble.kind;
  const author = document.createElement("span");
  author.className = "unseen";
  author.textContent = say(AUTHORS[bubble.kind]);
  const body = document.createElement("div");
  body.className = "bubble";
  body.dataset.kind = bubble.kind;
  body.dataset.testid = "bubble";
  body.textContent = bubble.text;
  line.append(author, ...makePicture(bubble, user), body);
  return line;
}

function makePicture(bubble, user) {
  if (bubble.kind === "system") return [];
  if (bubble.kind === "reply") {
    const picture = new Image(40, 40);
    picture.src = "/phone/static/icon.svg";
    picture.alt = "";
    return [picture];
  }
  const avatar = document.createElement("span");
  avatar.className = "avatar";
  avatar.setAttribute("aria-hidden", "true");
  paintAvatar(avatar, user);
  return [avatar];
}
