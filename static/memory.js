/**
 * What a page remembers of its attempt, so that a reload shows the same code. It belongs to one tab and to one
 * purpose, and lives in sessionStorage; a browser that refuses storage merely gets a fresh code on reload.
 */

/**
 * @typedef {object} Remembered
 * @property {string} resume the secret that continues the attempt
 * @property {string} ticket the code it was shown with
 * @property {number} lifeMs how long that code lived when it was new
 */

export class Memory {
  /** @param {string} purpose keeps signing in and linking apart */
  constructor(purpose) {
    this.key = `saoma.${purpose}`;
  }

  /** @returns {Remembered | null} */
  recall() {
    try {
      return JSON.parse(sessionStorage.getItem(this.key) ?? "null");
    } catch {
      return null;
    }
  }

  /** @param {Remembered} what */
  keep(what) {
    try {
      sessionStorage.setItem(this.key, JSON.stringify(what));
    } catch {
      // Full or forbidden: the page works without.
    }
  }

  forget() {
    try {
      sessionStorage.removeItem(this.key);
    } catch {
      // As above.
    }
  }
}
