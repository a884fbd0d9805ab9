/** @jsxImportSource hono/jsx */
/** The views of the fleet's page: all desks, and one desk. Pure functions of their properties. */
import { ago, count, thousands } from "../../core/count.ts";
import { root } from "../../page/guard.ts";
import type { Html } from "../../page/views/html.ts";
import { Headline, LiveCallsView } from "../../page/views/overview.tsx";
import { Empty, nameText, PartCard, State } from "../../page/views/parts.tsx";
import { shortTime } from "../../platform/local-time.ts";
import type { Report, View } from "../report.ts";
import type { FleetRow, FleetSummary } from "../roster.ts";

/** How many desks one page lists. */
export const rowsOnPage = 100;

/** The path of a desk. */
function deskPath(desk: string): string {
  return `${root}desks/${desk}`;
}

/** The fleet in numbers. */
export const SummaryView = ({ model: { desks, failed, silent, agents, calls, waiting, versions } }: {
  readonly model: FleetSummary;
}): Html => {
  const wrong = failed + silent;
  const words = Object.entries(versions).map(([version, boxes]) => `${version} at ${count(boxes, "desk")}`);
  return (
    <>
      <p class="headline">
        <State
          state={wrong > 0 ? "failed" : "good"}
          word={wrong > 0 ? `${count(wrong, "desk")} of ${thousands(desks)} in trouble` : `All ${count(desks, "desk")} work`}
        />
      </p>
      <p class="lead quiet">
        {count(failed, "desk")} not ready, {count(silent, "box")} silent. {count(agents, "agent")} registered,{" "}
        {count(calls, "call")} in progress, {count(waiting, "event")} waiting. telesetd {words.join(", ") || "is not known yet"}.
      </p>
    </>
  );
};

/** Some of the desks. */
export interface RowsModel {
  readonly rows: readonly FleetRow[];
  /** How many more there are. */
  readonly more: number;
}

/** The desks, one a line. */
export const RowsView = ({ model: { rows, more } }: { readonly model: RowsModel }): Html => {
  if (rows.length === 0) return <Empty>No desk matches.</Empty>;
  return (
    <>
      <ul class="rows">{rows.map((row) => <Row row={row} />)}</ul>
      {more > 0 ? <p class="quiet">And {count(more, "desk")} more: search, or show the next ones.</p> : null}
    </>
  );
};

const Row = ({ row }: { readonly row: FleetRow }) => {
  const { desk, state, trouble, agent, movedTo, version, slot, calls, refused } = row;
  const facts = [
    version === undefined ? undefined : `telesetd ${nameText(version)}${slot === undefined ? "" : `, slot ${nameText(slot)}`}`,
    calls > 0 ? count(calls, "call") : undefined,
    refused ? `refused configuration ${versionTime(refused.version)}` : undefined,
  ].filter((fact) => fact !== undefined);
  return (
    <li class="row">
      <div class="what">
        <strong class="who">
          <a href={deskPath(desk)}>Desk {desk}</a>
        </strong>
        <State state={state === "silent" ? "failed" : state} {...(state === "silent" ? { word: "Silent" } : {})} />
        <span class="quiet">{agent === undefined ? "No agent" : `Agent ${nameText(agent)}`}</span>
        {movedTo === undefined ? null : <span class="quiet">who has registered at desk {movedTo} since</span>}
      </div>
      {trouble === undefined ? null : <p>{trouble}</p>}
      <p class="quiet">{facts.join(" · ")}</p>
    </li>
  );
};

/** The search above the list. */
export const SearchForm = ({ search, trouble }: { readonly search: string; readonly trouble: boolean }): Html => (
  <form class="filter" action={root}>
    <label>
      Desk, agent or version <input type="search" name="search" value={search} maxlength={100} />
    </label>
    <label class="check">
      <input type="checkbox" name="trouble" value="1" checked={trouble} />
      Only trouble
    </label>
    <button type="submit">Show</button>
  </form>
);

/** One desk: its last report, and its live view as soon as the box sends it. */
export interface DeskModel {
  readonly desk: string;
  readonly report?: Report | undefined;
  readonly silentMs?: number | undefined;
  readonly view?: View | undefined;
}

/** One desk. */
export const DeskView = ({ model: { desk, report, silentMs, view } }: { readonly model: DeskModel }): Html => {
  const shown = view?.report ?? report;
  if (!shown) return <Empty>The box of desk {desk} has not reported yet: is it on, and connected?</Empty>;
  const trouble = silentMs === undefined ? undefined : `The box has not reported for ${ago(silentMs)}: is it on, and connected?`;
  return (
    <>
      {trouble === undefined ? <Headline state={shown.ready ? "good" : "failed"} /> : (
        <p class="headline">
          <State state="failed" word={trouble} />
        </p>
      )}
      <section aria-labelledby="now">
        <h2 id="now">Calls now</h2>
        {view
          ? <LiveCallsView model={{ calls: view.calls, others: 0 }} />
          : <Empty>Waiting for the box to show its calls.</Empty>}
      </section>
      <section aria-labelledby="parts">
        <h2 id="parts">State</h2>
        <ul class="grid">{shown.parts.map((part) => <PartCard part={part} />)}</ul>
      </section>
      <section aria-labelledby="box">
        <h2 id="box">Box</h2>
        <BoxFacts report={shown} />
      </section>
    </>
  );
};

const BoxFacts = ({ report: { version, slot, upSeconds, config, pushed, agent } }: { readonly report: Report }) => (
  <ul class="rows">
    <li class="row">
      <p>
        telesetd {nameText(version)}
        {slot === undefined ? "" : `, image slot ${nameText(slot)}`}, running for {ago(upSeconds * 1000)}
      </p>
    </li>
    <li class="row">
      <p>{agent ? `Agent ${nameText(agent.id)}, UWQ at ${nameText(agent.at)}` : "Nobody has registered"}</p>
    </li>
    <li class="row">
      <p>{pushedText(pushed)} Fingerprint {nameText(config)}.</p>
      {pushed.refused
        ? <p class="advice">The configuration {versionTime(pushed.refused.version)} was refused: {pushed.refused.why}</p>
        : null}
    </li>
  </ul>
);

function pushedText({ version }: Report["pushed"]): string {
  return version === undefined
    ? "No configuration was pushed: the box's own is in force."
    : `Configuration ${versionTime(version)} is in force.`;
}

/** A version is the time when it was pushed. */
function versionTime(version: number): string {
  return `of ${shortTime(new Date(version))}`;
}
