/**
 * The sentence at the top of the user page: what has just been done, or why not.
 */
import { text } from "./texts.js";

const KEY = "saoma.note";
const place = document.querySelector("main > [data-part=note]");

/** @param {string} words @param {"good" | "bad"} [kind] */
export function note(words, kind = "good") {
  place.dataset.kind = kind;
  place.textContent = words;
}

/**
 * Show the page as it is now, with a sentence.
 *
 * @param {string} key of the sentence
 */
export function showAnew(key) {
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    // Without it the page says the same by what it shows.
  }
  location.reload();
}

/** Say what `showAnew` had to say, once, where the screen reader is. */
export function sayLeft() {
  try {
    const key = sessionStorage.getItem(KEY);
    sessionStorage.removeItem(KEY);
    if (!key) return;
    note(text(key));
    place.focus();
  } catch {
    // As above.
  }
}
