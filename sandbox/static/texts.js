// The page's words, from the same file that its template was made with.

const texts = await (await fetch(document.documentElement.dataset.texts)).json();

/**
 * Return the words of *key*, its `{holes}` filled.
 * @param {string} key
 * @param {Record<string, string|number>} [values]
 * @returns {string}
 */
export function say(key, values = {}) {
  return texts[key].replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);
}
