/**
 * The attempt of the sign-in page. It is a script of its own that runs as soon as it is there: the socket opens, and
 * the server makes a code, while the browser still reads what draws the page.
 */
import { Attempt } from "./attempt.js";
import { socketUrl } from "./connection.js";
import { Memory } from "./memory.js";
import { isHidden } from "./presence.js";
import { Transport } from "./transport.js";

const memory = new Memory("sign-in");
// Back from WeChat's page, somebody who has no account here yet goes on where a scan would have led.
const { resume } = document.querySelector("script[data-resume]").dataset;
if (resume) memory.keep({ resume });

/** Nobody listens yet: whoever comes later sees by its snapshot how far it is. */
export const attempt = new Attempt({
  connection: new Transport(socketUrl(location), isHidden),
  memory,
  isHidden,
  onChange() {},
});
attempt.start();
