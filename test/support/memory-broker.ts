/** A broker in this process, for boxes and relays without a network: messages arrive at once. */
import type { FleetLink } from "../../src/core/line.ts";
import type { OfficeBroker, OfficeMessage } from "../../src/fleet/office.ts";

interface Subscriber {
  readonly subject: string;
  readonly take: (message: OfficeMessage) => void;
}

/** A broker. */
export class MemoryBroker implements OfficeBroker {
  readonly #subscribers = new Set<Subscriber>();
  readonly #ups = new Set<() => void>();
  /** All messages, in order. */
  readonly messages: { readonly subject: string; readonly text: string }[] = [];

  publish(subject: string, text: string, reply?: string): void {
    this.messages.push({ subject, text });
    for (const subscriber of [...this.#subscribers]) {
      if (matches(subscriber.subject, subject)) subscriber.take({ subject, text, reply });
    }
  }

  subscribe(subject: string, take: (message: OfficeMessage) => void): () => void {
    const subscriber = { subject, take };
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  respond({ reply }: OfficeMessage, text: string): void {
    if (reply !== undefined) this.publish(reply, text);
  }

  /** The answers to a question. */
  ask(subject: string, question: unknown): unknown[] {
    const answers: unknown[] = [];
    const end = this.subscribe("_INBOX.admin.1", ({ text }) => answers.push(JSON.parse(text)));
    this.publish(subject, JSON.stringify(question), "_INBOX.admin.1");
    end();
    return answers;
  }

  /** The subjects and texts of messages since a number of them. */
  on(subject: string, from = 0): unknown[] {
    return this.messages.slice(from).filter((message) => matches(subject, message.subject)).map(({ text }) => JSON.parse(text));
  }

  /** The way of a box to its fleet. */
  link(): FleetLink {
    return {
      publish: (kind, desk, text) => this.publish(`tele.${kind}.${desk}`, text),
      follow: (kind, take) =>
        this.subscribe(`tele.desk.*.${kind}`, ({ subject, text }) => take(subject.split(".")[2] ?? "", text)),
      onAsked: (take) => this.subscribe("tele.all.report", ({ text }) => take(text)),
      onUp: (run) => this.onUp(run),
    };
  }

  onUp(run: () => void): () => void {
    this.#ups.add(run);
    run();
    return () => this.#ups.delete(run);
  }

  /** The connection of all boxes was lost, and is back. */
  reconnect(): void {
    for (const up of this.#ups) up();
  }
}

function matches(pattern: string, subject: string): boolean {
  const expression = pattern.split(".").map((token) =>
    token === "*" ? "[^.]+" : token === ">" ? ".+" : token.replace("$", "\\$")
  );
  return new RegExp(`^${expression.join("\\.")}$`).test(subject);
}
