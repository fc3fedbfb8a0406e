/**
 * Words in the visitor's language.
 */

/** The units in which a time long past is told, largest first, and their seconds. */
const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60]];

export class Texts {
  /** @param {Record<string, string>} table the words of one language by key */
  constructor(table) {
    this.table = table;
  }

  /** @param {Document} page @returns {Texts} the words that the server put into the `texts` block of a page */
  static in(page) {
    const block = page.querySelector('script#texts[type="application/json"]');
    return new Texts(JSON.parse(block?.textContent ?? "{}"));
  }

  /**
   * @param {string} key
   * @param {Record<string, string | number>} [values] what to put for `{name}` in the text
   * @returns {string}
   */
  text(key, values = {}) {
    return (this.table[key] ?? "").replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
  }

  /**
   * What an error code means and what to do about it.
   *
   * @param {string} code
   * @param {number} [waitMs] how long until it is worth another try
   * @returns {string}
   */
  errorText(code, waitMs = 0) {
    const keys = [waitMs > 0 && `error_${code}_wait`, `error_${code}`, "error_unknown"];
    return this.text(keys.find((key) => key && key in this.table), { wait: this.waitText(waitMs) });
  }

  /**
   * A wait in words: seconds below a minute and a half, whole minutes above.
   *
   * @param {number} waitMs
   * @returns {string}
   */
  waitText(waitMs) {
    const seconds = Math.max(1, Math.ceil(waitMs / 1_000));
    if (seconds === 1) return this.text("wait_second");
    if (seconds < 90) return this.text("wait_seconds", { count: seconds });
    return this.text("wait_minutes", { count: Math.ceil(seconds / 60) });
  }
}

/** The words of this page. */
export const texts = Texts.in(document);
export const text = (key, values) => texts.text(key, values);
export const errorText = (code, waitMs) => texts.errorText(code, waitMs);
export const waitText = (waitMs) => texts.waitText(waitMs);

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
