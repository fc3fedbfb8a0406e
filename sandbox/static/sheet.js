// The sheet that asks somebody who scanned a code to follow the account first.

const cover = document.getElementById("cover");
const sheet = document.getElementById("sheet");
const follow = document.getElementById("follow");
const cancel = document.getElementById("cancel");
const behind = ["title", "chat", "foot"].map((id) => document.getElementById(id));

let answer = null;

follow.addEventListener("click", () => close(true));
cancel.addEventListener("click", () => close(false));
sheet.addEventListener("keydown", (event) => {
  if (event.key === "Escape") close(false);
});

/**
 * Show the sheet and wait for the choice.
 * @returns {Promise<boolean>} true for Follow
 */
export function askToFollow() {
  close(false);
  const before = document.activeElement;
  cover.hidden = false;
  for (const element of behind) element.inert = true;
  follow.focus();
  return new Promise((resolve) => {
    answer = (choice) => {
      resolve(choice);
      before?.focus();
    };
  });
}

/** Close the sheet as if Cancel was tapped; does nothing when it is closed. */
export function dismissSheet() {
  close(false);
}

function close(choice) {
  cover.hidden = true;
  for (const element of behind) element.inert = false;
  const tell = answer;
  answer = null;
  tell?.(choice);
}
