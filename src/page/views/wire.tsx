/** @jsxImportSource hono/jsx */
/** The messages of both wires, side by side. */
import { localTime } from "../../platform/local-time.ts";
import { root } from "../guard.ts";
import type { TracedMessage, TraceState } from "../trace.ts";
import type { Html } from "./html.ts";
import { ChangeButton, Time } from "./parts.tsx";

/** The id of the list that grows. */
export const wireList = "wire-messages";

/** Whether the trace is on, and the buttons. */
export const TraceView = ({ model: { until } }: { readonly model: TraceState }): Html => (
  <p class="run">
    {until === undefined
      ? <ChangeButton id="start-trace" action={`${root}wire/start`} className="primary">Follow for ten minutes</ChangeButton>
      : <ChangeButton id="stop-trace" action={`${root}wire/stop`}>Stop</ChangeButton>}
    <span class="quiet" role="status">
      {until === undefined ? "Off. Messages contain customers' numbers; passwords are hidden." : (
        <>
          On until <Time at={until} />.
        </>
      )}
    </span>
  </p>
);

/** A list with two columns: the switch, and UWQ. */
export const WireList = ({ messages }: { readonly messages: readonly TracedMessage[] }): Html => (
  <div class="wire">
    <div class="sides" aria-hidden="true">
      <span>Switch</span>
      <span>UWQ</span>
    </div>
    <ol id={wireList} tabindex={0} aria-label="Messages on both wires">
      <WireRows messages={messages} />
    </ol>
  </div>
);

/** Several messages, the oldest first. */
export const WireRows = ({ messages }: { readonly messages: readonly TracedMessage[] }): Html => (
  <>{messages.map((message) => <WireRow message={message} />)}</>
);

/** One message, on its side. */
export const WireRow = ({ message: { id, at, wire, to, short, whole } }: { readonly message: TracedMessage }): Html => {
  const side = wire === "switch" ? "the switch" : "UWQ";
  return (
    <li class={wire}>
      <details id={`wire-${id}`}>
        <summary>
          <span class="quiet">{clock(at)}</span> <span class="way">{to === "telesetd" ? `from ${side}` : `to ${side}`}</span>{" "}
          <span class="mono">{short}</span>
        </summary>
        <pre tabindex={0}>{whole}</pre>
      </details>
    </li>
  );
};

/** `10:31:05.123` */
function clock(at: string): string {
  return `${localTime(new Date(at)).slice(11)}${at.slice(19, 23)}`;
}
