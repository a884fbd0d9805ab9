/** A client of ARI that only listens. */
import type { AriServer } from "../../../simulator/asterisk/mod.ts";

/** What it has heard. */
export class AriListener {
  readonly events: Readonly<Record<string, unknown>>[] = [];
  readonly #socket: WebSocket;
  readonly #server: AriServer;

  private constructor(socket: WebSocket, server: AriServer) {
    [this.#socket, this.#server] = [socket, server];
    socket.addEventListener("message", ({ data }) => this.events.push(JSON.parse(String(data))));
  }

  /** Connects as an application and subscribes. */
  static async open(server: AriServer, sources: readonly string[], app = "recorder"): Promise<AriListener> {
    const headers = { Authorization: `Basic ${btoa("telesetd:s3cret")}` };
    // The headers are an extension of Bun.
    const socket: WebSocket = Reflect.construct(WebSocket, [`ws://127.0.0.1:${server.port}/ari/events?app=${app}`, { headers }]);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", reject);
    });
    const listener = new AriListener(socket, server);
    for (const source of sources) {
      const url = `http://127.0.0.1:${server.port}/ari/applications/${app}/subscription?eventSource=${
        encodeURIComponent(source)
      }`;
      const { status } = await fetch(url, { method: "POST", headers });
      if (status !== 200) throw new Error(`Cannot subscribe to ${source}: ${status}`);
    }
    return listener;
  }

  /** Everything that the server has sent so far; then the connection is closed. */
  async all(): Promise<Readonly<Record<string, unknown>>[]> {
    const closed = new Promise((resolve) => this.#socket.addEventListener("close", resolve));
    // The close comes behind what was sent before.
    for (const socket of this.#server.sockets) socket.close();
    await closed;
    return this.events;
  }
}
