/**
 * A session that ended elsewhere, found out by a request of the user page.
 *
 * @param {import("./api.js").ApiError} error
 * @returns {boolean} whether the visitor is on the way to sign in again
 */
export function signedOut(error) {
  if (error.status !== 401 || error.code === "bad_credentials") return false;
  location.replace("/?next=/user");
  return true;
}
