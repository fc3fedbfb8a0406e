/**
 * Moments in the visitor's own time zone: what is recent by how long ago it was, the rest by date and time.
 */
import { agoText } from "./texts.js";

const DAY_S = 86_400;
const absolute = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

for (const element of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(element.dateTime);
  const ago = (Date.now() - moment) / 1_000;
  element.title = absolute.format(moment);
  element.textContent = ago < DAY_S ? agoText(ago) : element.title;
}
