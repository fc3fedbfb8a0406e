/**
 * Opens the sign-in page's socket before any module is there, so that its handshake costs no time of its own;
 * `connection.js` takes it over. It needs nothing, so it is a script of the old kind, and nobody waits for it.
 */
if (document.visibilityState === "visible") {
  window.earlySocket = new WebSocket(location.origin.replace(/^http/, "ws") + "/ws");
}
