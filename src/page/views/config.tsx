/** @jsxImportSource hono/jsx */
/** The configuration in force, and what its number rules do. */
import type { Setting } from "../../config/settings.ts";
import { root } from "../guard.ts";
import type { Html } from "./html.ts";

/** A number rule: one pattern or one rewriting of `numbers`. */
export interface NumberRule {
  /** `numbers.toCrm[0]` */
  readonly path: string;
  /** `^9(\d{4,})$ becomes $1, outbound calls` */
  readonly text: string;
}

/** A number that somebody tries. */
export interface Tried {
  readonly rule: string;
  readonly number: string;
  /** What happens to it, a line each. */
  readonly lines: readonly string[];
  /** The rules that apply to it. */
  readonly rules: readonly string[];
}

/** The number rules of a configuration. */
export function numberRules(settings: readonly Setting[]): readonly NumberRule[] {
  const numbers = settings.filter(({ path }) => path.startsWith("numbers."));
  const rules = [...Map.groupBy(numbers, ({ path }) => path.replace(/(\[\d+\])\..*$/, "$1"))];
  return rules.map(([path, parts]) => ({ path, text: ruleText(path, parts) }));
}

function ruleText(path: string, parts: readonly Setting[]): string {
  const [only, ...others] = parts;
  if (only?.path === path && others.length === 0) return only.value ?? "";
  const part = (name: string): string | undefined => parts.find((setting) => setting.path === `${path}.${name}`)?.value;
  const direction = part("direction");
  const whose = direction === undefined || direction === "both" ? "" : `, ${direction} calls`;
  return `${part("match") ?? ""} becomes ${part("replace") || "nothing"}${whose}`;
}

/** Every number rule with a field to try a number. */
export const RulesView = (
  { rules, tried }: { readonly rules: readonly NumberRule[]; readonly tried?: Tried | undefined },
): Html => (
  <ul class="rows">
    {rules.map((rule) => (
      <li class="row" id={rule.path}>
        <div class="what">
          <strong class="mono">{rule.path}</strong> <span class="mono">{rule.text}</span>
        </div>
        <form class="try" action={`${root}config#${rule.path}`}>
          <input type="hidden" name="rule" value={rule.path} />
          <label for={`try-${rule.path}`}>Try a number</label>
          <input
            id={`try-${rule.path}`}
            name="number"
            type="tel"
            maxlength={64}
            autocomplete="off"
            value={tried?.rule === rule.path ? tried.number : ""}
          />
          <button type="submit" aria-label={`Try a number with ${rule.path}`}>Try</button>
        </form>
        {tried?.rule === rule.path ? <TriedView tried={tried} /> : null}
      </li>
    ))}
  </ul>
);

const TriedView = ({ tried: { rule, lines, rules } }: { readonly tried: Tried }): Html => {
  const decides = rules.includes(rule);
  return (
    <div class="tried" role="status">
      <p>
        <strong>{decides ? `${rule} applies to this number:` : `${rule} does not decide about this number:`}</strong>
      </p>
      <ul>{lines.map((line) => <li>{line}</li>)}</ul>
    </div>
  );
};

/** All settings, in groups. */
export const SettingsView = ({ settings }: { readonly settings: readonly Setting[] }): Html => (
  <>
    {[...Map.groupBy(settings, ({ path }) => /^[^.[]*/.exec(path)?.[0] ?? "")].map(([group, parts]) => (
      <details class="card group" open={group === "desks" || group === "line"}>
        <summary>
          <strong class="mono">{group}</strong>
        </summary>
        <dl class="settings">
          {parts.map(({ path, value, description }) => (
            <div>
              <dt class="mono">{path}</dt>
              <dd>
                <span class="mono value">{value ?? "hidden"}</span>
                {description === undefined ? null : <span class="quiet">{description}</span>}
              </dd>
            </div>
          ))}
        </dl>
      </details>
    ))}
  </>
);
