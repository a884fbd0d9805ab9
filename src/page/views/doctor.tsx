/** @jsxImportSource hono/jsx */
/** The doctor: every hop from the phone to UWQ, as each is known. */
import { count } from "../../core/count.ts";
import type { PartState } from "../../status/health.ts";
import type { DoctorModel } from "../doctor-run.ts";
import { root } from "../guard.ts";
import type { DoctorHop } from "../source.ts";
import type { Html } from "./html.ts";
import { ChangeButton, Empty, State, Time } from "./parts.tsx";

const states: Readonly<Record<DoctorHop["verdict"], readonly [state: PartState, word: string]>> = {
  good: ["good", "OK"],
  warning: ["warning", "Check"],
  failed: ["failed", "Failed"],
  skipped: ["idle", "Skipped"],
};

/** A run of the doctor, in progress or finished. */
export const DoctorView = ({ model }: { readonly model: DoctorModel }): Html => {
  const { started, ended, hops, trouble } = model;
  const isRunning = started !== undefined && ended === undefined;
  return (
    <>
      <p class="run">
        <ChangeButton id="run-doctor" action={`${root}doctor`} className="primary" disabled={isRunning}>
          {isRunning ? "Checking ..." : started === undefined ? "Run the doctor" : "Run it again"}
        </ChangeButton>
        {started === undefined ? null : <span class="quiet" role="status">{summary(model)}</span>}
      </p>
      {started === undefined
        ? <Empty>The doctor checks every hop from the phone to UWQ, and says how to fix what fails.</Empty>
        : null}
      {trouble === undefined ? null : <p class="wrong">The doctor itself failed: {trouble}</p>}
      <ol class="rows">{hops.map((hop) => <HopRow hop={hop} />)}</ol>
    </>
  );
};

function summary({ ended, hops }: DoctorModel): Html {
  const failed = hops.filter(({ verdict }) => verdict === "failed").length;
  const warnings = hops.filter(({ verdict }) => verdict === "warning").length;
  const found = failed + warnings === 0 ? "all is well" : [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(warnings > 0 ? [count(warnings, "warning")] : []),
  ].join(", ");
  return (
    <>
      {count(hops.length, "hop")} checked: {found}
      {ended === undefined ? "" : (
        <>
          , at <Time at={ended} />
        </>
      )}
    </>
  );
}

const HopRow = ({ hop: { name, verdict, message, advice, details = [], ms } }: { readonly hop: DoctorHop }): Html => {
  const [state, word] = states[verdict];
  return (
    <li class={`row ${state}`}>
      <div class="what">
        <strong>{name}</strong> <State state={state} word={word} />
        <span class="quiet">{Math.round(ms)} ms</span>
      </div>
      <p>{message}</p>
      {details.map((detail) => <p class="quiet">{detail}</p>)}
      {advice === undefined || verdict === "skipped" ? null : (
        <p class="advice">
          <span class="label">Next step</span> {advice}
        </p>
      )}
    </li>
  );
};
