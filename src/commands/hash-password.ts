/** `telesetd hash-password` */
import { hashPassword } from "../passwords.ts";
import type { Io } from "./io.ts";

/** Reads a password (never from the command line, where others could see it) and prints its argon2id hash for the configuration. */
export async function hashPasswordCommand(io: Io): Promise<number> {
  if (process.stdin.isTTY) io.err("Password (it is not shown): ");
  const password = (await readLine()).replace(/\r$/, "");
  if (process.stdin.isTTY) io.err("\n");
  if (password === "") {
    io.err("No password was given: type one, or pipe one in\n");
    return 2;
  }
  io.out(`${await hashPassword(password)}\n`);
  return 0;
}

/** One line; on a terminal without echo. */
async function readLine(): Promise<string> {
  const { stdin } = process;
  if (!stdin.isTTY) return (await Bun.stdin.text()).split("\n")[0] ?? "";
  stdin.setRawMode(true);
  let line = "";
  try {
    for await (const part of stdin) {
      for (const key of String(part)) {
        if (key === "\r" || key === "\n") return line;
        if (key === "\u0003") throw new Error("interrupted");
        line = key === "\u007f" ? line.slice(0, -1) : line + key;
      }
    }
    return line;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
  }
}
