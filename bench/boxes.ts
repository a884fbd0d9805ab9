/**
 * Simulated boxes, as a process: for each desk a connection to nats-server with the subscriptions and the first question of a
 * real box. Arguments: the port, and the extensions. Each line on standard input is answered by one with the counts.
 */
import type { Socket } from "bun";

const [port = "", ...desks] = process.argv.slice(2);

/** What has happened so far. */
const counts = { connected: 0, synced: 0, items: 0, beats: 0, reconnects: 0 };

/** One box. */
class SimulatedBox {
  readonly #desk: string;
  #attempt = 0;

  constructor(desk: string) {
    this.#desk = desk;
    this.#connect();
  }

  #connect(): void {
    let isSynced = false;
    const lost = () => {
      counts.connected--;
      if (isSynced) counts.synced--;
      counts.reconnects++;
      this.#later();
    };
    const data = (socket: Socket, bytes: Buffer) => {
      const text = bytes.toString("latin1");
      if (text.startsWith("PING") || text.includes("\r\nPING\r\n")) socket.write("PONG\r\n");
      counts.items += text.split(".line 1").length - 1;
      counts.beats += text.split("tele.all.relay 2").length - 1;
      if (!isSynced && text.includes(`_INBOX.${this.#desk}.x`)) {
        isSynced = true;
        counts.synced++;
        this.#attempt = 0;
      }
    };
    const open = (socket: Socket) => {
      counts.connected++;
      const question = '{"v":1}';
      socket.write(
        `CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\nSUB tele.desk.${this.#desk}.line 1\r\n` +
          `SUB tele.all.relay 2\r\nSUB _INBOX.${this.#desk}.x 3\r\n` +
          `PUB tele.ask.${this.#desk}.sync _INBOX.${this.#desk}.x ${question.length}\r\n${question}\r\n`,
      );
    };
    Bun.connect({ hostname: "127.0.0.1", port: Number(port), socket: { open, data, close: lost, error: () => {} } }).catch(() =>
      this.#later()
    );
  }

  #later(): void {
    const longest = Math.min(10_000, 500 * 2 ** ++this.#attempt);
    setTimeout(() => this.#connect(), 500 + Math.random() * (longest - 500));
  }
}

for (const desk of desks) new SimulatedBox(desk);
for await (const _ of process.stdin) process.stdout.write(`${JSON.stringify(counts)}\n`);
