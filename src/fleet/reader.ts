/** Checks of values that strangers send. Pure. */

/** Whether a value has the expected form. */
export type Reader = (value: unknown) => boolean;

/** Whether it is an object, and not a list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Texts of at most this many characters. */
export function isText(longest: number): Reader {
  return (value) => typeof value === "string" && value.length <= longest;
}

/** Whether it is a whole number that is not negative. */
export function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Lists of at most this many items. */
export function listOf(item: Reader, longest: number): Reader {
  return (value) => Array.isArray(value) && value.length <= longest && value.every(item);
}

/** Objects with these fields, and perhaps the others; unknown fields are of a newer telesetd. */
export function readerOf<T extends object>(
  needed: { readonly [K in keyof T as undefined extends T[K] ? never : K]: Reader },
  others: { readonly [K in keyof T as undefined extends T[K] ? K : never]?: Reader } = {},
): Reader {
  const [musts, mays] = [Object.entries<Reader>(needed), Object.entries<Reader>(others as Record<string, Reader>)];
  return (value) =>
    isObject(value) && musts.every(([key, isRight]) => isRight(value[key])) &&
    mays.every(([key, isRight]) => value[key] === undefined || isRight(value[key]));
}
