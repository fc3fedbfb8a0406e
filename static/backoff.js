/**
 * How long to wait before trying again. All jitter lives here: many pages lose their sockets at the same
 * moment, and must not come back at the same moment.
 */
import { CloseCode } from "./protocol.js";

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
/** After a restart another process is ready at once; a second of spread is enough for it. */
const RESTART_SPREAD_MS = 1_000;
/** A server that says "try later" is left alone for at least this long. */
const LATER_MS = 5_000;
/** A tab nobody looks at may wait; coming into view reconnects it at once. */
const HIDDEN_MS = 10_000;

/**
 * Exponential backoff with full jitter: any time between nothing and the current ceiling.
 *
 *     fullJitterMs(0) // 0 … 500
 *     fullJitterMs(3) // 0 … 4000
 *
 * @param {number} tries failures in a row before this one
 * @param {() => number} [random]
 * @returns {number}
 */
export function fullJitterMs(tries, random = Math.random) {
  return random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** tries);
}

/**
 * When to open the next socket after one closed.
 *
 * @param {number} closeCode
 * @param {number} tries failures in a row before this one
 * @param {{hidden?: boolean, random?: () => number}} [circumstances]
 * @returns {number | null} milliseconds, or null when only the visitor may ask again
 */
export function reconnectDelayMs(closeCode, tries, { hidden = false, random = Math.random } = {}) {
  if (closeCode === CloseCode.REFUSED || closeCode === CloseCode.BAD_MESSAGE) return null;
  const delayMs = activeDelayMs(closeCode, tries, random);
  return hidden ? Math.max(HIDDEN_MS, delayMs) : delayMs;
}

function activeDelayMs(closeCode, tries, random) {
  if (closeCode === CloseCode.RESTARTING && tries === 0) return random() * RESTART_SPREAD_MS;
  if (closeCode === CloseCode.TRY_LATER) return LATER_MS + fullJitterMs(tries + 4, random);
  return fullJitterMs(tries, random);
}

/**
 * When to repeat a request that was answered by an error.
 *
 * @param {number | null | undefined} retryAfter seconds, as the server says
 * @param {number} tries refusals in a row before this one
 * @param {() => number} [random]
 * @returns {number} milliseconds, never before what the server asked for
 */
export function retryDelayMs(retryAfter, tries, random = Math.random) {
  const askedMs = Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter * 1_000 : LATER_MS;
  return askedMs + fullJitterMs(Math.min(tries, 4), random);
}
