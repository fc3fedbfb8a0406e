/**
 * Who is there, and whether: the phone in hand, the tab in view, the network up, a hand at the keyboard.
 */

const ACTIVITY = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

/** A visitor who holds the phone in hand cannot scan its own screen. */
export const isPhone = window.matchMedia("(pointer: coarse) and (max-width: 640px)").matches;

/** WeChat's own browser on a phone reads a code that is pressed and held. */
export const isInWeChat = isPhone && /MicroMessenger/i.test(navigator.userAgent);

/** @returns {boolean} */
export const isHidden = () => document.visibilityState !== "visible";

/**
 * Report comings and goings, for as long as the page lives or until the signal.
 *
 * @param {object} listener
 * @param {(awayMs: number) => void} listener.onReturn in view again, after so long; Infinity after the browser's
 *   back button brought a frozen page back
 * @param {() => void} listener.onOnline the network came back
 * @param {() => void} listener.onActivity the visitor did something; called for each movement
 * @param {AbortSignal} [signal] ends it
 */
export function watchPresence({ onReturn, onOnline, onActivity }, signal) {
  let hiddenAt = isHidden() ? performance.now() : null;
  document.addEventListener("visibilitychange", () => {
    if (isHidden()) {
      hiddenAt = performance.now();
    } else if (hiddenAt !== null) {
      const awayMs = performance.now() - hiddenAt;
      hiddenAt = null;
      onReturn(awayMs);
    }
  }, { signal });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) onReturn(Infinity);
  }, { signal });
  window.addEventListener("online", onOnline, { signal });

  for (const name of ACTIVITY) window.addEventListener(name, () => onActivity(), { passive: true, signal });
}
