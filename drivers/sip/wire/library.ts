/** The parts of drachtio-srf that stack.ts uses: its inner files have no types. */
import type { Socket } from "node:net";

export interface Message {
  readonly type: string;
  readonly method?: string;
  readonly uri?: string;
  readonly status?: number;
  readonly reason?: string;
  readonly body?: string;
  get(name: string): unknown;
}
export interface Request extends Message {
  on(name: "response", listener: (response: Response, ack: unknown) => void): void;
  cancel(callback: () => void): void;
}
export interface Response extends Message {
  readonly stackDialogId?: string;
  /** The sender; empty if the server has made it itself. */
  readonly source_address?: string;
}
export interface Answerer {
  send(status: number, options: { headers?: Record<string, string>; body?: string }): void;
}
export interface Agent {
  secret: string;
  tags: string[];
  wp: unknown;
  readonly mapServer: ReadonlyMap<Socket, { readonly serverVersion?: string; readonly hostport?: string }>;
  route(verb: string): void;
  request(options: object, callback: (error: Error | null, request?: Request) => void): void;
  on(name: string, listener: (...args: never[]) => void): void;
  _onConnect(socket: Socket): void;
  _onClose(socket: Socket): void;
  _onMsg(socket: Socket, text: string): void;
}
export interface WireParts {
  installListeners(socket: Socket): void;
  emit(name: string, ...args: unknown[]): boolean;
  on(name: string, listener: (...args: never[]) => void): void;
  send(socket: Socket, text: string): string;
}
