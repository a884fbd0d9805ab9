/** Events of ARI in the short form of the recordings: empty fields omitted, the place in the dialplan as one text. */

type Fields = Readonly<Record<string, unknown>>;

/** An event as the recorder wrote it. */
export function shortEvent({ timestamp: _time, asterisk_id: _id, application: _app, ...event }: Fields): Fields {
  return short(event);
}

function short(fields: Fields): Fields {
  const { accountcode: _account, creationtime: _created, language: _language, dialplan, ...rest } = fields;
  const place = isFields(dialplan) ? { exten: `${dialplan["exten"]}@${dialplan["context"]}`, app: dialplan["app_name"] } : {};
  const entries = Object.entries({ ...rest, ...place }).map(([name, value]): [string, unknown] => [
    name,
    isFields(value) ? short(value) : value,
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value !== "" && !(Array.isArray(value) && value.length === 0)));
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
