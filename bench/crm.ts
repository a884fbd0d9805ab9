/** The CRM of the bench: a minimal HTTP server that passes on each complete POST with its time, and answers 200. */
import type { Socket } from "bun";
import { now } from "./measure.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";

/** The first message in `text`, which may be incomplete: head, body and what follows. */
export function message(text: string): { readonly head: string; readonly body: string; readonly rest: string } | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const whole = end + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  return text.length < whole ? undefined : { head, body: text.slice(end + 4, whole), rest: text.slice(whole) };
}

/** Listens on a free port of loopback. */
export class Crm {
  readonly #listener: Bun.TCPSocketListener<{ text: string }>;

  constructor(onPost: (body: string, at: number) => void) {
    const data = (socket: Socket<{ text: string }>, bytes: Buffer) => {
      const at = now();
      const post = message(socket.data.text += bytes.toString("latin1"));
      if (!post) return;
      socket.data.text = post.rest;
      if (/\r\nconnection: *close/i.test(post.head)) socket.end(`${ok}Connection: close\r\n\r\n`);
      else socket.write(`${ok}\r\n`);
      onPost(post.body, at);
    };
    const open = (socket: Socket<{ text: string }>) => void (socket.data = { text: "" });
    this.#listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { open, data, error: () => {} } });
  }

  get port(): number {
    return this.#listener.port;
  }

  close(): void {
    this.#listener.stop(true);
  }
}
