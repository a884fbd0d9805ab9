/**
 * Reads dialog-info documents (RFC 4235, section 4): what a switch reports of the dialogs of a phone. Pure: text in, values
 * out. `step.ts` decides what a document means for the line.
 */
import { quoted } from "../../../src/core/number.ts";
import { parse, type XmlElement } from "../../../src/platform/xml.ts";
import { omitUndefined } from "../../../src/core/omit-undefined.ts";

/** The state of a dialog (RFC 4235, section 3.7.1). */
export type DialogState = "trying" | "proceeding" | "early" | "confirmed" | "terminated";

/** Why a dialog ended (RFC 4235, section 4.1.2). */
export type DialogEvent = "cancelled" | "rejected" | "replaced" | "local-bye" | "remote-bye" | "error" | "timeout";

/** One end of a dialog: `local` is the watched phone's, `remote` the far one. */
export interface Participant {
  /** The party: a `sip:`, `sips:` or `tel:` URI as written, and the name with it. */
  readonly identity?: { readonly uri: string; readonly display?: string };
  /** Its location: the URI of its Contact. */
  readonly target?: string;
  /** Parameters of the target, by name in lower case: `+sip.rendering` is `no` while the call is held. */
  readonly params: Readonly<Record<string, string>>;
}

/** One dialog of a document; values that the notifier omits are absent. */
export interface Dialog {
  /** Unique among the dialogs of one document only; some switches write the extension. */
  readonly id: string;
  readonly callId?: string;
  readonly localTag?: string;
  readonly remoteTag?: string;
  /** `initiator`: the watched phone has dialled; `recipient`: it is being called. */
  readonly direction?: "initiator" | "recipient";
  readonly state: DialogState;
  /** The cause of the state. */
  readonly event?: DialogEvent;
  /** The SIP status that caused it, 100 to 699. */
  readonly code?: number;
  readonly local?: Participant;
  readonly remote?: Participant;
}

/** A document. */
export interface DialogInfo {
  /** Counts up by one with every document of a subscription, from 0 to 2^32 - 1. */
  readonly version: number;
  /** `full`: all dialogs of the entity, `partial`: those that have changed. Not every switch complies. */
  readonly state: "full" | "partial";
  /** The URI of the watched phone. */
  readonly entity: string;
  readonly dialogs: readonly Dialog[];
}

/** The longest document that is read, in characters: a dialog takes 600. */
export const maxDialogInfoLength = 262_144;

const namespace = "urn:ietf:params:xml:ns:dialog-info";
const states: readonly string[] = ["trying", "proceeding", "early", "confirmed", "terminated"];
const events: readonly string[] = ["cancelled", "rejected", "replaced", "local-bye", "remote-bye", "error", "timeout"];

/**
 * Reads the body of a NOTIFY.
 * @param skipsUnreadable skips unreadable dialogs; the document is then partial, so that they do not count as ended.
 * @throws Error with a sentence: not XML, too long, with a document type, or not a dialog-info document.
 */
export function readDialogInfo(body: string, { skipsUnreadable = false } = {}): DialogInfo {
  const root = new Element(parse(unpadded(body), maxDialogInfoLength).root);
  if (root.name !== "dialog-info") {
    throw new Error(`Cannot read the dialog-info: its root is <${shown(root.raw)}>: expected <dialog-info>`);
  }
  if (!root.isOurs) throw new Error(`Cannot read the dialog-info: its namespace is ${shown(root.space)}: expected ${namespace}`);
  const state = root.attribute("state");
  if (state !== "full" && state !== "partial") {
    throw new Error(`Cannot read the dialog-info: its state is ${shown(state)}: expected full or partial`);
  }
  const read = root.all("dialog").map(readDialog);
  const dialogs = read.filter((dialog): dialog is Dialog => !(dialog instanceof Error));
  const fault = read.find((dialog) => dialog instanceof Error);
  if (fault && !(skipsUnreadable && dialogs.length > 0)) throw fault;
  const version = readVersion(root.attribute("version"));
  return { version, state: fault ? "partial" : state, entity: root.attribute("entity")?.trim() ?? "", dialogs };
}

/**
 * Without white space and padding around a document, which XML does not allow before a declaration. Not by a regular
 * expression, which would start over at every space inside: minutes for a body full of them.
 */
function unpadded(body: string): string {
  let end = body.length;
  while (end > 0 && (body[end - 1] === "\0" || body[end - 1]?.trim() === "")) end--;
  return body.slice(0, end).trimStart();
}

function readVersion(text: string | undefined): number {
  const version = text?.trim() ?? "";
  if (!/^\d{1,20}$/.test(version) || Number(version) > 0xffff_ffff) {
    throw new Error(`Cannot read the dialog-info: its version is ${shown(text)}: expected a number from 0 to 4294967295`);
  }
  return Number(version);
}

function readDialog(dialog: Element, index: number): Dialog | Error {
  const callId = text(dialog.attribute("call-id"));
  const id = text(dialog.attribute("id")) ?? callId;
  if (id === undefined) return new Error(`Cannot read the dialog-info: its dialog ${index + 1} has no id`);
  const state = dialog.first("state");
  // A dialog without a state is how some switches show a phone that is idle (MikoPBX).
  const word = state?.text.toLowerCase() || "terminated";
  if (!states.includes(word)) {
    return new Error(
      `Cannot read the dialog-info: the state of its dialog ${index + 1} is ${shown(state?.text)}: expected ${states.join(", ")}`,
    );
  }
  const direction = dialog.attribute("direction")?.trim().toLowerCase();
  const event = state?.attribute("event")?.trim().toLowerCase() ?? "";
  const code = Number(text(state?.attribute("code")) ?? NaN);
  return {
    id,
    state: word as DialogState,
    ...(direction === "initiator" || direction === "recipient" ? { direction } : {}),
    ...(events.includes(event) ? { event: event as DialogEvent } : {}),
    ...(Number.isInteger(code) && code >= 100 && code <= 699 ? { code } : {}),
    ...omitUndefined({
      callId,
      localTag: text(dialog.attribute("local-tag")),
      remoteTag: text(dialog.attribute("remote-tag")),
      local: readParticipant(dialog.all("local")),
      remote: readParticipant(dialog.all("remote")),
    }),
  };
}

/** One end may be spread over several elements of the same name. */
function readParticipant(ends: readonly Element[]): Participant | undefined {
  if (ends.length === 0) return undefined;
  const [identity] = ends.flatMap((end) => end.all("identity"));
  const targets = ends.flatMap((end) => end.all("target"));
  const params = new Map<string, string>();
  for (const param of targets.flatMap((target) => target.all("param"))) {
    const name = text(param.attribute("pname"))?.toLowerCase();
    // `pval` is the RFC's (section 4.4), `pvalue` what most switches write; some put the quotes of a Contact around it.
    const value = (param.attribute("pval") ?? param.attribute("pvalue") ?? "").trim().replace(/^"(.*)"$/s, "$1");
    if (name !== undefined && !params.has(name)) params.set(name, value);
  }
  const uri = text(identity?.text);
  return {
    params: Object.fromEntries(params),
    ...(uri === undefined ? {} : { identity: { uri, ...omitUndefined({ display: text(identity?.attribute("display")) }) } }),
    ...omitUndefined({ target: text(targets[0]?.attribute("uri")) }),
  };
}

/** An element with its namespace resolved: prefixes are the writer's free choice. */
class Element {
  /** The name without its prefix, and as written. */
  readonly name: string;
  readonly raw: string;
  /** The namespace; empty when there is none. */
  readonly space: string;
  readonly #element: XmlElement;
  readonly #outer: Element | undefined;

  constructor(element: XmlElement, outer?: Element) {
    this.#element = element;
    this.#outer = outer;
    this.raw = element.name.raw;
    const colon = this.raw.indexOf(":");
    this.name = this.raw.slice(colon + 1);
    this.space = this.spaceOf(colon < 0 ? "xmlns" : `xmlns:${this.raw.slice(0, colon)}`);
  }

  /** A document without any namespace counts as ours; one of another namespace does not. */
  get isOurs(): boolean {
    return this.space === namespace || this.space === "";
  }

  /** The text, without its comments and the white space around it. */
  get text(): string {
    return this.#element.children.map((child) => (child.type === "text" ? child.text : "")).join("").trim();
  }

  attribute(name: string): string | undefined {
    return Object.hasOwn(this.#element.attributes, name) ? this.#element.attributes[name] : undefined;
  }

  all(name: string): Element[] {
    return this.#element.children.flatMap((child) => {
      if (child.type !== "element" || child.name.raw.slice(child.name.raw.indexOf(":") + 1) !== name) return [];
      const inner = new Element(child, this);
      return inner.isOurs ? [inner] : [];
    });
  }

  first(name: string): Element | undefined {
    return this.all(name)[0];
  }

  /** The innermost declaration counts; an undeclared prefix is a separate namespace. */
  spaceOf(declaration: string): string {
    const space = this.attribute(declaration)?.trim() ?? this.#outer?.spaceOf(declaration);
    return space ?? (declaration === "xmlns" ? "" : `undeclared ${declaration}`);
  }
}

/** A value without the white space around it; undefined if nothing is left. */
function text(value: string | undefined): string | undefined {
  const trimmed = value?.trim();
  return trimmed === "" ? undefined : trimmed;
}

/** A value from outside, short enough for an error text. */
function shown(value: string | undefined): string {
  return value === undefined ? "missing" : quoted(value);
}
