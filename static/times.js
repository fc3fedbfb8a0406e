/**
 * Moments in the visitor's own time zone: what is recent by how long ago it was, the rest by date and time.
 */
const LANGUAGE = document.documentElement.lang;
const DAY_S = 86_400;
const STEPS = [["hour", 3_600], ["minute", 60]];

const absolute = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: "auto" });

/** @param {Date} moment @returns {string} */
export function inWords(moment) {
  const ago = (Date.now() - moment) / 1_000;
  if (ago >= DAY_S) return absolute.format(moment);
  const [unit, seconds] = STEPS.find((step) => ago >= step[1]) ?? ["second", Infinity];
  return relative.format(-Math.floor(ago / seconds), unit);
}

for (const element of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(element.dateTime);
  element.textContent = inWords(moment);
  element.title = absolute.format(moment);
}
