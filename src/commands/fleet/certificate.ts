/** The certificate of the servers (ECDSA P-256), made with openssl by an authority of the fleet, which the boxes trust alone. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FleetError } from "./folder.ts";

/** A certificate with its key, and that of the authority, in PEM. */
export interface Certificate {
  readonly authority: string;
  readonly authorityKey: string;
  readonly certificate: string;
  readonly key: string;
}

/** How long they are valid, in days: the authority longer, because every box has it. */
const authorityDays = 7300;
const certificateDays = 1825;

const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256"];

/**
 * Makes a certificate for these names and addresses. `known`: the authority, if there is one already.
 * @throws FleetError if openssl is missing or fails.
 */
export async function makeCertificate(
  hosts: readonly string[],
  known?: Pick<Certificate, "authority" | "authorityKey">,
): Promise<Certificate> {
  const folder = mkdtempSync(join(tmpdir(), "telesetd-fleet-"));
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  try {
    if (known) {
      writeFileSync(join(folder, "ca.pem"), known.authority);
      writeFileSync(join(folder, "ca.key"), known.authorityKey, { mode: 0o600 });
    } else {
      const own = ["-addext", "basicConstraints=critical,CA:TRUE,pathlen:0", "-addext", "keyUsage=critical,keyCertSign,cRLSign"];
      const to = ["-keyout", "ca.key", "-out", "ca.pem", "-days", String(authorityDays)];
      await openssl(folder, ["req", "-x509", ...curve, ...own, ...to, "-subj", "/CN=telesetd fleet"]);
    }
    const names = hosts.map((host) => `${isIP(host) === 0 ? "DNS" : "IP"}:${host}`).join(",");
    writeFileSync(
      join(folder, "extensions"),
      `subjectAltName=${names}\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n` +
        "extendedKeyUsage=serverAuth,clientAuth\n",
    );
    await openssl(folder, ["req", ...curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=nats-server"]);
    const by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", String(certificateDays), "-sha256"];
    await openssl(folder, ["x509", "-req", "-in", "server.csr", ...by, "-extfile", "extensions", "-out", "server.pem"]);
    return {
      authority: read("ca.pem"),
      authorityKey: read("ca.key"),
      certificate: read("server.pem"),
      key: read("server.key"),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The folder has mode 700, so nobody else can read the keys in it. */
async function openssl(folder: string, args: readonly string[]): Promise<void> {
  let child: Bun.Subprocess<"ignore", "ignore", "pipe">;
  try {
    child = Bun.spawn(["openssl", ...args], { cwd: folder, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  } catch {
    const alternative = "or give a certificate with --certificate, --key and --ca";
    throw new FleetError(`There is no openssl to make the servers' certificate: apt install openssl, ${alternative}.`);
  }
  const [why, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (code !== 0) throw new FleetError(`openssl cannot make the servers' certificate: ${why.trim().split("\n").at(-1) ?? code}`);
}
