/** The type of rendered components. */
import type { HtmlEscapedString } from "hono/utils/html";

/** What a component returns: HTML in which every value is escaped. */
export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;
