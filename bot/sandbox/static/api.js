// Talks to the sandbox's tester side. Throws an Error whose message can be shown.

export async function get(path) {
  return answer(await fetch(`/sandbox${path}`));
}

export async function post(path, body = {}) {
  return send("POST", path, body);
}

export async function remove(path) {
  return send("DELETE", path, {});
}

async function send(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  return answer(await fetch(`/sandbox${path}`, { method, headers, body: JSON.stringify(body) }));
}

async function answer(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(body.error ?? `The sandbox answered ${response.status}.`);
  return body;
}

// Calls onEvent for each event; after a break connects again and calls onOpen, so that the page can read everything anew.
export function listen(onOpen, onEvent) {
  const source = new EventSource("/sandbox/events");
  source.onopen = onOpen;
  source.onmessage = (message) => onEvent(JSON.parse(message.data));
}
