// Renders one message: formatted text, photo, document, contact card, inline keyboard. Knows nothing about the page.

const SVG = "http://www.w3.org/2000/svg";
const MARKS = {
  danger: "M12 2 1 21h22zm-1.2 7h2.4l-.3 6.5h-1.8zM12 17a1.4 1.4 0 1 1 0 2.8 1.4 1.4 0 0 1 0-2.8z",
  success: "M9.2 16.4 4.8 12l-1.9 1.9 6.3 6.3L21.1 8.3l-1.9-1.9z",
  copy: "M8 2h11a2 2 0 0 1 2 2v12h-2V4H8zM5 6h9a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2zm0 2v12h9V8z",
  link: "M14 3h7v7h-2V6.4l-8.3 8.3-1.4-1.4L17.6 5H14zM5 5h5v2H5v12h12v-5h2v5a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z",
  face: "M12 12a5 5 0 1 0 0-10 5 5 0 0 0 0 10zm0 2c-5 0-9 2.6-9 6v2h18v-2c0-3.4-4-6-9-6z",
};
const SPOKEN = { danger: " (important)", success: "", primary: "" };
const TAGS = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote", expandable_blockquote: "blockquote" };

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

export function icon(name, size = 20) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of [["viewBox", "0 0 24 24"], ["width", size], ["height", size], ["aria-hidden", "true"]]) svg.setAttribute(key, value);
  svg.classList.add("mark");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", MARKS[name]);
  path.setAttribute("fill", "currentColor");
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

export function clockTime(unix) {
  return new Date(unix * 1000).toISOString().slice(11, 16);
}

// `actions`: tap(message, row, column, button), call(number), open(url).
export function messageElement(message, actions) {
  const mine = !message.from?.is_bot && !message.sender_chat;
  const bubble = element("div", { class: "bubble" });
  const sender = element("span", { class: "hidden" }, mine ? "Patient: " : "Bot: ");
  if (message.reply_to_message) bubble.append(element("p", { class: "replied" }, message.reply_to_message.text ?? "earlier message"));
  if (message.photo) bubble.append(picture(message));
  if (message.document) bubble.append(documentLink(message.document));
  if (message.contact) bubble.append(contactCard(message.contact, actions));
  const text = message.text ?? message.caption;
  if (text !== undefined) {
    bubble.append(element("div", { class: "text" }, sender, ...marked(text, message.entities ?? message.caption_entities ?? [], actions)));
  }
  if (message.rich_message) {
    bubble.append(element("div", { class: "text" }, sender, ...message.rich_message.blocks.map((block) => element("p", {}, ...rich(block.text, actions)))));
  }
  bubble.append(element("span", { class: "meta" }, message.edit_date ? `edited ${clockTime(message.edit_date)}` : clockTime(message.date)));
  const whole = element("div", { class: mine ? "message mine" : "message", "data-id": message.message_id, tabindex: "-1" }, bubble);
  const rows = message.reply_markup?.inline_keyboard;
  if (rows) whole.append(inlineKeyboard(message, rows, actions));
  return whole;
}

function picture(message) {
  const size = message.photo.at(-1);
  return element("img", { src: `/sandbox/photos/${size.file_id}`, width: size.width, height: size.height, alt: message.caption ? "Picture, described below" : "Picture" });
}

function documentLink(file) {
  const link = element("a", { href: `/sandbox/documents/${file.file_id}`, download: file.file_name }, file.file_name);
  return element("p", {}, link, ` (${Math.ceil(file.file_size / 1024)} kB)`);
}

function contactCard(contact, actions) {
  const name = [contact.first_name, contact.last_name].filter(Boolean).join(" ");
  const face = element("span", { class: "face", "aria-hidden": "true" }, icon("face", 28));
  const words = element("div", {}, element("b", {}, name), contact.phone_number);
  const call = element("button", { class: "quiet call", type: "button", onclick: () => actions.call(contact.phone_number) }, "Call");
  return element("div", {}, element("div", { class: "contact" }, face, words), call);
}

function inlineKeyboard(message, rows, actions) {
  const shown = rows.map((row, y) => element("div", { class: "row" }, ...row.map((button, x) => inlineButton(message, button, y, x, actions))));
  return element("div", { class: "inline", role: "group", "aria-label": "Answers" }, ...shown);
}

function inlineButton(message, button, row, column, actions) {
  const style = button.style in SPOKEN ? button.style : "";
  const mark = MARKS[style] ? style : button.copy_text ? "copy" : button.url ? "link" : null;
  const made = element("button", { type: "button", class: style, onclick: (event) => actions.tap(message, row, column, button, event.currentTarget) });
  if (mark) made.append(icon(mark));
  made.append(element("span", {}, button.text));
  if (SPOKEN[style]) made.append(element("span", { class: "hidden" }, SPOKEN[style]));
  return made;
}

// Entities may be nested; offsets count UTF-16 units, as JavaScript strings do.
function marked(text, entities, actions, from = 0, to = text.length) {
  const parts = [];
  let position = from;
  const inside = entities.filter((entity) => entity.offset >= from && entity.offset + entity.length <= to);
  while (inside.length) {
    const entity = inside.shift();
    if (entity.offset < position) continue;
    const end = entity.offset + entity.length;
    const within = inside.filter((other) => other.offset >= entity.offset && other.offset + other.length <= end);
    parts.push(text.slice(position, entity.offset));
    parts.push(markedPart(entity, text.slice(entity.offset, end), marked(text, within, actions, entity.offset, end), actions));
    // A block begins and ends a line: the line break after it is not one more.
    position = entity.type.endsWith("blockquote") && text[end] === "\n" ? end + 1 : end;
  }
  parts.push(text.slice(position, to));
  return parts.filter((part) => part !== "");
}

function markedPart(entity, plain, children, actions) {
  if (entity.type === "phone_number") return phoneLink(plain, children, actions);
  if (entity.type === "url" || entity.type === "text_link") {
    return element("button", { class: "link", type: "button", onclick: () => actions.open(entity.url ?? plain) }, ...children);
  }
  if (entity.type === "spoiler") return element("span", { class: "spoiler", tabindex: "0" }, ...children);
  if (entity.type === "expandable_blockquote") return fold(children);
  return element(TAGS[entity.type] ?? "span", {}, ...children);
}

// A real link, as on a phone; the page shows that it would be called.
function phoneLink(number, children, actions) {
  const call = (event) => {
    event.preventDefault();
    actions.call(number);
  };
  return element("a", { class: "link", href: `tel:${number.replaceAll(/[^+\d]/g, "")}`, onclick: call }, ...children);
}

// The text of a rich message: a string, a list, or an object whose `text` is marked.
function rich(text, actions) {
  if (typeof text === "string") return [text];
  if (Array.isArray(text)) return text.flatMap((part) => rich(part, actions));
  const children = rich(text.text, actions);
  if (text.type === "phone_number") return [phoneLink(text.phone_number, children, actions)];
  if (text.type === "url") return [element("button", { class: "link", type: "button", onclick: () => actions.open(text.url) }, ...children)];
  return [element(TAGS[text.type] ?? "span", {}, ...children)];
}

// Telegram shows the first lines of an expandable quote, and all of it after a tap.
function fold(children) {
  const quote = element("blockquote", { class: "fold" }, ...children);
  const toggle = () => quote.setAttribute("aria-expanded", String(quote.classList.toggle("open")));
  quote.addEventListener("click", toggle);
  quote.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    toggle();
  });
  for (const [name, value] of [["role", "button"], ["tabindex", "0"], ["aria-expanded", "false"]]) quote.setAttribute(name, value);
  return quote;
}
