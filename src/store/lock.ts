/** A lock between processes. SQLite takes it from the kernel, which releases it when its owner ends, however it ends. */
import { Database } from "bun:sqlite";

/**
 * Takes the lock of this file, which is created if necessary and stays empty. Returns the function that releases it; undefined
 * if another process holds it.
 * @throws Error if the file cannot be created.
 */
export function takeLock(file: string): (() => void) | undefined {
  const lock = new Database(file);
  try {
    lock.run("BEGIN EXCLUSIVE");
    return () => lock.close();
  } catch (error) {
    lock.close();
    if ((error as { readonly code?: string }).code === "SQLITE_BUSY") return undefined;
    throw error;
  }
}
