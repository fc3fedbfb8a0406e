// The panel of troubles: faults of the API and of pushes, formats, tokens, quotas and time.

import { Refused, steer } from "./api.js";
import { say } from "./texts.js";

const POLL_MS = 1000;
const VALUES = { errcode: 45009, delay: 3, status: 502, repeats: 1, at_once: 2, lost_answers: 1 };

const byId = (id) => document.getElementById(id);
const panel = byId("trouble");
const statusLine = byId("trouble-status");

let timer = 0;

function show(state) {
  const { mode, data, repeat_tickets: repeat } = state.settings;
  byId("push-mode").value = mode;
  byId("push-data").value = data;
  for (const option of byId("push-mode").options) {
    option.disabled = option.value !== "plain" && !state.has_key;
  }
  byId("repeat-tickets").checked = repeat;
  showTroubles(describe(state));
}

function showTroubles(lines) {
  const list = byId("troubles");
  const shown = [...list.children].map((item) => item.textContent);
  // Replaced only when something changed: whoever reads or selects them is not disturbed.
  if (shown.join("\n") !== lines.join("\n")) {
    list.replaceChildren(...lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }));
  }
  byId("trouble-count").textContent = lines.length || "";
}

function describe(state) {
  const lines = state.faults.map((fault) => `${fault.path}: ${partsOf(fault, "fault")}`);
  lines.push(...state.push_faults.map((fault) => `${say("push")}: ${partsOf(fault, "push")}`));
  if (state.held) lines.push(say("held", { pushes: state.held }));
  for (const quota of state.quotas) {
    if (quota.daily_limit !== null && quota.used >= quota.daily_limit) {
      lines.push(`${quota.path}: ${say("use_up_day")}`);
    }
    if (quota.minute_over) lines.push(`${quota.path}: ${say("use_up_minute")}`);
  }
  if (state.settings.repeat_tickets) lines.push(say("repeat_tickets"));
  if (state.ahead > 0) lines.push(say("ahead", { seconds: state.ahead }));
  return lines;
}

/** Say what a fault does: every part of it that is set, and how often. */
function partsOf(fault, kind) {
  const { path, times, ...parts } = fault;
  const set = Object.entries(parts).filter(([, value]) => value !== null && value !== false && value !== 0);
  const words = set.map(([name, value]) => (
    value === true ? say(`${kind}_${name}`) : `${say(`${kind}_${name}`)} ${value}`
  ));
  return `${words.join(", ")} × ${times ?? "∞"}`;
}

async function refresh() {
  clearTimeout(timer);
  if (!panel.open || document.hidden) return;
  try {
    show(await steer("GET", "state"));
  } catch (error) {
    console.warn(error);
  }
  timer = setTimeout(refresh, POLL_MS);
}

/** Ask for a change, show what came of it, and say so. */
async function attempt(method, name, details, told = "done_trouble") {
  try {
    const answer = await steer(method, name, details);
    tell(typeof told === "function" ? told(answer) : say(told), "good");
  } catch (error) {
    const refused = error instanceof Refused;
    tell(refused ? say("bad_request", { message: error.message }) : say("offline"), "bad");
    if (!refused) console.warn(error);
  }
  await refresh();
}

function tell(text, tone) {
  statusLine.textContent = text;
  statusLine.dataset.tone = tone;
}

function readTimes(id) {
  return byId(id).value === "" ? null : Number(byId(id).value);
}

/** Let the field for a value follow the kind of fault: what takes none has none. */
function follow(kind, value) {
  const usual = () => {
    const field = byId(value);
    const needed = !["drop", "hold"].includes(byId(kind).value);
    field.closest("label").hidden = !needed;
    field.disabled = !needed;
    field.value = VALUES[byId(kind).value] ?? 0;
  };
  byId(kind).addEventListener("change", usual);
  usual();
}

follow("fault-kind", "fault-value");
follow("push-kind", "push-value");

byId("fault-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const kind = byId("fault-kind").value;
  const value = kind === "drop" ? true : Number(byId("fault-value").value);
  const fault = { path: byId("fault-path").value, times: readTimes("fault-times"), [kind]: value };
  attempt("POST", "faults", fault);
});

byId("push-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const kind = byId("push-kind").value;
  const value = Number(byId("push-value").value);
  const ways = { at_once: { repeats: value, at_once: true }, hold: { hold: true } };
  attempt("POST", "push-faults", { times: readTimes("push-times"), ...(ways[kind] ?? { [kind]: value }) });
});

byId("push-mode").addEventListener("change", (event) => {
  attempt("POST", "settings", { mode: event.target.value });
});

byId("push-data").addEventListener("change", (event) => {
  attempt("POST", "settings", { data: event.target.value });
});

byId("repeat-tickets").addEventListener("change", (event) => {
  attempt("POST", "settings", { repeat_tickets: event.target.checked });
});

byId("check-callback").addEventListener("click", () => attempt("POST", "check", {}, (answer) => (
  answer.callbacks
    .map(({ callback, passed, outcome }) => `${callback}: ${passed ? say("passed") : outcome}`)
    .join("; ")
)));

byId("clear-trouble").addEventListener("click", () => attempt("DELETE", "state"));

for (const button of panel.querySelectorAll("[data-tokens]")) {
  button.addEventListener("click", () => attempt("POST", "tokens", { act: button.dataset.tokens }));
}

for (const button of panel.querySelectorAll("[data-use-up]")) {
  button.addEventListener("click", () => {
    attempt("POST", "quotas", { path: byId("fault-path").value, use_up: button.dataset.useUp });
  });
}

for (const button of panel.querySelectorAll("[data-forward]")) {
  button.addEventListener("click", () => {
    attempt("POST", "clock", { forward: Number(button.dataset.forward) });
  });
}

panel.addEventListener("toggle", refresh);
document.addEventListener("visibilitychange", refresh);
