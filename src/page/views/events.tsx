/** @jsxImportSource hono/jsx */
/** The events that wait for the CRM, and those that were settled, with retry and drop. */
import { count, thousands } from "../../core/count.ts";
import { masked } from "../../log/log.ts";
import type { ShownEvent } from "../../outbox/admin.ts";
import { root } from "../guard.ts";
import type { Html } from "./html.ts";
import { ChangeButton, Empty, Tag, Time } from "./parts.tsx";

/** Events, in parts. */
export interface EventsModel {
  readonly waiting: readonly ShownEvent[];
  /** How many wait, those that are not shown included. */
  readonly total: number;
  readonly discarded: readonly ShownEvent[];
  readonly delivered: readonly ShownEvent[];
}

/** How many events of each state are shown, and how many are looked at. */
const maxShown = 25;
const maxSeen = 200;

/** The newest events. An answer of the CRM may repeat the customer's number: it is masked. */
export function eventsModel(outbox: { pages(all: boolean): Iterable<readonly ShownEvent[]> }, total: number): EventsModel {
  const shown = (all: boolean, limit: number): ShownEvent[] =>
    firstOf(outbox.pages(all), limit).map((event) => event.why === undefined ? event : { ...event, why: masked(event.why) });
  const waiting = shown(false, maxShown);
  const settled = shown(true, maxSeen);
  const of = (state: ShownEvent["state"]): ShownEvent[] => settled.filter((event) => event.state === state).slice(0, maxShown);
  return { waiting, total, discarded: of("discarded"), delivered: of("delivered") };
}

/** The first rows of a list that comes in pages. */
export function firstOf<T>(pages: Iterable<readonly T[]>, limit: number): T[] {
  const rows: T[] = [];
  for (const page of pages) {
    rows.push(...page);
    if (rows.length >= limit) break;
  }
  return rows.slice(0, limit);
}

/** All events. */
export const EventsView = ({ model: { waiting, total, discarded, delivered } }: { readonly model: EventsModel }): Html => (
  <>
    <section aria-labelledby="waiting">
      <div class="head">
        <h2 id="waiting">Waiting{total > 0 ? ` (${thousands(total)})` : ""}</h2>
        {total + discarded.length === 0 ? null : (
          <ChangeButton
            id="retry-all"
            action={`${root}events/retry`}
            confirm="Send all waiting and discarded events again?"
          >
            Retry all
          </ChangeButton>
        )}
      </div>
      {waiting.length === 0 ? <Empty>No event is waiting: UWQ has confirmed all of them.</Empty> : <EventList events={waiting} />}
      {total > waiting.length
        ? <p class="quiet">And {count(total - waiting.length, "event")} more: telesetd outbox list</p>
        : null}
    </section>
    <section aria-labelledby="discarded">
      <h2 id="discarded">Discarded</h2>
      {discarded.length === 0 ? <Empty>No recent event was discarded.</Empty> : <EventList events={discarded} />}
    </section>
    <section aria-labelledby="delivered">
      <h2 id="delivered">Delivered</h2>
      {delivered.length === 0 ? <Empty>No recent event was delivered.</Empty> : <EventList events={delivered} />}
    </section>
  </>
);

const EventList = ({ events }: { readonly events: readonly ShownEvent[] }): Html => (
  <ul class="rows">{events.map((event) => <EventRow event={event} />)}</ul>
);

const EventRow = ({ event }: { readonly event: ShownEvent }): Html => {
  const { id, state, event: name, call, desk, agent, to, created, attempts, why, next, waitsFor } = event;
  const progress = waitsFor !== undefined && attempts === 0
    ? `waits for event ${waitsFor} of the same call`
    : count(attempts, "attempt");
  return (
    <li class="row">
      <div class="what">
        <strong>{name}</strong> <Tag name={state}>{state}</Tag>
        <span class="quiet">
          event {id}, <Time at={created} />
        </span>
      </div>
      <p class="quiet">
        Desk {desk}, agent {agent}
        {to === undefined ? ", who has no address" : `, at ${to}`}; {progress}
        {next === undefined ? null : (
          <>
            , next <Time at={next} />
          </>
        )}
        {call === "" ? null : (
          <>
            ; <a href={`${root}calls/${encodeURIComponent(call)}`}>its call</a>
          </>
        )}
      </p>
      {why === undefined ? null : <p>{why}</p>}
      {state === "delivered" ? null : (
        <div class="buttons">
          <ChangeButton id={`retry-${id}`} action={`${root}events/${id}/retry`} label={`Retry event ${id}`}>
            Retry now
          </ChangeButton>
          {state === "waiting"
            ? (
              <ChangeButton
                id={`drop-${id}`}
                action={`${root}events/${id}/drop`}
                label={`Drop event ${id}`}
                confirm={`Drop this ${name}? UWQ does not get it.`}
              >
                Drop
              </ChangeButton>
            )
            : null}
        </div>
      )}
    </li>
  );
};
