/**
 * The browsers in which the visitor is signed in, and the way out of each.
 */
import { ApiError, endOtherSessions, endSessionOf, readSessions } from "./api.js";
import { agoText, errorText, text } from "./texts.js";

const section = document.querySelector("[data-testid=sessions]");
const part = (name, within = section) => within.querySelector(`[data-part="${name}"]`);
const list = part("sessions");
const others = section.querySelector("[data-testid=end-others]");

/** @type {(error: ApiError) => boolean} whether the error was that this page is signed out, and the visitor is on his way */
let signedOut;

/** @param {{ signedOut: (error: ApiError) => boolean }} page */
export function showSessions(page) {
  ({ signedOut } = page);
  others.addEventListener("click", () => end(others, endOtherSessions, "others_ended_note"));
  return refreshSessions();
}

/** Show what there is now; how the visitor was signed in may have changed. */
export async function refreshSessions() {
  try {
    const { sessions } = await readSessions();
    sessions.sort((one, other) => other.current - one.current);
    list.replaceChildren(...sessions.map(row));
    others.hidden = sessions.length < 2;
  } catch (error) {
    fail(error);
  }
  section.hidden = false;
}

function row(session) {
  const item = part("session").content.cloneNode(true);
  const name = session.browser.replace("/", " · ") || text("unknown_browser");
  const button = item.querySelector("button");
  part("browser", item).textContent = name;
  part("current", item).hidden = !session.current;
  part("way", item).textContent = [session.place, text(`by_${session.by}`)].filter(Boolean).join(" · ");
  const [first, last] = [agoText(session.first_used), agoText(session.last_used)];
  const used = !session.current && first !== last;
  part("times", item).textContent = text(used ? "session_used" : "session_begun", { first, last });
  button.hidden = session.current;
  button.setAttribute("aria-label", text("end_session_of", { browser: name }));
  button.addEventListener("click", () => end(button, () => endSessionOf(session.id), "session_ended_note"));
  return item;
}

/** @param {HTMLButtonElement} button @param {() => Promise<void>} ask @param {string} done key of the words for it */
async function end(button, ask, done) {
  button.disabled = true;
  try {
    await ask();
  } catch (error) {
    // It ended already: what was wanted is so.
    if (error.code !== "session_unknown") return fail(error);
  } finally {
    button.disabled = false;
  }
  note(text(done));
  part("sessions-note").focus();
  await refreshSessions();
}

function fail(error) {
  if (!(error instanceof ApiError)) throw error;
  if (!signedOut(error)) note(errorText(error.code, error.retryAfterMs), "bad");
}

/** @param {string} words @param {"good" | "bad"} [kind] */
function note(words, kind = "good") {
  part("sessions-note").dataset.kind = kind;
  part("sessions-note").textContent = words;
}
