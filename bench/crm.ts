/** The CRM of the bench: a minimal HTTP server that timestamps each complete POST and answers 200. */
import type { Socket, TCPSocketListener } from "bun";

interface Reading {
  text: string;
}

const closing = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
const keeping = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

/** Listens on a free port of loopback and passes on each body, with its time in ns of the process's clock. */
export class Crm {
  readonly #listener: TCPSocketListener<Reading>;

  constructor(onPost: (body: string, at: number) => void) {
    this.#listener = Bun.listen<Reading>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => {
          socket.data = { text: "" };
        },
        data: (socket, data) => {
          const at = Bun.nanoseconds();
          socket.data.text += data.toString("latin1");
          take(socket, at, onPost);
        },
        error: () => {},
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  close(): void {
    this.#listener.stop(true);
  }
}

function take(socket: Socket<Reading>, at: number, onPost: (body: string, at: number) => void): void {
  const { text } = socket.data;
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return;
  const head = text.slice(0, end);
  const whole = end + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  if (text.length < whole) return;
  onPost(text.slice(end + 4, whole), at);
  socket.data.text = text.slice(whole);
  if (/\r\nconnection: *close/i.test(head)) socket.end(closing);
  else socket.write(keeping);
}
