// What a page adds to htmx: countdowns, live updates of the queue, keyboard shortcuts, printing, passkeys. Pages are readable without it.
"use strict";

// Countdowns use the server's clock, not this machine's: the page carries the time at which it was rendered, which gives the offset.
let clockOffset = 0;

function setClock() {
  const made = document.querySelector("[data-now]")?.dataset.now;
  if (made) { clockOffset = new Date(made) - Date.now(); }
}

function countDown() {
  for (const clock of document.querySelectorAll("time[data-until]")) {
    const left = Math.round((new Date(clock.dataset.until) - Date.now() - clockOffset) / 1000);
    const minutes = Math.floor(Math.abs(left) / 60);
    const words = minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes} min`;
    clock.textContent = left < 0 ? `−${words}` : words;
  }
}

// Don't replace the queue while somebody types or chooses in it: wait until the field loses focus.
function busy(queue) {
  const at = document.activeElement;
  return at && queue.contains(at) && ["SELECT", "INPUT"].includes(at.tagName);
}

function watch(queue) {
  let stale = false;
  const replace = () => {
    if (busy(queue)) { stale = true; return; }
    stale = false;
    const row = document.activeElement?.closest?.("tr.row");
    const place = row ? [...queue.querySelectorAll("tr.row")].indexOf(row) : -1;
    htmx.ajax("GET", queue.dataset.fragment, { target: queue, swap: "innerHTML" }).then(() => {
      setClock();
      countDown();
      if (place >= 0) { queue.querySelectorAll("tr.row")[place]?.focus(); }
    });
  };
  const events = new EventSource(queue.dataset.events);
  events.addEventListener("queue", replace);
  queue.addEventListener("focusout", () => { if (stale) { setTimeout(replace, 300); } });
  window.addEventListener("pagehide", () => events.close());
}

function move(by) {
  const rows = [...document.querySelectorAll("tr.row")];
  const at = rows.indexOf(document.activeElement?.closest?.("tr.row"));
  rows[Math.min(Math.max(at + by, 0), rows.length - 1)]?.focus();
}

function press(key) {
  const row = document.activeElement?.closest?.("tr.row");
  row?.querySelector(`[data-key="${key}"]`)?.click();
}

document.addEventListener("keydown", (event) => {
  const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
  if (typing || event.ctrlKey || event.metaKey || event.altKey) { return; }
  if (event.key === "j") { move(1); }
  if (event.key === "k") { move(-1); }
  if (event.key === "a" || event.key === "o") { press(event.key); }
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) { window.print(); }
});

// Passkeys: pass the server's options to the browser and send its answer back in an ordinary form.
function hasPasskeys() {
  return window.PublicKeyCredential?.parseRequestOptionsFromJSON && window.PublicKeyCredential?.parseCreationOptionsFromJSON;
}

async function passkey(form) {
  const token = form.querySelector("input[name=csrf]")?.value ?? "";
  const asked = await fetch(form.dataset.ask, { method: "POST", body: new URLSearchParams({ csrf: token }) });
  const options = await asked.json();
  const made = form.dataset.passkey === "create"
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  form.querySelector("input[name=credential]").value = JSON.stringify(made);
  form.submit();
}

if (hasPasskeys()) {
  for (const part of document.querySelectorAll("[data-needs-passkeys]")) { part.hidden = false; }
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    // If the user cancels the browser's prompt, the page stays as it is.
    form.addEventListener("submit", (event) => { event.preventDefault(); passkey(form).catch(() => {}); });
  }
}

const queue = document.querySelector("[data-events]");
if (queue) { watch(queue); }
setClock();
countDown();
setInterval(countDown, 15000);
