// The tool cards next to the phone: clock, person, faults.

import { get, post, remove } from "./api.js";
import { element } from "./message.js";

const $ = (id) => document.getElementById(id);
const DATE = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const LANGUAGES = { en: "English", es: "Español", ru: "Русский", de: "Deutsch" };
const KINDS = { 429: "Too many requests", 502: "Bad gateway", refused: "Refused", older_api: "Older Bot API", reply_lost: "Answer lost", outage: "Outage", slow: "Slow line", half_open: "Half-open", duplicate: "Delivered twice", reorder: "Out of order" };
const SECONDS = { 429: "Seconds to wait", outage: "Duration in seconds (0: until stopped)", slow: "Delay of each answer in seconds", reorder: "Longest delay of an update in seconds" };

let shown = null; // the last known clock: {now, speed, movable} and, in receivedAt, when it was received

export function sandboxNow() {
  const passed = (performance.now() - shown.receivedAt) * shown.speed;
  return new Date(Date.parse(shown.now) + passed);
}

export function setClock(clock) {
  shown = { ...clock, receivedAt: performance.now() };
  $("clock-buttons").hidden = !clock.movable;
  tick();
}

function tick() {
  if (!shown) return;
  const now = sandboxNow();
  $("clock").textContent = now.toISOString().slice(11, 16);
  $("clock").dateTime = now.toISOString();
  $("date").textContent = DATE.format(now);
}

function wireClock(canSkip) {
  setInterval(tick, 250);
  $("skip").hidden = !canSkip;
  const jump = async (path, body) => {
    const buttons = [$("skip"), $("hour"), $("day")];
    const used = document.activeElement;
    for (const button of buttons) button.disabled = true;
    try {
      setClock(await post(path, body));
      $("clock-note").textContent = `The clock now shows ${$("clock").textContent}, ${$("date").textContent}.`;
    } catch (error) {
      $("clock-note").textContent = error.message === "nothing is due" ? "No event is due. Open an invite first." : error.message;
    } finally {
      for (const button of buttons) button.disabled = false;
      used?.focus();
    }
  };
  $("skip").addEventListener("click", () => jump("/clock/next-event"));
  $("hour").addEventListener("click", () => jump("/clock/advance", { seconds: 3600 }));
  $("day").addEventListener("click", () => jump("/clock/advance", { seconds: 86400 }));
}

export function showPerson(person) {
  const facts = [["Code", person.code ?? person.name], ["Phone language", LANGUAGES[person.language_code] ?? person.language_code]];
  if (person.link) facts.push(["Invite", person.opened ? "opened" : "not opened yet"]);
  facts.push(["Bot", person.blocked ? "blocked" : person.started ? "started" : "not started"]);
  $("person-facts").replaceChildren(...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  $("block").textContent = person.blocked ? "Unblock the bot" : "Block the bot";
  $("block").disabled = !person.started;
}

export async function showFaults() {
  const { faults } = await get("/state");
  $("fault-count").hidden = faults.length === 0;
  $("fault-count").textContent = faults.length;
  if (!faults.length) $("fault-note").textContent = "";
  $("faults").replaceChildren(...faults.map((fault) => {
    const extent = fault.count ? `next ${fault.count}` : fault.percent ? `${fault.percent} %` : "";
    const words = [KINDS[fault.kind], fault.methods.length ? "some requests" : "all requests", extent, fault.seconds ? `${fault.seconds} s` : ""];
    const stop = element("button", { class: "quiet", type: "button", onclick: () => remove(`/faults/${fault.id}`) }, "Stop");
    return element("li", {}, element("span", {}, words.filter(Boolean).join(", ")), stop);
  }));
}

function wireFaults() {
  const label = () => {
    const words = SECONDS[$("fault-kind").value];
    $("fault-seconds").parentElement.hidden = !words;
    $("fault-seconds-label").textContent = words ?? "";
  };
  $("fault-kind").addEventListener("change", label);
  label();
  $("fault-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const kind = $("fault-kind").value;
    const seconds = Number($("fault-seconds").value);
    const [extent, amount] = $("fault-extent").value.split(" ");
    const body = { kind, methods: $("fault-methods").value.split(" ").filter(Boolean) };
    if (extent) body[extent] = Number(amount);
    if (kind === "429") body.retry_after = Math.max(1, seconds);
    else if (SECONDS[kind] && seconds) body.seconds = seconds;
    try {
      await post("/faults", body);
      $("fault-note").textContent = "Fault active.";
    } catch (error) {
      $("fault-note").textContent = error.message;
    }
  });
}

export function wireDesk(can) {
  wireClock(can.next_event);
  wireFaults();
}
