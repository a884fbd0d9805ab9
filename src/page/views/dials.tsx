/** @jsxImportSource hono/jsx */
/** The numbers that UWQ asked to dial, with their outcomes. */
import { masked, maskedIdentity } from "../../log/log.ts";
import type { RecordedDial } from "../../outbox/record.ts";
import type { Html } from "./html.ts";
import { Empty, nameText, Time } from "./parts.tsx";

/** A dial as it is shown: the customer's number is masked, also in the outcome. */
export interface ShownDial {
  readonly at: string;
  readonly desk: string;
  readonly agent: string;
  readonly from: string;
  readonly number: string;
  readonly outcome: string;
}

/** How many dials are shown. */
export const maxDials = 50;

/** The dials, with masked numbers. */
export function dialsModel(dials: readonly RecordedDial[]): readonly ShownDial[] {
  return dials.map(({ at, desk, agent, from, dialString, number, outcome }) => {
    const asked = maskedIdentity(dialString);
    const dialled = number === undefined ? asked : maskedIdentity(number);
    return {
      at: new Date(at).toISOString(),
      desk,
      agent,
      from,
      number: dialled === asked ? asked : `${asked}, dialled as ${dialled}`,
      outcome: masked(outcome.replaceAll(dialString, asked)),
    };
  });
}

/** All dials. */
export const DialsView = ({ model }: { readonly model: readonly ShownDial[] }): Html => {
  if (model.length === 0) return <Empty>UWQ has not asked to dial any number.</Empty>;
  return (
    <ul class="rows">
      {model.map(({ at, desk, agent, from, number, outcome }) => (
        <li class="row">
          <div class="what">
            <strong class="who">{nameText(number)}</strong>
            <span class="quiet">
              <Time at={at} />
            </span>
          </div>
          <p>{outcome}</p>
          <p class="quiet">Desk {desk}, agent {agent} from {from}</p>
        </li>
      ))}
    </ul>
  );
};
