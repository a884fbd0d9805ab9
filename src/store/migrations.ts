/** The store's schema, version by version. Each step migrates from the version before; a released step is never changed. */

/** Selects the schema of a database, row by row. */
export const schemaQuery = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY name";

/** The current version. */
export const schemaVersion = 6;

/** The digest of the current schema (`digestOfSchema`), so that no start has to make an empty database to compare with. */
export const schemaDigest = "b3b39efc76f31934dfe95cf1bc370e10dace7ee6b3f28dddb5a73af3e6127403";

const steps: readonly string[] = [
  // 1: the first version
  `CREATE TABLE desks (extension TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT;
   CREATE TABLE events (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     desk TEXT NOT NULL, agent TEXT NOT NULL, event TEXT NOT NULL,
     created INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, refusals INTEGER NOT NULL DEFAULT 0,
     reached INTEGER NOT NULL DEFAULT 0, on_the_way INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL,
     why TEXT, ending TEXT, ended INTEGER
   ) STRICT;
   CREATE INDEX events_waiting ON events (id) WHERE ending IS NULL;
   CREATE INDEX events_ended ON events (ended) WHERE ending IS NOT NULL;`,
  // 2: name and call of an event as columns; the clock's mark
  `ALTER TABLE events ADD COLUMN name TEXT NOT NULL DEFAULT '';
   ALTER TABLE events ADD COLUMN call TEXT NOT NULL DEFAULT '';
   UPDATE events SET name = json_extract(event, '$.name'), call = json_extract(event, '$.call');
   CREATE INDEX events_given_up ON events (id) WHERE name = 'ScreenPop' AND ending = 'retired' AND reached = 0;
   CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1), boot TEXT NOT NULL, offset INTEGER NOT NULL) STRICT;`,
  // 3: the record of dials
  `CREATE TABLE dials (
     id TEXT PRIMARY KEY, desk TEXT NOT NULL, agent TEXT NOT NULL, source TEXT NOT NULL,
     at INTEGER NOT NULL, dial_string TEXT NOT NULL, number TEXT, outcome TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX dials_at ON dials (at);`,
  // 4: destination of an event; waiting events used to go to the registered agent
  `ALTER TABLE events ADD COLUMN address TEXT;
   ALTER TABLE events ADD COLUMN port INTEGER;
   UPDATE events SET (address, port) =
     (SELECT json_extract(state, '$.registration.address'), json_extract(state, '$.registration.port') FROM desks
      WHERE extension = events.desk AND json_extract(state, '$.registration.agent') = events.agent)
   WHERE ending IS NULL;`,
  // 5: the dial in progress is a part of its call; an event is delivered or discarded
  `UPDATE desks SET state = json_remove(
     json_set(
       state,
       '$.recentlyEnded', json(coalesce(state -> '$.gone', '[]')),
       '$.calls', json((
         SELECT json_group_array(json(
           CASE WHEN call ->> '$.answerUntold'
             THEN json_set(json_remove(call, '$.answerUntold'), '$.answerUnreported', json('true')) ELSE call END
         )) FROM (
           SELECT CASE WHEN coalesce(value ->> '$.follows.first', value ->> '$.id') = state ->> '$.dial.call'
             THEN json_set(value, '$.dial', json_remove(state -> '$.dial', '$.call')) ELSE value END AS call
           FROM json_each(state, '$.calls')
         )
       ))
     ),
     '$.dial', '$.gone'
   );
   ALTER TABLE events RENAME COLUMN ending TO settlement;
   DROP INDEX events_given_up;
   UPDATE events SET settlement = CASE settlement WHEN 'told' THEN 'delivered' ELSE 'discarded' END WHERE settlement IS NOT NULL;
   CREATE INDEX events_discarded_pops ON events (id) WHERE name = 'ScreenPop' AND settlement = 'discarded' AND reached = 0;`,
  // 6: where the waiting events of an agent at a desk go after a Register (before, each event had the new address); whether an event
  // was discarded because its agent has unregistered; the record of calls: `place` is the time of the end in ms, or more if two
  // calls end at the same time
  `CREATE TABLE destinations (
     desk TEXT NOT NULL, agent TEXT NOT NULL, address TEXT, port INTEGER, why TEXT, PRIMARY KEY (desk, agent)
   ) STRICT, WITHOUT ROWID;
   ALTER TABLE events ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE calls (
     place INTEGER PRIMARY KEY, id TEXT NOT NULL, desk TEXT NOT NULL, last_event INTEGER NOT NULL, record TEXT NOT NULL
   ) STRICT;
   CREATE UNIQUE INDEX calls_id ON calls (id, desk);
   CREATE INDEX calls_desk ON calls (desk, place);`,
];

/** Migrates a database from version `found`, each step in its own transaction. */
export function migrate(run: (sql: string) => void, transaction: (work: () => void) => void, found: number): void {
  steps.slice(found).forEach((sql, index) =>
    transaction(() => {
      run(sql);
      run(`PRAGMA user_version = ${found + index + 1}`);
    })
  );
}
