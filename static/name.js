/**
 * A name of one's own, once.
 */
import { rename } from "./api.js";
import { enhanceForm } from "./forms.js";
import { showAnew } from "./notes.js";
import { signedOut } from "./signed_out.js";

enhanceForm(document.querySelector("[data-testid=name-form]"), async ({ username }) => {
  try {
    await rename(username);
    showAnew("renamed_note");
  } catch (error) {
    if (!signedOut(error)) throw error;
  }
});
