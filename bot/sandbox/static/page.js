// The page: people, the open chat, incoming events. Messages are rendered by message.js, the tool cards by desk.js.

import { get, listen, post } from "./api.js";
import { setClock, showFaults, showPerson, wireDesk } from "./desk.js";
import { element, icon, messageElement } from "./message.js";

const $ = (id) => document.getElementById(id);
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" });
const NOTE_SECONDS = 4;
const TOGETHER = 3000; // milliseconds

let people = [];
let can = {};
let openId = null;
let firstNew = null; // the first message of those that came together: its beginning stays in view
let firstNewAt = 0;
const unread = new Map();
const answered = new Map(); // tap id -> button, until the bot answers

const open = () => people.find((person) => person.id === openId);
const phone = (path, body) => {
  firstNew = null;
  return post(`/people/${openId}${path}`, body).catch((error) => note(error.message));
};

// -- Notes and typing ------------------------------------------------------------------------------------------------

let noteTimer;
function note(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => { $("toast").hidden = true; }, NOTE_SECONDS * 1000);
}

let typingTimer;
function typing() {
  $("phone-status").textContent = "typing…";
  clearTimeout(typingTimer);
  typingTimer = setTimeout(() => { $("phone-status").textContent = "bot"; }, 4000);
}

const actions = {
  call: (number) => note(`A real phone would now call ${number}.`),
  open: (url) => note(`A real phone would now open ${url}`),
  async tap(message, row, column, button, pressed) {
    if (button.copy_text) {
      await navigator.clipboard?.writeText(button.copy_text.text).catch(() => {});
      note(`Copied: ${button.copy_text.text}`);
    }
    if (button.url) actions.open(button.url);
    if (!("callback_data" in button)) return;
    pressed.setAttribute("aria-busy", "true");
    const done = await phone("/tap", { message_id: message.message_id, row, column, data: button.callback_data });
    if (done?.tap && !done.tap.answer && answered.get(done.tap.id) !== "early") answered.set(done.tap.id, pressed);
    else pressed.removeAttribute("aria-busy");
    setTimeout(() => pressed.removeAttribute("aria-busy"), 10_000);
  },
};

function onAnswer(event) {
  const pressed = answered.get(event.tap_id);
  if (pressed && pressed !== "early") pressed.removeAttribute("aria-busy");
  answered.set(event.tap_id, "early");
  if (!event.text || event.chat_id !== openId) return;
  if (!event.show_alert) return note(event.text);
  $("alert-text").textContent = event.text;
  $("alert").showModal();
}

// -- Chat log -----------------------------------------------------------------------------------------------------

function dayOf(unix) {
  return DAY.format(new Date(unix * 1000));
}

function addMessage(message, isNew) {
  const log = $("log");
  if (log.querySelector(`[data-id="${message.message_id}"]`)) return replaceMessage(message);
  const day = dayOf(message.date);
  if (log.dataset.day !== day) {
    log.append(element("p", { class: "day" }, day));
    log.dataset.day = day;
  }
  const rendered = messageElement(message, actions);
  log.append(rendered);
  if (!isNew) return;
  rendered.classList.add("new");
  if (!message.from?.is_bot) firstNew = null;
  else if (!firstNew?.isConnected || performance.now() - firstNewAt > TOGETHER) [firstNew, firstNewAt] = [rendered, performance.now()];
  // What came together doesn't fit: the newest is what is looked for.
  else if (rendered.offsetTop + rendered.offsetHeight - firstNew.offsetTop > log.clientHeight) firstNew = rendered;
}

function replaceMessage(message) {
  const old = $("log").querySelector(`[data-id="${message.message_id}"]`);
  if (!old) return;
  const atEnd = isAtEnd();
  const hadFocus = old.contains(document.activeElement);
  const rendered = messageElement(message, actions);
  old.replaceWith(rendered);
  if (firstNew === old) firstNew = rendered;
  if (hadFocus) (rendered.querySelector(".inline button") ?? rendered).focus({ preventScroll: true });
  if (atEnd) toEnd();
}

function isAtEnd() {
  const log = $("log");
  return firstNew?.isConnected || log.scrollHeight - log.scrollTop - log.clientHeight < 160;
}

function toEnd() {
  const log = $("log");
  // What fits is shown to its last button; of more, the beginning, with a gap above it.
  const isLonger = firstNew?.isConnected && log.scrollHeight - firstNew.offsetTop > log.clientHeight;
  const top = isLonger ? firstNew.offsetTop - 12 : Infinity;
  log.scrollTop = Math.min(top, log.scrollHeight - log.clientHeight);
}

// -- Phone ---------------------------------------------------------------------------------------------------

async function openChat(id) {
  openId = id;
  firstNew = null;
  unread.delete(id);
  showTabs();
  const { messages, keyboard, commands } = await get(`/chats/${id}`);
  if (id !== openId) return;
  $("log").replaceChildren();
  delete $("log").dataset.day;
  for (const message of messages) addMessage(message, false);
  showKeyboard(keyboard);
  showCommands(commands);
  showOpenPerson();
  toEnd();
}

function showOpenPerson() {
  const person = open();
  $("phone-owner").textContent = person.code ?? person.name;
  const invited = person.start && !person.opened;
  $("start").hidden = person.blocked || (person.started && !invited);
  $("blocked").hidden = !person.blocked;
  $("phone").classList.toggle("fresh", !$("start").hidden && !$("log").children.length);
  $("composer").hidden = person.blocked || !$("start").hidden;
  $("keyboard").classList.toggle("off", person.blocked);
  $("start-title").textContent = invited ? "You have an invitation" : "No messages yet";
  $("start-text").textContent = invited ? "Your care team gave you a link to this chat." : "Start the chat first: a bot can't write before the person does.";
  $("start-button").textContent = invited ? `Open invite for ${person.code}` : "Start";
  showPerson(person);
}

function showKeyboard(markup) {
  const rows = markup?.keyboard ?? [];
  $("keyboard").hidden = rows.length === 0;
  $("keyboard").replaceChildren(...rows.map((row) => element("div", { class: "row" }, ...row.map((button) =>
    element("button", { type: "button", class: button.style ?? "", onclick: () => phone("/reply", { text: button.text }) },
      ...(["danger", "success"].includes(button.style) ? [icon(button.style, 18)] : []), button.text)))));
  if (isAtEnd()) toEnd();
}

function showCommands(commands) {
  $("menu-button").hidden = commands.length === 0;
  setMenu(false);
  $("menu").replaceChildren(...commands.map(({ command, description }) => element("li", {}, element("button", {
    type: "button",
    onclick: () => { setMenu(false); phone("/say", { text: `/${command}` }); },
  }, element("b", {}, `/${command}`), description))));
}

function setMenu(isOpen) {
  $("menu").hidden = !isOpen;
  $("menu-button").setAttribute("aria-expanded", isOpen);
}

function showTabs() {
  $("tabs").replaceChildren(...people.map((person) => {
    const count = unread.get(person.id);
    const tab = element("button", {
      type: "button", role: "tab", "aria-selected": String(person.id === openId), "aria-controls": "phone",
      tabindex: person.id === openId ? "0" : "-1", "data-person": person.id, onclick: () => openChat(person.id),
    }, person.code ?? person.name);
    if (count) tab.append(element("span", { class: "count", "aria-label": `${count} new` }, String(count)));
    return tab;
  }));
  showOpenTab();
  $("add-patient").textContent = people.length === 1 ? "Add a second patient" : "Add a patient";
}

// Only the row of tabs scrolls: scrollIntoView would move the page, too.
function showOpenTab() {
  const tabs = $("tabs");
  const tab = tabs.querySelector('[aria-selected="true"]');
  if (!tab) return;
  const [inner, outer] = [tab.getBoundingClientRect(), tabs.getBoundingClientRect()];
  if (inner.left < outer.left) tabs.scrollLeft -= outer.left - inner.left + 8;
  else if (inner.right > outer.right) tabs.scrollLeft += inner.right - outer.right + 8;
}

function moveTab(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault(); // the key scrolls the row of tabs, too
  const next = people[(people.findIndex((person) => person.id === openId) + step + people.length) % people.length];
  openChat(next.id);
  $("tabs").querySelector(`[data-person="${next.id}"]`).focus();
}

// -- People ------------------------------------------------------------------------------------------------------

async function refreshPeople() {
  ({ people } = await get("/state"));
  if (!people.length) return;
  showTabs();
  if (open()) showOpenPerson();
}

async function add(invited, onlyFirst = false, staff = false) {
  const language_code = $("language").value;
  const name = `Person ${people.length + 1}`;
  try {
    const person = invited ? await post("/invites", { language_code, only_first: onlyFirst, staff }) : await post("/people", { name, language_code });
    await refreshPeople();
    await openChat(person.id);
  } catch (error) {
    note(error.message);
  }
}

// -- Events ------------------------------------------------------------------------------------------------

const handlers = {
  message(event) {
    if (event.chat_id !== openId) {
      if (event.message.from?.is_bot) unread.set(event.chat_id, (unread.get(event.chat_id) ?? 0) + 1);
      return showTabs();
    }
    $("phone-status").textContent = "bot";
    $("phone").classList.remove("fresh");
    addMessage(event.message, true);
    toEnd();
    if (!open().started) refreshPeople();
  },
  edited: (event) => event.chat_id === openId && replaceMessage(event.message),
  deleted: (event) => event.chat_id === openId && $("log").querySelector(`[data-id="${event.message_id}"]`)?.remove(),
  keyboard: (event) => event.chat_id === openId && showKeyboard(event.keyboard),
  typing: (event) => event.chat_id === openId && typing(),
  answer: onAnswer,
  clock: (event) => setClock(event.clock),
  people: refreshPeople,
  commands: () => openId && get(`/chats/${openId}`).then((chat) => showCommands(chat.commands)),
  faults: showFaults,
  reload: start,
};

let wired = false;
async function start() {
  const state = await get("/state");
  ({ people, can } = state);
  setClock(state.clock);
  $("console").hidden = !state.console;
  if (state.console) $("console").href = state.console;
  if (!wired) wire();
  if (!people.length) await add(can.invite, true);
  else await openChat(open() ? openId : people[0].id);
  await showFaults();
}

function wire() {
  wired = true;
  wireDesk(can);
  $("add-patient").addEventListener("click", () => add(can.invite));
  $("add-staff").hidden = !can.staff;
  $("add-staff").addEventListener("click", () => add(true, false, true));
  $("add-invited").hidden = !can.invite;
  $("add-invited").addEventListener("click", () => add(true));
  $("add-person").addEventListener("click", () => add(false));
  $("tabs").addEventListener("keydown", moveTab);
  $("block").addEventListener("click", () => phone(open().blocked ? "/unblock" : "/block"));
  $("unblock-here").addEventListener("click", () => phone("/unblock"));
  $("start-button").addEventListener("click", () => (open().start ? phone("/open-invite") : phone("/say", { text: "/start" })));
  $("menu-button").addEventListener("click", () => setMenu($("menu").hidden));
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("say").value;
    if (!text.trim()) return;
    $("say").value = "";
    phone("/say", { text });
  });
}

listen(start, (event) => handlers[event.type]?.(event));
