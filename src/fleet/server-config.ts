/** The configuration of nats-server for a fleet. */

/** What it depends on. */
export interface ServerSite {
  /** The servers as boxes reach them: `nats1.example.com:4222`. Several form a cluster. */
  readonly servers: readonly ServerAddress[];
  /** The folder of the server with its files. */
  readonly folder: string;
  /** Where the server keeps the accounts that it is sent. */
  readonly state: string;
  readonly operator: string;
  /** The public keys of the two accounts, with their JWTs. */
  readonly system: readonly [key: string, jwt: string];
  readonly account: readonly [key: string, jwt: string];
}

/** The address of a server. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** The port of the servers among themselves. */
const clusterPort = 6222;

/**
 * The text of the configuration. A full resolver, because with it a revocation reaches the running servers over the broker: the
 * resolver in memory needs a change of this file on every server and a reload. Works with nats-server 2.9.10 (Debian 12) and 2.10.
 */
export function serverConfig({ servers, folder, state, operator, system, account }: ServerSite): string {
  const tls = `    cert_file: "${folder}/server.pem"\n    key_file: "${folder}/server.key"\n    timeout: 10`;
  return `# nats-server for a fleet of telesetd, made by telesetd fleet. It contains no secrets.
listen: 0.0.0.0:${servers[0]?.port ?? 4222}
tls {
${tls}
}
# After a restart all boxes log in at once: with the default of 2 s the last ones would be refused.
authorization { timeout: 10 }
# A box that has lost its power is noticed within a minute.
ping_interval: "20s"
ping_max: 2
max_payload: 1MB
# A box that does not read is cut off, and asks for what it has missed.
max_pending: 4MB
write_deadline: "5s"
${servers.length > 1 ? cluster(servers, folder, tls) : ""}operator: ${operator}
system_account: ${system[0]}
# Revocations arrive over the broker and are kept here.
resolver {
    type: full
    dir: "${state}"
    allow_delete: false
    interval: "2m"
}
# For the first start; an account that the server was sent later is newer.
resolver_preload: {
    ${system[0]}: ${system[1]}
    ${account[0]}: ${account[1]}
}
`;
}

/** The same text for all servers of the cluster: each recognises its own address among the routes. */
function cluster(servers: readonly ServerAddress[], folder: string, tls: string): string {
  const routes = servers.map(({ host }) => `        "nats://${host.includes(":") ? `[${host}]` : host}:${clusterPort}"\n`);
  return `cluster {
    name: telesetd
    listen: 0.0.0.0:${clusterPort}
    # Only a server with a certificate of the same authority may join.
    tls {
    ${tls.replaceAll("\n", "\n    ")}
        ca_file: "${folder}/ca.pem"
        verify: true
    }
    routes: [
${routes.join("")}    ]
}
`;
}
