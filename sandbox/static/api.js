// What the page asks of the sandbox. Knows nothing of the DOM.

/** An answer that says no; `word` is stable, `message` is for people. */
export class Refused extends Error {
  /** @param {{error: string, message: string}} answer */
  constructor(answer) {
    super(answer.message);
    this.word = answer.error;
  }
}

/**
 * Fetch all that the page shows.
 * @param {string} openid whose chat
 * @returns {Promise<{users: object[], codes: object[], bubbles: object[], held: number}>}
 */
export function readState(openid) {
  return send("GET", `/phone/state?openid=${encodeURIComponent(openid)}`);
}

/**
 * Do something with the phone; resolves once the account's server has answered.
 * @param {"scan"|"follow"|"unfollow"|"message"|"users"} act
 * @param {object} details
 * @throws {Refused}
 */
export function perform(act, details) {
  return send("POST", `/phone/${act}`, details);
}

/**
 * Read or change what goes wrong on purpose.
 * @param {"GET"|"POST"|"DELETE"} method
 * @param {string} name what of `/sandbox/`
 * @param {object} [details]
 * @returns {Promise<object|null>} null when there is nothing to tell
 * @throws {Refused}
 */
export function steer(method, name, details) {
  return send(method, `/sandbox/${name}`, details);
}

/**
 * Tell which code a person means: its address, its ticket, or the address of its picture.
 * @param {string} typed
 * @returns {{url: string} | {ticket: string}}
 */
export function readAddress(typed) {
  const text = typed.trim();
  const picture = /[?&]ticket=([^&#]+)/.exec(text);
  if (picture) return { ticket: decodeTicket(picture[1]) };
  return text.includes("/q/") && text.includes("weixin.qq.com") ? { url: text } : { ticket: text };
}

function decodeTicket(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

async function send(method, path, details) {
  const body = details && JSON.stringify(details);
  const headers = body ? { "Content-Type": "application/json" } : {};
  const response = await fetch(path, { method, body, headers });
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Refused(answer);
  return answer;
}
