/** What the page can change: each is a form with the token of its session, and leads back to its view with a notice. */
import type { Context, Hono } from "hono";
import { count } from "../core/count.ts";
import type { Outcome } from "../outbox/admin.ts";
import type { DoctorRun } from "./doctor-run.ts";
import { root } from "./guard.ts";
import type { Session } from "./sessions.ts";
import type { PageSource } from "./source.ts";
import type { Trace } from "./trace.ts";

/** What has just been done, for the next view of each session. */
export class Notices {
  readonly #notices = new WeakMap<Session, string>();

  /** Leaves a notice for a session. */
  leave(session: Session, text: string): void {
    this.#notices.set(session, text);
  }

  /** The notice of a session, once. */
  take(session: Session): string | undefined {
    const text = this.#notices.get(session);
    this.#notices.delete(session);
    return text;
  }
}

/** What may be changed, and how the result is reported. */
export interface ChangeOptions {
  readonly source: Pick<PageSource, "outbox" | "tools">;
  readonly doctor: DoctorRun | undefined;
  readonly trace: Trace | undefined;
  /** Says what was done, to the session of a request. */
  readonly say: (context: Context, text: string) => void;
}

/** `POST /ui/events/...`, `/ui/doctor`, `/ui/wire/...`, `/ui/image/...`. */
export function addChanges(app: Hono, { source: { outbox, tools }, doctor, trace, say }: ChangeOptions): void {
  const back = (context: Context, view: string, text?: string): Response => {
    if (text !== undefined) say(context, text);
    return context.redirect(`${root}${view}`, 303);
  };
  const sentence = (result: Outcome, done: string): string => "event" in result ? done : result.why;
  const id = (context: Context): number => Number(context.req.param("id"));
  app.post(`${root}events/retry`, async (context) => {
    const { retried, full } = await outbox.retryAll();
    return back(
      context,
      "events",
      `Retried ${count(retried, "event")}.${full ? " The outbox is full: retry again for the rest." : ""}`,
    );
  });
  app.post(
    `${root}events/:id{[0-9]{1,15}}/retry`,
    (context) => back(context, "events", sentence(outbox.retry(id(context)), `Event ${id(context)} is sent again.`)),
  );
  app.post(
    `${root}events/:id{[0-9]{1,15}}/drop`,
    (context) => back(context, "events", sentence(outbox.drop(id(context)), `Event ${id(context)} was discarded.`)),
  );
  app.post(`${root}doctor`, (context) => {
    void doctor?.start();
    return back(context, "doctor");
  });
  app.post(`${root}wire/start`, (context) => {
    trace?.start();
    return back(context, "wire");
  });
  app.post(`${root}wire/stop`, (context) => {
    trace?.stop();
    return back(context, "wire");
  });
  const asked = {
    update: "The box looks for an update. If there is one, it restarts when no desk has had a call for 10 minutes.",
    rollback: "The box goes back to the version before, and restarts now.",
  };
  for (const what of ["update", "rollback"] as const) {
    app.post(`${root}image/${what}`, (context) => {
      const { image } = tools ?? {};
      return back(context, "", image ? image.request(what) ?? asked[what] : "This machine does not run the image of telesetd.");
    });
  }
}
