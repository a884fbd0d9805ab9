// The only script of the page: live updates. Without it the page shows the state at the time when it was loaded.
"use strict";

const beatTimeoutMs = 20_000;
const view = document.body.dataset.view;
const state = document.getElementById("live");
let stream;
let lastBeat = 0;
// The difference between the clock of the box and this one.
let offset = 0;

const show = (text, name) => {
  if (!state) return;
  state.textContent = text;
  state.className = `live ${name}`;
};

// Replaces the content of a part, and keeps the keyboard's place, open details and the scroll position.
const replace = ({ id, html }) => {
  const part = document.getElementById(id);
  if (!part) return;
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  const opened = [...part.querySelectorAll("details[open][id]")].map((details) => details.id);
  part.innerHTML = html;
  for (const open of opened) document.getElementById(open)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  tick();
};

const maxLines = 400;

const append = ({ id, html }) => {
  const list = document.getElementById(id);
  if (!list) return;
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.insertAdjacentHTML("beforeend", html);
  while (list.children.length > maxLines) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
};

// The time since a moment, as `0:42`.
const tick = () => {
  for (const element of document.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Math.round((Date.now() + offset - Date.parse(element.dataset.since)) / 1000));
    const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    const two = (n) => String(n).padStart(2, "0");
    element.textContent = hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  }
};

const connect = () => {
  stream?.close();
  lastBeat = Date.now();
  stream = new EventSource(`/ui/live?view=${view}`);
  stream.addEventListener("beat", ({ data }) => {
    lastBeat = Date.now();
    offset = Number(data) - lastBeat;
    show("Live", "on");
  });
  stream.addEventListener("part", ({ data }) => replace(JSON.parse(data)));
  stream.addEventListener("append", ({ data }) => append(JSON.parse(data)));
  // The session has ended: the answer is the log-in.
  stream.addEventListener("over", () => location.reload());
  stream.addEventListener("error", () => {
    show("Connecting", "off");
    // An answer other than a stream: the session has ended, or there are too many pages. The browser does not try again.
    if (stream.readyState === EventSource.CLOSED) retryLater();
  });
};

const retryLater = async () => {
  const answer = await fetch("/ui/session").catch(() => undefined);
  if (answer?.status === 401) return location.reload();
  show(answer?.ok ? "Too many open pages: not live" : "Not connected", "off");
  setTimeout(connect, 5000);
};

if (view) {
  connect();
  setInterval(() => {
    tick();
    if (document.visibilityState === "visible" && Date.now() - lastBeat > beatTimeoutMs) connect();
  }, 1000);
  // A page in the background needs no updates; browsers allow few connections to one host.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") connect();
    else stream?.close();
  });
  globalThis.addEventListener("pagehide", () => stream?.close());
}

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});
