/** @jsxImportSource hono/jsx */
/** The three columns of the demo: the phones, the box, and UWQ. */
import { raw } from "hono/html";
import type { Child } from "hono/jsx";
import type { ShownCall } from "../../../history/calls.ts";
import { type LivePart, livePart } from "../../../page/live.ts";
import { Document } from "../../../page/views/document.tsx";
import type { Html } from "../../../page/views/html.ts";
import { Headline, liveCallsModel, LiveCallsView, stateModel, StateView } from "../../../page/views/overview.tsx";
import { changeForm, Empty, Tag, Time } from "../../../page/views/parts.tsx";
import { outcomeText, partyText, sentText } from "../../calls.ts";
import { colleague, type Conversation, customers, type Deed, desk, type Phase, possible } from "./phones.ts";
import type { Town } from "./town.ts";
import type { Pop } from "./uwq.ts";

/** The name of the view, for the script of the page. */
export const viewName = "demo";

/** The path of an action. */
const actionPath = "/ui/do/";

const labels: Readonly<Record<Deed, string>> = {
  answer: "Answer",
  decline: "Decline",
  hold: "Hold",
  resume: "Resume",
  transfer: `Transfer to ${colleague}`,
  hangup: "Hang up",
  leave: "Customer hangs up",
  "far-answers": "Customer answers",
};

const phases: Readonly<Record<Phase, readonly [word: string, colour: string]>> = {
  rings: ["rings", "ringing"],
  talks: ["talking", "answered"],
  held: ["on hold", "held"],
  lift: ["rings: UWQ dials", "ringing"],
  calling: ["calling", "called"],
};

/** A button; one that does nothing now stays in its place, so that the keyboard does not lose it. */
const Do = ({ what, id = "", off = false, kind = "", children }: {
  readonly what: string;
  readonly id?: string;
  readonly off?: boolean;
  readonly kind?: string;
  readonly children?: Child;
}): Html => (
  <button
    type="submit"
    id={`${what}-${id}`}
    form={changeForm}
    formaction={`${actionPath}${what}${id === "" ? "" : `/${id}`}`}
    aria-disabled={off ? "true" : undefined}
    class={kind}
  >
    {children}
  </button>
);

const Phones = ({ conversations, plugged, talksTo, isLinked }: {
  readonly conversations: readonly Conversation[];
  readonly plugged: boolean;
  readonly talksTo: string | undefined;
  readonly isLinked: boolean;
}): Html => (
  <>
    <div class="card people">
      <h3>Outside</h3>
      <div class="buttons">
        <Do what="customer" kind="primary">A customer calls</Do>
        <Do what="stranger">Withheld number calls</Do>
        <Do what="colleague">Colleague {colleague} calls</Do>
      </div>
    </div>
    <div class={`card phone ${plugged ? "" : "failed"}`}>
      <div class="head">
        <h3>Desk phone {desk}</h3>
        <Tag name={plugged ? (conversations.length > 0 ? "answered" : "idle") : "failed"}>
          {plugged ? (conversations.length > 0 ? "in use" : "free") : "unplugged"}
        </Tag>
      </div>
      {conversations.length === 0 ? <p class="quiet">{plugged ? "It does not ring." : "The switch cannot reach it."}</p> : null}
      {conversations.map((conversation) => <Talk conversation={conversation} />)}
      <div class="buttons">
        {plugged ? <Do what="unplug">Unplug the phone</Do> : <Do what="plug" kind="primary">Plug the phone in</Do>}
      </div>
    </div>
    {talksTo === undefined ? null : (
      <div class="card">
        <h3>Phone {colleague}</h3>
        <p class="quiet">The colleague talks to {talksTo}.</p>
      </div>
    )}
    <div class={`card ${isLinked ? "" : "failed"}`}>
      <div class="head">
        <h3>Phone system</h3>
        <Tag name={isLinked ? "answered" : "failed"}>{isLinked ? "connected" : "cut off"}</Tag>
      </div>
      <p class="quiet">FreeSWITCH reports each call to the box over this link.</p>
      <div class="buttons">
        {isLinked ? <Do what="cut">Cut the link</Do> : <Do what="join" kind="primary">Repair the link</Do>}
      </div>
    </div>
  </>
);

const Talk = ({ conversation }: { readonly conversation: Conversation }): Html => {
  const { id, who, phase } = conversation;
  const [word, colour] = phases[phase];
  return (
    <div class={`talk ${colour}`}>
      <p class="head">
        <strong>{who}</strong>
        <Tag name={colour}>{word}</Tag>
      </p>
      <div class="buttons">
        {possible(conversation).map((deed) => (
          <Do what={deed} id={id} kind={deed === "answer" || deed === "far-answers" ? "primary" : ""}>
            {deed === "leave" && !customers.some(({ name }) =>
                name === who
              )
              ? "Caller hangs up"
              : labels[deed]}
          </Do>
        ))}
      </div>
    </div>
  );
};

const Uwq = (
  { isOpen, pops, waiting }: { readonly isOpen: boolean; readonly pops: readonly Pop[]; readonly waiting: number },
): Html => (
  <>
    <div class={`card ${isOpen ? "" : "failed"}`}>
      <div class="head">
        <h3>Agent's PC</h3>
        <Tag name={isOpen ? "answered" : "failed"}>{isOpen ? "UWQ is open" : "UWQ is closed"}</Tag>
      </div>
      <p class="quiet">
        {isOpen
          ? "The agent has logged in to Oracle UWQ."
          : `Nobody listens.${waiting > 0 ? ` Events that wait at the box: ${waiting}.` : ""}`}
      </p>
      <div class="buttons">
        {isOpen ? <Do what="close">Close UWQ</Do> : <Do what="open" kind="primary">Open UWQ</Do>}
      </div>
    </div>
    {pops.length === 0
      ? <Empty>When a customer calls, their page opens here.</Empty>
      : pops.map((pop, index) => <Screen pop={pop} isOpen={isOpen} first={index === 0} />)}
    <div class="card">
      <h3>Dial from UWQ</h3>
      <div class="buttons">
        {customers.map(({ id, name }) => <Do what="dial" id={id} off={!isOpen}>Call {name}</Do>)}
      </div>
    </div>
  </>
);

const popStates = { rings: ["calling", "ringing"], talks: ["talking", "answered"], ended: ["ended", "idle"] } as const;

/** A page that has popped up. */
const Screen = ({ pop: { number, customer, state, events }, isOpen, first }: {
  readonly pop: Pop;
  readonly isOpen: boolean;
  readonly first: boolean;
}): Html => (
  <div class={`card screen ${state} ${first && state !== "ended" ? "new" : ""} ${isOpen ? "" : "dim"}`}>
    <p class="title head">
      <span>Screen pop</span>
      <Tag name={popStates[state][1]}>{popStates[state][0]}</Tag>
    </p>
    <p class="name">{customer?.name ?? "Unknown customer"}</p>
    <dl class="facts">
      <dt>Number</dt>
      <dd>{number === "" ? "withheld" : number}</dd>
      {customer === undefined ? null : (
        <>
          <dt>Customer</dt>
          <dd>{customer.id}</dd>
        </>
      )}
    </dl>
    <ol class="events">
      {events.map(({ name, ms }) => (
        <li>
          <span class="mono">{name}</span> {ms === undefined ? null : <span class="quiet">{tookText(ms)}</span>}
        </li>
      ))}
    </ol>
  </div>
);

function tookText(ms: number): string {
  return ms < 1000
    ? `after ${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
    : `after ${(ms / 1000).toFixed(1)} s, because it had to wait`;
}

const Ended = ({ calls }: { readonly calls: readonly ShownCall[] }): Html => {
  if (calls.length === 0) return <Empty>No call has ended yet.</Empty>;
  return (
    <ul class="rows">
      {calls.map((call) => (
        <li class="row">
          <div class="what">
            <span class="who">{partyText(call)}</span>
            <Tag name={call.end?.disposition ?? ""}>{outcomeText(call)}</Tag>
            <span class="quiet">
              <Time at={call.began} />
            </span>
          </div>
          <p class="quiet">To UWQ: {sentText(call)}</p>
          {call.reason === undefined ? null : <p class="reason">{call.reason.text}</p>}
        </li>
      ))}
    </ul>
  );
};

/** The maximum number of ended calls that are shown. */
const maxEnded = 4;

function endedCalls({ calls }: Town["box"]): readonly ShownCall[] {
  const ended: ShownCall[] = [];
  for (const page of calls.pages({ masked: true })) {
    ended.push(...page.filter(({ end }) => end));
    if (ended.length >= maxEnded) break;
  }
  return ended.slice(0, maxEnded);
}

/** What changes while the page is open. */
export function liveParts(town: Town): readonly LivePart[] {
  const { phones, uwq, box } = town;
  return [
    livePart("notice", () => town.notice, (notice) => <>{notice === "" ? null : <p class="notice warn">{notice}</p>}</>),
    livePart(
      "phones",
      () => ({
        conversations: phones.conversations,
        plugged: phones.plugged,
        talksTo: phones.colleagueTalksTo,
        isLinked: town.isLinked,
      }),
      (model) => <Phones {...model} />,
    ),
    livePart("headline", () => stateModel(box.status(), Date.now()).state, (state) => <Headline state={state} />),
    livePart("now", () => liveCallsModel(box.liveCalls()), (model) => <LiveCallsView model={model} />),
    livePart("state", () => stateModel(box.status(), Date.now()), (model) => <StateView model={model} />),
    livePart("recent", () => endedCalls(box), (calls) => <Ended calls={calls} />),
    livePart(
      "uwq",
      () => ({ isOpen: uwq.isOpen, pops: uwq.pops, waiting: box.status().outbox.waiting }),
      (model) => <Uwq {...model} />,
    ),
    livePart("messages", () => town.messages.slice(-maxShown), (messages) => <pre>{messages.join("\n")}</pre>),
  ];
}

/** The maximum number of messages that are shown. */
const maxShown = 12;

/** The whole page. `files`: the URLs of its own style sheet and script. */
export const DemoPage = ({ parts, token, files }: {
  readonly parts: readonly LivePart[];
  readonly token: string;
  readonly files: { readonly style: string; readonly script: string };
}): Html => {
  const part = (id: string) => <div id={id}>{raw(parts.find((part) => part.id === id)?.html() ?? "")}</div>;
  return (
    <Document title="Demo" live={viewName} refresh={3}>
      <link rel="stylesheet" href={files.style} />
      <script src={files.script} defer></script>
      <a class="skip" href="#main">Skip to the content</a>
      <header>
        <div class="bar">
          <span class="brand">
            <span class="mark" aria-hidden="true"></span>telesetd
          </span>
          <span class="box">demo: the real daemon, with a simulated phone system and a small UWQ</span>
          <span id="live" class="live" role="status">Not live</span>
        </div>
      </header>
      <form id={changeForm} method="post">
        <input type="hidden" name="token" value={token} />
      </form>
      <main id="main">
        <h1>A desk phone that opens the customer's page</h1>
        <ol class="steps">
          <li>
            <strong>Let a customer call.</strong> The desk phone rings, and UWQ opens the customer's page at once.
          </li>
          <li>
            <strong>Answer, hold, transfer, hang up.</strong> UWQ gets what it must know of a call, and no more.
          </li>
          <li>
            <strong>Break something.</strong> Unplug the phone, cut the link, close UWQ: the box says what is wrong.
          </li>
          <li>
            <strong>Repair it.</strong> What UWQ has missed arrives, in order.
          </li>
        </ol>
        <div role="status">{part("notice")}</div>
        <div class="columns">
          <section class="column" aria-labelledby="phones-title">
            <h2 id="phones-title">Phones</h2>
            {part("phones")}
          </section>
          <section class="column middle" aria-labelledby="box-title">
            <h2 id="box-title">The box: telesetd</h2>
            {part("headline")}
            <h3>Calls now</h3>
            {part("now")}
            {part("state")}
            <h3>Last calls</h3>
            {part("recent")}
          </section>
          <section class="column" aria-labelledby="uwq-title">
            <h2 id="uwq-title">UWQ</h2>
            <div aria-live="polite">{part("uwq")}</div>
          </section>
        </div>
        <details class="card" id="wire">
          <summary>The messages on both wires</summary>
          {part("messages")}
        </details>
      </main>
    </Document>
  );
};
