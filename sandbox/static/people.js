// The picker of users and what it says of the one who holds the phone.

import { say } from "./texts.js";

const HUES = 6;
const STORED = "saoma-sandbox-openid";

const picker = document.getElementById("user-picker");
const avatar = document.getElementById("holder-avatar");
const badge = document.getElementById("holder-badge");
const shownOpenid = document.getElementById("holder-openid");

let shownUsers = "";

/** The openid of whoever holds the phone, "" before the first state came. */
export function holder() {
  return picker.value || localStorage.getItem(STORED) || "";
}

/** Put the phone into the hands of *openid*, who is in the list. */
export function handTo(openid) {
  picker.value = openid;
  localStorage.setItem(STORED, openid);
}

/**
 * Show *users*, and keep the phone in the same hands when they are still there.
 * @param {{openid: string, name: string, follower: boolean}[]} users
 * @returns {object} the user who holds the phone
 */
export function showUsers(users) {
  const wanted = holder();
  // Replaced only when something changed: an open list would close under the mouse.
  if (JSON.stringify(users) !== shownUsers) {
    shownUsers = JSON.stringify(users);
    picker.replaceChildren(...users.map((user) => new Option(labelOf(user), user.openid)));
  }
  const user = users.find((one) => one.openid === wanted) ?? users[0];
  picker.value = user.openid;
  paintAvatar(avatar, user);
  badge.textContent = say(user.follower ? "follower" : "not_follower");
  badge.dataset.follower = user.follower;
  shownOpenid.textContent = user.openid;
  return user;
}

/** Give *element* the letter and the colour of *user*. */
export function paintAvatar(element, user) {
  element.textContent = [...user.name].at(-1);
  const hash = [...user.openid].reduce((sum, c) => (sum * 17 + c.codePointAt(0)) % 65521, 0);
  element.dataset.hue = hash % HUES;
}

function labelOf(user) {
  return `${user.name} · ${say(user.follower ? "follower" : "not_follower")}`;
}
