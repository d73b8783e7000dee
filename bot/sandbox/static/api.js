// Calls the sandbox's control API. Throws an Error whose message can be shown to the user.

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
  if (!response.ok) throw new Error(body.error ?? `The sandbox failed with status ${response.status}. Reload the page.`);
  return body;
}

// Calls onEvent for each event. After a lost connection it reconnects and calls onOpen, so that the page reloads its state.
export function listen(onOpen, onEvent) {
  const source = new EventSource("/sandbox/events");
  source.onopen = onOpen;
  source.onmessage = (message) => onEvent(JSON.parse(message.data));
}
