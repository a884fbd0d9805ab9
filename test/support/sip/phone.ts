/** A phone whose switch reports what a test specifies, seen from the CRM. */
import { TestDesk } from "./desk.ts";

/** A dialog as attributes and children of its element. */
export interface Shown {
  readonly id: string;
  readonly state: string;
  readonly number?: string;
  readonly more?: string;
  readonly direction?: string;
}

/** Customers. */
export const first = "14155550123";
export const second = "14155550999";

/** A desk that receives documents about 1001@192.0.2.10. */
export class Phone {
  readonly desk: TestDesk;
  #version = 0;

  constructor(readonly userAgent = "Some PBX", readonly users: readonly string[] = ["1001"]) {
    this.desk = new TestDesk({ users });
  }

  /** A phone whose switch has shown it as idle. */
  static idle(userAgent?: string, users?: readonly string[]): Phone {
    const phone = new Phone(userAgent, users);
    phone.sends();
    return phone;
  }

  sends(...dialogs: Shown[]): string[] {
    return this.document("full", ...dialogs);
  }

  document(state: "full" | "partial", ...dialogs: Shown[]): string[] {
    const body = dialogs.map(({ id, state, number, more = "", direction = number === undefined ? "" : "recipient" }) =>
      `<dialog id="${id}" ${more}${direction === "" ? "" : ` direction="${direction}"`}><state>${state}</state>${
        number === undefined ? "" : `<remote><identity>sip:${number}@192.0.2.10</identity></remote>`
      }</dialog>`
    ).join("");
    const root = `xmlns="urn:ietf:params:xml:ns:dialog-info" version="${this.#version++}" state="${state}"`;
    const text = `<dialog-info ${root} entity="sip:1001@192.0.2.10">${body}</dialog-info>`;
    return this.desk.notify(text, { userAgent: this.userAgent, subscription: "sub-1@192.0.2.99" });
  }

  /** A document is lost on its way. */
  skip(): void {
    this.#version++;
  }

  /** A call from its first ring to its end. */
  call(id: string, number: string, more = ""): void {
    for (const state of ["early", "confirmed", "terminated"]) this.sends({ id, state, number, more });
  }

  /** telesetd is started again, and subscribes. */
  restart(...live: Shown[]): string[] {
    this.desk.restart();
    this.#version = 0;
    return this.sends(...live);
  }
}

/** The events of an answered call. */
export const call = (
  n: number,
  number: string,
): string[] => [`ScreenPop ${n} ${number}`, `CallEstablished ${n}`, `CallReleased ${n}`];
