/** The ways in which a web page can make a browser send a GET to another machine: each a page that does one of them. */

/** One way. */
export interface Attack {
  /** A sentence's subject, such as `an image`; also its mark in the URL, with hyphens. */
  readonly name: string;
  /**
   * Where the page sends its request: to the box by its address, or over a port of the PC itself that is forwarded to the box.
   */
  readonly over: "address" | "localhost";
  /** Whether the page's requests reveal their origin. */
  readonly referrer: boolean;
  /** The evil page's body. */
  readonly page: (url: string) => string;
}

const quoted = (url: string): string => url.replaceAll("&", "&amp;");

/** A page that is done when its script has run `done()`. */
const script = (code: string) => (url: string): string => `<script>const url = ${JSON.stringify(url)};\n${code}</script>`;

/** A page with an element that loads the URL, done when that has worked or failed. */
const element = (before: string, after = "") => (url: string): string =>
  `${before}"${quoted(url)}" onload="done()" onerror="done()"${after}>`;

/** What leaves the page: nothing is left that could say `done`; the request itself is the sign. */
const leaving: Record<string, (url: string) => string> = {
  "a form": (url) => form(url, ""),
  "a form with rel=noreferrer": (url) => form(url, 'rel="noreferrer"'),
  "a form into a new window": (url) => form(url, 'target="_blank" rel="noreferrer"'),
  "a posted form": (url) => form(url, 'method="post"'),
  "a link": (url) => `<a id="it" href="${quoted(url)}">win</a><script>it.click()</script>`,
  "a link with rel=noreferrer": (url) => `<a id="it" rel="noreferrer" href="${quoted(url)}">win</a><script>it.click()</script>`,
  "a ping of a link": (url) => `<a id="it" href="#" ping="${quoted(url)}">win</a><script>it.click()</script>`,
  "a new location": script("location = url"),
  "a meta refresh": (url) => `<meta http-equiv="refresh" content="0; url=${quoted(url)}">`,
  "a new window": script("open(url)"),
  "a new window with noreferrer": script("open(url, '_blank', 'noreferrer')"),
  "a redirect": (url) => `<script>location = '/redirect?to=${encodeURIComponent(url)}'</script>`,
  "a beacon": script("navigator.sendBeacon(url)"),
};

/** The parameters have to be fields, as a form with GET replaces the query. */
function form(url: string, more: string): string {
  const fields = [...new URL(url).searchParams].map(([name, value]) => `<input name="${name}" value="${value}">`);
  const action = more.includes("post") ? url : url.replace(/\?.*/, "");
  return `<form id="it" action="${quoted(action)}" ${more}>${fields.join("")}</form><script>it.submit()</script>`;
}

const staying: Record<string, (url: string) => string> = {
  "a fetch": script("fetch(url).finally(done)"),
  "a fetch without CORS": script("fetch(url, { mode: 'no-cors' }).finally(done)"),
  "a fetch that forges a Java User-Agent": script("fetch(url, { headers: { 'User-Agent': 'Java/1.8.0_202' } }).finally(done)"),
  "a fetch without CORS that forges a Java User-Agent": script(
    "fetch(url, { mode: 'no-cors', headers: { 'User-Agent': 'Java/1.8.0_202' } }).finally(done)",
  ),
  "a fetch from a worker": script(
    "const code = `fetch(${JSON.stringify(url)}, { mode: 'no-cors' }).finally(() => postMessage(1))`;" +
      "new Worker(URL.createObjectURL(new Blob([code]))).onmessage = done",
  ),
  "an XMLHttpRequest": script("const it = new XMLHttpRequest(); it.onloadend = done; it.open('GET', url); it.send()"),
  "an EventSource": script("const it = new EventSource(url); it.onerror = () => { it.close(); done() }"),
  "a WebSocket": script("new WebSocket(url.replace('http', 'ws')).onerror = done"),
  "an image": element("<img src="),
  "an image behind a redirect": (url) => element("<img src=")(`/redirect?to=${encodeURIComponent(url)}`),
  "an image in a data: frame": (url) =>
    `<iframe onload="done()" src="data:text/html,<img src='${encodeURIComponent(url)}'>"></iframe>`,
  "an image in a style": (url) => `<p style="background: url('${quoted(url)}')">win</p><script>onload = done</script>`,
  "a font in a style": (url) =>
    `<style>@font-face { font-family: it; src: url("${url}") }</style><p style="font-family: it">win</p>` +
    `<script>document.fonts.load("9px it").finally(done)</script>`,
  "a script": element("<script src=", "></script"),
  "a module script": element('<script type="module" src=', "></script"),
  "a stylesheet": element('<link rel="stylesheet" href='),
  "an icon": (url) => `<link rel="icon" href="${quoted(url)}"><script>onload = done</script>`,
  "a prefetch": element('<link rel="prefetch" href='),
  "a preload": element('<link rel="preload" as="image" href='),
  "a frame": element("<iframe src=", "></iframe"),
  "a sandboxed frame": element('<iframe sandbox="allow-scripts" src=', "></iframe"),
  "an object": element("<object data=", "></object"),
  "an embed": element("<embed src="),
  "a video": (url) => `<video autoplay muted onerror="done()" src="${quoted(url)}"></video>`,
};

const bodies = Object.entries({ ...leaving, ...staying });

/** All of them, each with and without a referrer. */
export const attacks: readonly Attack[] = [
  ...bodies.map(([name, page]): Attack => ({ name, over: "address", referrer: true, page })),
  ...bodies.map(([name, page]): Attack => ({ name: `${name}, without a referrer`, over: "address", referrer: false, page })),
  ...["an image", "a fetch without CORS", "a new location"].map((name): Attack => ({
    name: `${name}, without a referrer, over a forwarded port of localhost`,
    over: "localhost",
    referrer: false,
    page: leaving[name] ?? staying[name] ?? String,
  })),
];

/**
 * DNS rebinding: the page comes from a name and port that then become the box's, so that the browser takes the box for the
 * page's own server. Each is a script that sends to `url(mark)`.
 */
export const reboundAttacks: Readonly<Record<string, string>> = {
  "a fetch after DNS rebinding": "fetch(url(mark), { referrerPolicy: 'unsafe-url' })",
  "a fetch after DNS rebinding, without a referrer": "fetch(url(mark))",
  "a fetch after DNS rebinding that forges a Java User-Agent":
    "fetch(url(mark), { headers: { 'User-Agent': 'Java/1.8.0_202' } })",
  "an image after DNS rebinding, without a referrer": "new Image().src = url(mark)",
  "a new location after DNS rebinding, without a referrer": "setTimeout(() => { location = url(mark) }, 200)",
};

/** How an attack is marked in its URL. */
export function markOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}
