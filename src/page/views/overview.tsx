/** @jsxImportSource hono/jsx */
/** The first view: the state of each part, and the calls in progress. */
import { count } from "../../core/count.ts";
import { boxParts, deskParts, type Part, type PartState, worst } from "../../status/health.ts";
import type { LiveCall } from "../../status/calls.ts";
import type { Status } from "../../status/status.ts";
import { ChangeButton, Empty, nameText, PartCard, Since, State } from "./parts.tsx";
import { root } from "../guard.ts";
import type { ImageTool } from "../source.ts";
import type { Html } from "./html.ts";

/** A desk with its parts. */
export interface DeskModel {
  readonly extension: string;
  readonly parts: readonly Part[];
}

/** The state of everything. */
export interface StateModel {
  readonly state: PartState;
  readonly desks: readonly DeskModel[];
  /** The number of further desks, all of which are well. */
  readonly others: number;
  readonly box: readonly Part[];
  /** The buttons of the image; absent on other machines. */
  readonly image?: ImageModel;
}

/** What can be requested of the image. */
export interface ImageModel {
  readonly version: string;
  readonly hasUpdates: boolean;
  /** The version to go back to. */
  readonly fallback?: string | undefined;
}

/** The maximum number of desks that are shown with their parts; those in trouble come first. */
const maxDesks = 24;

/** Sorts the status by part. `now`: the wall clock in ms. `tool`: the requests that the image takes. */
export function stateModel(status: Status, now: number, tool?: Pick<ImageTool, "hasUpdates">): StateModel {
  const desks = status.desks.map((desk) => ({ extension: desk.extension, parts: deskParts(desk, status, now) }));
  const rank = ({ parts }: DeskModel): number => ["failed", "warning"].indexOf(worst(parts)) >>> 0;
  const sorted = desks.length > maxDesks ? desks.toSorted((a, b) => rank(a) - rank(b)) : desks;
  const box = boxParts(status);
  return {
    state: worst([...desks.flatMap(({ parts }) => parts), ...box]),
    desks: sorted.slice(0, maxDesks),
    others: Math.max(0, desks.length - maxDesks),
    box,
    ...(tool && status.image
      ? { image: { version: status.image.version, hasUpdates: tool.hasUpdates, fallback: status.image.fallback } }
      : {}),
  };
}

const headlines: Readonly<Record<PartState, string>> = {
  good: "Everything works",
  idle: "Everything works",
  warning: "Something needs attention",
  failed: "Something does not work",
};

/** The state of everything in one line. */
export const Headline = ({ state }: { readonly state: PartState }): Html => (
  <p class="headline">
    <State state={state} word={headlines[state]} />
  </p>
);

/** The state of each part. */
export const StateView = ({ model }: { readonly model: StateModel }): Html => (
  <>
    {model.desks.map(({ extension, parts }) => (
      <section aria-labelledby={`desk-${extension}`}>
        <h2 id={`desk-${extension}`}>Desk {extension}</h2>
        <ul class="grid">{parts.map((part) => <PartCard part={part} />)}</ul>
      </section>
    ))}
    {model.others > 0 ? <p class="quiet">And {count(model.others, "desk")} more, in the same state or better.</p> : null}
    <section aria-labelledby="box">
      <h2 id="box">Box</h2>
      <ul class="grid">{model.box.map((part) => <PartCard part={part} />)}</ul>
      {model.image ? <ImageButtons image={model.image} /> : null}
    </section>
  </>
);

const ImageButtons = ({ image: { version, hasUpdates, fallback } }: { readonly image: ImageModel }) => (
  <div class="buttons">
    {hasUpdates ? <ChangeButton id="image-update" action={`${root}image/update`}>Look for an update</ChangeButton> : null}
    {fallback === undefined ? null : (
      <ChangeButton
        id="image-rollback"
        action={`${root}image/rollback`}
        confirm={`Go back to version ${fallback}? The box restarts now, and does not try ${version} again.`}
      >
        Go back to version {fallback}
      </ChangeButton>
    )}
  </div>
);

/** Calls in progress. */
export interface LiveCallsModel {
  readonly calls: readonly LiveCall[];
  readonly others: number;
}

/** The maximum number of calls in progress that are shown. */
const maxCalls = 50;

/** The newest calls first. */
export function liveCallsModel(calls: readonly LiveCall[]): LiveCallsModel {
  const sorted = calls.toSorted((a, b) => b.since.localeCompare(a.since));
  return { calls: sorted.slice(0, maxCalls), others: Math.max(0, sorted.length - maxCalls) };
}

/** Calls in progress, live. */
export const LiveCallsView = ({ model: { calls, others } }: { readonly model: LiveCallsModel }): Html => {
  if (calls.length === 0) return <Empty>No call is in progress.</Empty>;
  return (
    <>
      <ul class="calls">{calls.map((call) => <LiveCallCard call={call} />)}</ul>
      {others > 0 ? <p class="quiet">And {count(others, "call")} more.</p> : null}
    </>
  );
};

const LiveCallCard = ({ call }: { readonly call: LiveCall }) => (
  <li class={`card call ${call.state}`}>
    <span class="who">{nameText(call.who)}</span>
    <span class={`tag ${call.state}`}>{call.state}</span>
    <Since at={call.since} />
    <span class="quiet">
      {call.kind} call at desk {call.desk}
      {call.agent === undefined ? "" : `, agent ${call.agent}`}
    </span>
    <span class="quiet sent">
      {call.sent.length === 0 ? "Nothing sent to the CRM yet" : `Sent to the CRM: ${call.sent.join(", ")}`}
    </span>
  </li>
);
