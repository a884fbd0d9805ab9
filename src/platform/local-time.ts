/** Times for people, in the zone of the machine. */

const two = (n: number): string => String(n).padStart(2, "0");

/** `2026-11-27 00:42:30`. */
export function localTime(at: Date): string {
  return `${dateOf(at)} ${timeOfDay(at)}`;
}

/** `00:42:30` of today, otherwise with the date. */
export function shortTime(at: Date, now: Date = new Date()): string {
  return at.toDateString() === now.toDateString() ? timeOfDay(at) : localTime(at);
}

function timeOfDay(at: Date): string {
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

function dateOf(at: Date): string {
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
