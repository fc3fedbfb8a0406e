/**
 * Forms that are sent without leaving the page: one sending at a time, errors where the eye and the screen reader
 * are, and the password gone from the page once it failed.
 */
import { ApiError } from "./api.js";
import { texts as pageTexts } from "./texts.js";

const WRONG_PASSWORD = new Set(["bad_credentials", "bad_password"]);

/**
 * @param {HTMLFormElement} form with an element `[data-part=error]` inside
 * @param {(fields: Record<string, string>) => Promise<void>} submit throws an `ApiError` to have it shown
 * @param {import("./texts.js").Texts} [texts] the words, where they are not the page's
 */
export function enhanceForm(form, submit, texts = pageTexts) {
  const button = form.querySelector("[type=submit]");
  // Words of the browser come in the browser's language, ours in the page's.
  form.noValidate = true;
  for (const input of form.querySelectorAll("input")) {
    input.addEventListener("input", () => clearError(form));
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.getAttribute("aria-busy") === "true") return;
    clearError(form);
    const empty = [...form.elements].find((field) => field.required && !field.value);
    if (empty) return showError(form, texts.text(`error_${empty.name}_missing`), empty);
    form.setAttribute("aria-busy", "true");
    button.disabled = true;
    try {
      await submit(Object.fromEntries(new FormData(form)));
    } catch (error) {
      showFailure(form, error, texts);
    } finally {
      form.removeAttribute("aria-busy");
      button.disabled = false;
    }
  });
}

/** @param {HTMLFormElement} form */
export function clearError(form) {
  const place = form.querySelector("[data-part=error]");
  place.textContent = "";
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}

function showFailure(form, error, texts) {
  if (!(error instanceof ApiError)) throw error;
  const password = form.querySelector("[name=password]");
  const isPassword = WRONG_PASSWORD.has(error.code);
  if (isPassword) password.value = "";
  showError(form, texts.errorText(error.code, error.retryAfterMs), isPassword ? password : null);
}

/** @param {HTMLInputElement | null} field the one to correct, if any; the words stand below it */
function showError(form, words, field) {
  const place = form.querySelector("[data-part=error]");
  if (field) field.after(place);
  else form.querySelector("[type=submit]").before(place);
  place.textContent = words;
  if (!field) return;
  field.setAttribute("aria-invalid", "true");
  // After the button was enabled again, which may move the focus.
  queueMicrotask(() => field.focus());
}
