/** `telesetd hash-password` */
import { hashPassword } from "../passwords.ts";
import type { Io } from "./io.ts";
import { type Asker, Interrupted, Terminal } from "./setup/terminal.ts";

/** Reads a password (never from the command line, where other users could see it) and prints its argon2id hash. */
export async function hashPasswordCommand(io: Io, asker: Asker | undefined = terminal(io)): Promise<number> {
  let password: string;
  try {
    password = asker ? await asker.ask("Password (not shown): ", { hidden: true }) : await firstLine();
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    io.err("Interrupted: nothing was hashed\n");
    return 1;
  } finally {
    asker?.close();
  }
  if (password === "") {
    io.err("The password is empty: type or pipe one\n");
    return 2;
  }
  io.out(`${await hashPassword(password)}\n`);
  return 0;
}

/** The question goes to standard error, because standard output may be a file for the hash. */
function terminal({ err }: Io): Asker | undefined {
  return process.stdin.isTTY === true ? new Terminal(process.stdin, err) : undefined;
}

async function firstLine(): Promise<string> {
  const [line = ""] = (await Bun.stdin.text()).split("\n");
  return line.replace(/\r$/, "");
}
