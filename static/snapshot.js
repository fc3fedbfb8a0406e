/**
 * What there is to show of an attempt at one moment.
 */

export const State = Object.freeze({
  LOADING: "loading",
  WAITING: "waiting",
  SCANNED: "scanned",
  BIND_REQUIRED: "bind_required",
  SUCCESS: "success",
  DENIED: "denied",
  EXPIRED: "expired",
  IDLE: "idle",
  BUSY: "busy",
  OFFLINE: "offline",
  SUPERSEDED: "superseded",
  REFUSED: "refused",
});

/** States that no longer need a socket: it may go, and is not opened again before the visitor asks. */
export const SETTLED = new Set([
  State.SUCCESS, State.BIND_REQUIRED, State.DENIED, State.IDLE, State.SUPERSEDED, State.REFUSED,
]);

/**
 * @typedef {object} Snapshot
 * @property {string} state one of `State`
 * @property {{ticket: string, url: string, image: string} | null} code the code to show
 * @property {number} lifeMs how long that code lived when it was new
 * @property {number} deadlineMs when the code or the bind form runs out, on the clock of `performance.now`
 * @property {number[]} choices the numbers to choose from, if any
 * @property {number | null} chosen
 * @property {string} secret the login code after `success`, the bind token after `bind_required`
 * @property {string} error why, as an error code; "" when all is well
 * @property {number} retryAtMs when a refused request is repeated, on the same clock; 0 when it is not
 */

/** @type {Snapshot} */
export const NOTHING_YET = {
  state: State.LOADING, code: null, lifeMs: 0, deadlineMs: 0, choices: [], chosen: null, secret: "", error: "",
  retryAtMs: 0,
};
