/**
 * The words of this page in the visitor's language, as the server put them into the `texts` block.
 */

const TEXTS = JSON.parse(document.getElementById("texts")?.textContent ?? "{}");

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values] what to put for `{name}` in the text
 * @returns {string}
 */
export function text(key, values = {}) {
  return (TEXTS[key] ?? "").replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * What an error code means and what to do about it.
 *
 * @param {string} code
 * @param {number} [waitMs] how long until it is worth another try
 * @returns {string}
 */
export function errorText(code, waitMs = 0) {
  const keys = [waitMs > 0 && `error_${code}_wait`, `error_${code}`, "error_unknown"];
  return text(keys.find((key) => key && key in TEXTS), { wait: waitText(waitMs) });
}

/** The units in which a time long past is told, largest first, and their seconds. */
const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60]];

/**
 * A time in the past in words, in the largest unit of which it has one.
 *
 * @param {number} seconds ago
 * @returns {string}
 */
export function agoText(seconds) {
  const [unit, length] = UNITS.find(([, each]) => seconds >= each) ?? [];
  if (!unit) return text("just_now");
  return new Intl.RelativeTimeFormat(document.documentElement.lang).format(-Math.floor(seconds / length), unit);
}

/**
 * A wait in words: seconds below a minute and a half, whole minutes above.
 *
 * @param {number} waitMs
 * @returns {string}
 */
export function waitText(waitMs) {
  const seconds = Math.max(1, Math.ceil(waitMs / 1_000));
  if (seconds === 1) return text("wait_second");
  if (seconds < 90) return text("wait_seconds", { count: seconds });
  return text("wait_minutes", { count: Math.ceil(seconds / 60) });
}
