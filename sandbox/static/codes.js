// The list of codes that wait for a scan. The address field is the choice: an item is pressed when
// the field names it, and an empty field means the newest.

import { readAddress } from "./api.js";
import { say } from "./texts.js";

const list = document.getElementById("codes");
const empty = document.getElementById("no-codes");
const count = document.getElementById("code-count");
const field = document.getElementById("code-address");

let codes = [];

/**
 * Show *waiting*, newest first. Items stay the same elements, so focus stays where it is.
 * @param {{ticket: string, url: string, scene: number|string, seconds_left: number,
 *   expire_seconds: number}[]} waiting  seconds_left is null for a permanent code
 */
export function showCodes(waiting) {
  codes = waiting;
  const known = new Map([...list.children].map((item) => [item.firstChild.dataset.ticket, item]));
  const items = codes.map((code) => known.get(code.ticket) ?? makeItem(code));
  const unchanged = items.length === list.children.length
    && items.every((item, index) => item === list.children[index]);
  if (!unchanged) list.replaceChildren(...items);
  items.forEach((item, index) => updateItem(item, codes[index]));
  empty.hidden = codes.length > 0;
  count.textContent = codes.length || "";
  showChoice();
}

/**
 * Return the code to scan as the sandbox takes it, null when there is none.
 * @returns {{url: string} | {ticket: string} | null}
 */
export function chosenCode() {
  if (field.value.trim()) return readAddress(field.value);
  return codes.length ? { ticket: codes[0].ticket } : null;
}

/** Name *address* in the field; "" goes back to the newest code. */
export function chooseCode(address) {
  field.value = address;
  showChoice();
}

/** Press the item that the field names. */
export function showChoice() {
  const chosen = chosenCode();
  for (const [index, item] of [...list.children].entries()) {
    const { ticket, url } = codes[index];
    const pressed = chosen !== null && (chosen.ticket === ticket || chosen.url === url);
    item.firstChild.setAttribute("aria-pressed", pressed);
  }
}

function makeItem(code) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "code";
  button.dataset.testid = "code-item";
  button.dataset.ticket = code.ticket;
  button.addEventListener("click", () => chooseCode(field.value === code.url ? "" : code.url));
  const picture = new Image(64, 64);
  picture.src = `/cgi-bin/showqrcode?ticket=${encodeURIComponent(code.ticket)}`;
  picture.alt = "";
  const life = document.createElement("progress");
  life.max = code.expire_seconds;
  life.setAttribute("aria-hidden", "true");
  const scene = makeSpan("code-scene", say("scene", { scene: code.scene }));
  button.append(picture, scene, makeSpan("code-left"), life, makeSpan("code-tick"));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function updateItem(item, code) {
  const permanent = code.seconds_left === null;
  const left = permanent ? say("permanent") : say("seconds_left", { seconds: code.seconds_left });
  item.querySelector(".code-left").textContent = left;
  item.querySelector("progress").hidden = permanent;
  item.querySelector("progress").value = code.seconds_left ?? 0;
}

function makeSpan(name, text = "") {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = text;
  return span;
}
