/**
 * A name of one's own, once: the form is there for whoever still has a generated one.
 */
import { rename } from "./api.js";
import { enhanceForm } from "./forms.js";
import { showAnew } from "./notes.js";
import { signedOut } from "./signed_out.js";

const form = document.querySelector("[data-testid=name-form]");
if (form) {
  enhanceForm(form, async ({ username }) => {
    try {
      await rename(username);
      showAnew("renamed_note");
    } catch (error) {
      if (!signedOut(error)) throw error;
    }
  });
}
