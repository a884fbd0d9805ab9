/** @jsxImportSource hono/jsx */
/** Small components that several views use: pure functions of their properties. */
import type { Child } from "hono/jsx";
import { shortTime } from "../../platform/local-time.ts";
import type { Part, PartState } from "../../status/health.ts";
import type { Html } from "./html.ts";

/** The id of the form with the session's token, which buttons anywhere on the page use by their attribute `form`. */
export const changeForm = "change";

/** A state as a sign, a word and a colour. */
const signs: Readonly<Record<PartState, readonly [sign: string, word: string]>> = {
  good: ["✓", "OK"],
  warning: ["!", "Check"],
  failed: ["✕", "Failed"],
  idle: ["–", "Idle"],
};

/** A state, readable without colours. */
export const State = ({ state, word = signs[state][1] }: { readonly state: PartState; readonly word?: string }): Html => (
  <span class={`state ${state}`}>
    <span aria-hidden="true">{signs[state][0]}</span> {word}
  </span>
);

/** A part of the box, with what is wrong and the next step. */
export const PartCard = ({ part }: { readonly part: Part }): Html => (
  <li class={`card part ${part.state}`}>
    <h3>{part.name}</h3>
    <State state={part.state} />
    <p>{part.message}</p>
    {(part.details ?? []).map((detail) => <p class="quiet">{detail}</p>)}
    {part.advice === undefined ? null : (
      <p class="advice">
        <span class="label">Next step</span> {part.advice}
      </p>
    )}
  </li>
);

/** A moment, in the zone of the box. @param at ISO 8601. */
export const Time = ({ at }: { readonly at: string }): Html => <time datetime={at}>{shortTime(new Date(at))}</time>;

/** The time since a moment; the script keeps it up to date. `now` and `at` in ISO 8601. */
export const Since = ({ at }: { readonly at: string }): Html => (
  <span class="since" data-since={at}>{`since ${shortTime(new Date(at))}`}</span>
);

/** A button that changes something: it sends the form with the session's token. `action`: the path. */
export const ChangeButton = ({ id, action, confirm, label, children, className = "", disabled = false }: {
  readonly id: string;
  readonly action: string;
  /** A question to ask before. */
  readonly confirm?: string;
  /** What it does, for readers who do not see its row. */
  readonly label?: string;
  readonly className?: string;
  readonly disabled?: boolean;
  readonly children?: Child;
}): Html => (
  <button
    type="submit"
    id={id}
    form={changeForm}
    formaction={action}
    data-confirm={confirm}
    aria-label={label}
    class={className}
    disabled={disabled}
  >
    {children}
  </button>
);

/** A state in a word. `name`: its class. */
export const Tag = ({ name, children }: { readonly name: string; readonly children?: Child }): Html => (
  <span class={`tag ${name}`}>{children}</span>
);

/** The maximum number of characters of a name that is shown. */
const maxName = 80;

/** Marks that change the direction of the text around them (Unicode TR 9), and characters without a shape. */
// deno-lint-ignore no-control-regex -- control characters are exactly what is replaced
const unseen = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A name that a stranger has chosen, so that it cannot fill the page or change how others are read. */
export function nameText(name: string): string {
  const plain = name.slice(0, maxName + 1).replace(unseen, "\ufffd");
  return plain.length > maxName ? `${plain.slice(0, maxName)}...` : plain;
}

/** An empty list, with the reason. */
export const Empty = ({ children }: { readonly children?: Child }): Html => <p class="empty">{children}</p>;
