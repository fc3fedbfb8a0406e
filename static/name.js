/**
 * A name of one's own, once: the form goes when it is chosen.
 */
import { rename } from "./api.js";
import { enhanceForm } from "./forms.js";
import { signedOut } from "./signed_out.js";
import { text } from "./texts.js";

const main = document.querySelector("main");
const card = main.querySelector("[data-part=name]");
const note = main.querySelector("[data-part=note]");

enhanceForm(card.querySelector("form"), async (fields) => {
  const renamed = await rename(fields.username).catch((error) => {
    if (!signedOut(error)) throw error;
  });
  if (renamed) show(renamed.username);
});

function show(username) {
  main.querySelector("[data-testid=username]").textContent = username;
  main.querySelector(".initial").textContent = [...username][0].toUpperCase();
  for (const field of main.querySelectorAll("input[name=username]")) field.value = username;
  card.remove();
  note.dataset.kind = "good";
  note.textContent = text("renamed_note");
  note.focus();
}
