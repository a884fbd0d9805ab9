/** Objects without undefined values: with exactOptionalPropertyTypes an absent key differs from an undefined one. */

/** The same values, each absent instead of undefined. */
export type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Copies the keys whose value is not undefined. */
export function omitUndefined<T extends object>(values: T): Defined<T> {
  const found: Defined<T> = {};
  for (const key of Object.keys(values) as (keyof T)[]) {
    if (values[key] !== undefined) found[key] = values[key] as Exclude<T[keyof T], undefined>;
  }
  return found;
}
