/**
 * Timers by name: one that is set again replaces itself.
 */
export class Timers {
  /** @type {Map<string, number>} */
  #running = new Map();

  /** @param {string} name */
  has(name) {
    return this.#running.has(name);
  }

  /** @param {string} name @param {number} delayMs @param {() => void} action */
  set(name, delayMs, action) {
    this.clear(name);
    this.#running.set(name, setTimeout(() => {
      this.#running.delete(name);
      action();
    }, delayMs));
  }

  /** @param {string} name */
  clear(name) {
    clearTimeout(this.#running.get(name));
    this.#running.delete(name);
  }

  clearAll() {
    for (const name of [...this.#running.keys()]) this.clear(name);
  }
}
