/**
 * The user page: who I am, and the way out.
 */
import { ApiError, endSession } from "./api.js";
import "./name.js";
import { note, sayLeft } from "./notes.js";
import { showSessions } from "./sessions.js";
import { signedOut } from "./signed_out.js";
import { errorText } from "./texts.js";
import "./times.js";
import "./wechats.js";

sayLeft();
showSessions({ signedOut });

// A page that the browser has kept for its back button may show an account that is signed out by now.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});

document.querySelector("[data-testid=sign-out]").addEventListener("click", async (event) => {
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
