/**
 * The user page: who I am, and the way out.
 */
import { ApiError, endSession } from "./api.js";
import { note, sayLeft } from "./notes.js";
import { showSessions } from "./sessions.js";
import { signedOut } from "./signed_out.js";
import { errorText } from "./texts.js";
import "./wechats.js";

sayLeft();
showSessions({ signedOut });

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
