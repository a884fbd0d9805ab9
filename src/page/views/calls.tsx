/** @jsxImportSource hono/jsx */
/** The history of calls: what was sent to the CRM, or the one rule that decided why nothing was. */
import { ago, count } from "../../core/count.ts";
import type { ShownCall, ShownCallEvent } from "../../history/calls.ts";
import { root } from "../guard.ts";
import type { Html } from "./html.ts";
import { Empty, nameText, Tag, Time } from "./parts.tsx";

/** Which calls are listed. */
export interface CallsQuery {
  /** Only those of this desk. */
  readonly desk?: string | undefined;
  /** Only those of which the CRM got nothing, or less than usual. */
  readonly silent: boolean;
  /** How many newer ones are skipped. */
  readonly from: number;
}

/** A part of the history. */
export interface CallsModel {
  readonly calls: readonly ShownCall[];
  readonly query: CallsQuery;
  /** Whether there are older ones. */
  readonly more: boolean;
  readonly desks: readonly string[];
}

/** How many calls are shown at once, and how many are looked at for them. */
const pageSize = 25;
const maxSeen = 500;

/** Reads a part of the history. */
export function callsModel(
  pages: Iterable<readonly ShownCall[]>,
  query: CallsQuery,
  desks: readonly string[],
): CallsModel {
  const found: ShownCall[] = [];
  let seen = 0;
  for (const page of pages) {
    seen += page.length;
    found.push(...page.filter(({ reason }) => !query.silent || reason !== undefined));
    if (found.length > query.from + pageSize || seen >= maxSeen + query.from) break;
  }
  const calls = found.slice(query.from, query.from + pageSize);
  return { calls, query, more: found.length > query.from + pageSize, desks };
}

/** The list. */
export const CallsView = ({ model: { calls, query, more, desks } }: { readonly model: CallsModel }): Html => (
  <>
    <form class="filter" action={`${root}calls`}>
      {desks.length > 1
        ? (
          <label>
            Desk{" "}
            <select name="desk">
              <option value="">all</option>
              {desks.slice(0, 200).map((desk) => <option value={desk} selected={desk === query.desk}>{desk}</option>)}
            </select>
          </label>
        )
        : null}
      <label class="check">
        <input type="checkbox" name="silent" value="1" checked={query.silent} />{" "}
        Only calls of which UWQ got nothing or less than usual
      </label>
      <button type="submit">Show</button>
    </form>
    <div id="calls-list">
      <CallRows calls={calls} {...(isPart(query) ? { empty: "No such call is on record." } : {})} />
    </div>
    <nav class="pager" aria-label="Parts of the history">
      {query.from > 0 ? <a href={link(query, Math.max(0, query.from - pageSize))}>Newer calls</a> : null}
      {more ? <a href={link(query, query.from + pageSize)}>Older calls</a> : null}
    </nav>
  </>
);

function isPart({ desk, silent, from }: CallsQuery): boolean {
  return desk !== undefined || silent || from > 0;
}

function link({ desk, silent }: CallsQuery, from: number): string {
  const query = new URLSearchParams({
    ...(desk ? { desk } : {}),
    ...(silent ? { silent: "1" } : {}),
    ...(from > 0 ? { from: `${from}` } : {}),
  });
  return `${root}calls?${query}`;
}

/** The rows of the list, which are also shown live. */
export const CallRows = (
  { calls, empty = "No call is on record yet." }: { readonly calls: readonly ShownCall[]; readonly empty?: string },
): Html => {
  if (calls.length === 0) return <Empty>{empty}</Empty>;
  return <ul class="rows">{calls.map((call) => <CallRow call={call} />)}</ul>;
};

const CallRow = ({ call }: { readonly call: ShownCall }): Html => {
  const { id, desk, agent, direction, kind, began, reason } = call;
  return (
    <li class="row">
      <div class="what">
        <a class="who" href={`${root}calls/${encodeURIComponent(id)}`}>{whoText(call)}</a>
        <Outcome call={call} />
        <span class="quiet">
          <Time at={began} />
        </span>
      </div>
      <p class="quiet">
        {kind === "internal" ? `${direction}, internal` : direction} call at desk {desk}
        {agent === undefined ? ", no agent was registered" : `, agent ${agent}`}
        {call.queue ? ", from a queue" : ""}
      </p>
      <p>
        <span class="label inline">CRM</span> {sentText(call)}
      </p>
      {reason === undefined ? null : (
        <p class="reason">
          <span class="label inline">Reason</span> {reason.text}
        </p>
      )}
    </li>
  );
};

const Outcome = ({ call: { began, end } }: { readonly call: ShownCall }): Html => (
  <Tag name={end?.disposition ?? "ringing"}>
    {end ? `${end.text}, ${ago(Date.parse(end.at) - Date.parse(began))}` : "in progress"}
  </Tag>
);

function whoText({ party }: ShownCall): string {
  return party === undefined ? "Unknown" : party === "" ? "Withheld" : nameText(party);
}

function sentText({ events }: ShownCall): string {
  if (events.length === 0) return "got nothing";
  const states = [...Map.groupBy(events, ({ state }) => state)];
  return states.map(([state, some]) => `${state}: ${some.map(withTime).join(", ")}`).join("; ");
}

function withTime({ event, tookMs }: ShownCallEvent): string {
  return tookMs === undefined ? event : `${event} (${tookText(tookMs)})`;
}

function tookText(ms: number): string {
  return ms < 2000 ? `${Math.round(ms)} ms` : ago(ms);
}

const origins = { called: "The desk was called", keypad: "Dialled on the phone", makecall: "Dialled by UWQ (MakeCall)" } as const;

/** A call with its timeline. */
export const CallView = ({ call }: { readonly call: ShownCall }): Html => {
  const { id, desk, agent, origin, kind, direction, queue, began, timeline, events, reason } = call;
  const moments = timeline.length > 0 ? timeline : [{ at: began, text: "began", what: "began" }];
  const steps = [
    ...moments.map(({ at, text }) => ({ at, side: "phone", text })),
    ...events.map((event) => ({ at: event.created, side: "crm", text: eventText(event) })),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return (
    <>
      <h1>{whoText(call)}</h1>
      <p class="headline">
        <Outcome call={call} />
      </p>
      {reason === undefined ? null : (
        <p class="card reason">
          <span class="label">Why UWQ got {events.length === 0 ? "nothing" : "less than usual"}</span> {reason.text}
        </p>
      )}
      <section aria-labelledby="timeline">
        <h2 id="timeline">Timeline</h2>
        <ol class="timeline card">
          {steps.map(({ at, side, text }) => (
            <li class={side}>
              <span class="quiet">
                <Time at={at} />
              </span>
              <span class="label inline">{side === "crm" ? "CRM" : "Phone"}</span>
              <span>{text}</span>
            </li>
          ))}
        </ol>
      </section>
      <section aria-labelledby="facts">
        <h2 id="facts">Facts</h2>
        <dl class="card facts">
          <dt>Desk</dt>
          <dd>{desk}</dd>
          <dt>Agent</dt>
          <dd>{agent ?? "No agent was registered when it began"}</dd>
          <dt>Direction</dt>
          <dd>{kind === "internal" ? `${direction}, internal` : direction}{queue ? ", from a queue" : ""}</dd>
          <dt>Origin</dt>
          <dd>{origins[origin]}</dd>
          <dt>Id</dt>
          <dd class="mono">{id}</dd>
        </dl>
      </section>
      <p class="more">
        <a href={`${root}calls`}>All calls</a>
      </p>
    </>
  );
};

function eventText({ event, state, attempts, to, tookMs, why }: ShownCallEvent): string {
  const took = tookMs === undefined ? "" : ` after ${tookText(tookMs)}`;
  const place = to === undefined ? "" : ` to ${to}`;
  return `${event}${place}: ${state}${took}, ${count(attempts, "attempt")}${why === undefined ? "" : `: ${why}`}`;
}
