/**
 * What a page of another site needs from the server before there is anything to show: markup, words and styles. Also
 * why it cannot have them, for whoever runs that site.
 */
import { Texts } from "./texts.js";

/** An answer that takes longer than this is not coming. */
const TIMEOUT_MS = 15_000;
/** The styles of the pages, and what the element has different. */
const SHEETS = ["styles.css", "embed.css"];
/** What to do, by error code. */
const ADVICE = {
  unreachable: (server) => `${server} does not answer. Is it up, and does the policy of this page have it in connect-src?`,
  origin_refused: (server) => `${location.origin} is not among server.allowed_origins of ${server}.`,
  cookies_blocked: (server) => `cookies of ${server} are not kept on this page. Both have to be of one site.`,
};

/** How the server says whether the request had the cookies of an answer before. */
const COOKIES_HEADER = "X-Saoma-Cookies";
const KEPT = "kept";
const DARK = "(prefers-color-scheme: dark)";

/** @type {Promise<string> | undefined} */
let styles;

export class ShellError extends Error {
  /** @param {string} code `unreachable` or `origin_refused` */
  constructor(code) {
    super(code);
    this.name = "ShellError";
    this.code = code;
  }
}

/**
 * @typedef {object} Shell
 * @property {DocumentFragment} content the card and its pictures
 * @property {Texts} texts
 * @property {string} token the XSRF token
 * @property {string} username of whoever is signed in; ""
 * @property {boolean} keepsCookies whether the browser sends back what the server sets
 */

/**
 * @param {string} server its origin
 * @param {"zh" | "en"} language
 * @returns {Promise<Shell>}
 * @throws {ShellError}
 */
export async function loadShell(server, language) {
  const address = `${server}/embed/${language}`;
  const [shell] = await Promise.all([ask(address), styleText()]);
  // A browser that was never here has no cookies yet; whether it keeps them shows in a second answer only.
  const keepsCookies = shell.keepsCookies || (await asksWithCookies(address));
  return { ...shell, keepsCookies };
}

/** Tell those who run the site. @param {string} code @param {string} server */
export function advise(code, server) {
  if (ADVICE[code]) console.error(`saoma-login: ${ADVICE[code](server)}`);
}

/**
 * The styles of a shadow tree. No inline style, which policies forbid, and no rem, which belongs to the other site.
 *
 * @param {string | null} theme `light` or `dark`; anything else follows the system
 * @returns {Promise<CSSStyleSheet>}
 */
export async function makeStyles(theme) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(await styleText());
  if (theme === "light" || theme === "dark") {
    for (const { media } of sheet.cssRules) {
      if (!media?.mediaText.includes(DARK)) continue;
      const others = media.mediaText.split(" and ").filter((feature) => feature !== DARK);
      media.mediaText = theme === "dark" ? others.join(" and ") || "all" : "not all";
    }
    sheet.insertRule(`:host { color-scheme: ${theme}; }`, sheet.cssRules.length);
  }
  return sheet;
}

/** @returns {Promise<string>} the styles, "" while they cannot be had */
function styleText() {
  styles ??= Promise.all(SHEETS.map(readText)).then(
    (texts) => texts.join("\n").replace(/^(?!@media).*$/gm, inUnits),
    () => {
      styles = undefined;
      return "";
    },
  );
  return styles;
}

const inUnits = (line) => line.replace(/(\d*\.?\d+)rem/g, "calc($1 * var(--unit))");

async function readText(name) {
  const answer = await fetch(new URL(name, import.meta.url), { credentials: "omit" });
  return answer.ok ? answer.text() : Promise.reject(new ShellError("unreachable"));
}

/** @returns {Promise<Shell>} */
async function ask(address) {
  let answer;
  try {
    answer = await get(address);
  } catch {
    throw new ShellError(await whyNot(address));
  }
  const page = answer.response;
  if (answer.status !== 200 || !page) throw new ShellError("unreachable");
  const content = document.createDocumentFragment();
  for (const element of page.querySelectorAll("body > :not(script)")) content.append(document.importNode(element, true));
  return {
    content,
    texts: Texts.in(page),
    token: answer.getResponseHeader("X-XSRFToken") ?? "",
    username: page.querySelector(".card").dataset.username,
    keepsCookies: answer.getResponseHeader(COOKIES_HEADER) === KEPT,
  };
}

async function asksWithCookies(address) {
  const signal = AbortSignal.timeout?.(TIMEOUT_MS);
  const answer = await fetch(address, { method: "HEAD", credentials: "include", signal }).catch(() => null);
  if (!answer?.ok) throw new ShellError("unreachable");
  return answer.headers.get(COOKIES_HEADER) === KEPT;
}

/** Read a document. XMLHttpRequest parses it where policies for trusted types forbid `innerHTML`. */
function get(address) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    Object.assign(request, { responseType: "document", withCredentials: true, timeout: TIMEOUT_MS });
    request.onload = () => resolve(request);
    request.onerror = request.ontimeout = reject;
    request.send();
  });
}

/** A page whose origin is refused learns it only without its cookies. @returns {Promise<string>} an error code */
async function whyNot(address) {
  try {
    const answer = await fetch(address, { credentials: "omit", signal: AbortSignal.timeout?.(TIMEOUT_MS) });
    const { error } = await answer.json();
    return error.code in ADVICE ? error.code : "unreachable";
  } catch {
    return "unreachable";
  }
}
