// Copies from and to exports of NBD servers with TLS, whose certificates are made here.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { basename, join } from "node:path";
import { test, type TestContext } from "node:test";
import { defer } from "../support/cleanup.ts";
import { assertSame } from "../support/files/bytes.ts";
import { noise, scratch } from "../support/files/files.ts";
import { assertFailed, assertSucceeded, EXIT, run } from "../support/programs/cli.ts";
import { fakeNbd, FLAG, nbdkit, serveNbd } from "../support/programs/nbd.ts";
import { changedIn } from "../support/programs/sync-pair.ts";
import { lacking, lackingRoot, system } from "../support/programs/tools.ts";

const MIB = 1024 * 1024;
const CONTENT = noise("tls", 8 * MIB);

/** Makes a folder with a CA, a certificate for `localhost` that it has issued, and one for a client. */
function certificates(folder: string, days = 2): string {
  mkdirSync(folder);
  const at = (name: string): string => join(folder, `${name}.pem`);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout"];
  const make = (...words: string[]): void => void system("openssl", ...words);
  make(
    "req",
    "-x509",
    ...key,
    at("ca-key"),
    "-out",
    at("ca-cert"),
    "-subj",
    `/CN=CA of ${basename(folder)}`,
  );
  writeFileSync(at("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1");
  for (const who of ["server", "client"]) {
    make("req", ...key, at(`${who}-key`), "-out", at("request"), "-subj", `/CN=${who}`);
    const ca = ["-CA", at("ca-cert"), "-CAkey", at("ca-key"), "-CAcreateserial"];
    const words = [
      ...ca,
      "-extfile",
      at("names"),
      "-days",
      String(days),
      "-out",
      at(`${who}-cert`),
    ];
    make("x509", "-req", "-in", at("request"), ...words);
  }
  return folder;
}

interface Rig {
  folder: string;
  /** The certificates. */
  pki: string;
  source: string;
  served: string;
  copy: string;
}

function rig(t: TestContext): Rig {
  const folder = scratch(t);
  const at = (name: string): string => join(folder, name);
  writeFileSync(at("source"), CONTENT);
  writeFileSync(at("served"), changedIn(CONTENT, 0, 17, 30));
  writeFileSync(at("copy"), Buffer.alloc(CONTENT.length, 1));
  const [source, served, copy] = [at("source"), at("served"), at("copy")];
  return { folder, pki: certificates(at("pki")), source, served, copy };
}

/** The URI of a socket, with TLS. Without a folder, the CA certificates are those of this host. */
function secure(uri: string, pki?: string, name = "localhost"): string {
  const folder = pki === undefined ? "" : `&tls-certificates=${pki}`;
  return `${uri.replace("nbd+unix", "nbds+unix")}${folder}&tls-hostname=${name}`;
}

const SERVERS: [name: string, serve: (t: TestContext, rig: Rig) => Promise<string>][] = [
  [
    "nbdkit",
    (t, { pki, served }) => nbdkit(t, "--tls=require", `--tls-certificates=${pki}`, "file", served),
  ],
  [
    "nbdkit that verifies its clients",
    (t, { pki, served }) => {
      const tls = ["--tls=require", "--tls-verify-peer", `--tls-certificates=${pki}`];
      return nbdkit(t, ...tls, "file", served);
    },
  ],
  [
    "qemu-nbd",
    (t, { pki, served }) => {
      const tls = `tls-creds-x509,id=tls,endpoint=server,verify-peer=yes,dir=${pki}`;
      const words = ["-t", "-e", "8", "--object", tls, "--tls-creds", "tls", "-f", "raw"];
      return serveNbd(t, (socket) => ["qemu-nbd", ...words, "-k", socket, served]);
    },
  ],
];

for (const [name, serve] of SERVERS)
  test(
    `sync to and from an export of ${name}, with TLS`,
    { skip: lacking("nbdkit", "qemu-nbd", "openssl") },
    async (t) => {
      const made = rig(t);
      const uri = secure(await serve(t, made), made.pki);
      assertSucceeded(await run(["sync", made.source, uri]));
      assertSame(readFileSync(made.served), CONTENT, "what is served");
      assertSucceeded(await run(["sync", uri, made.copy]));
      assertSame(readFileSync(made.copy), CONTENT, "the copy");
    },
  );

test(
  "a server is only used if it proves who it is",
  { skip: lacking("nbdkit", "openssl") },
  async (t) => {
    const { folder, pki, source, served } = rig(t);
    const before = readFileSync(served);
    const [other, expired] = [
      certificates(join(folder, "other")),
      certificates(join(folder, "expired"), -1),
    ];
    const serve = (certs: string): Promise<string> =>
      nbdkit(t, "--tls=require", `--tls-certificates=${certs}`, "file", served);
    const [uri, old] = [await serve(pki), await serve(expired)];
    const { uri: fake, requests } = await fakeNbd(t, { size: CONTENT.length, flags: FLAG.flush });
    const nothing = join(folder, "nothing");
    for (const [what, named, says] of [
      ["another CA", secure(uri, other), /invalid peer certificate.*; compare the name and/],
      ["another name", secure(uri, pki, "example.com"), /certificate not valid for name/],
      ["a certificate that has expired", secure(old, expired), /invalid peer certificate/],
      ["no TLS", secure(fake, pki), /does not offer TLS, and nothing is sent without/],
      ["no CA", secure(uri, nothing), /nothing\/ca-cert\.pem cannot be read: .*No such file/],
      ["no TLS here", uri, /the server demands TLS: write nbds\+unix:\/\/ instead of nbd\+unix/],
    ] as const) {
      const outcome = await run(["sync", source, named]);
      assert.equal(outcome.code, EXIT.busy, `${what}: ${outcome.stderr}`);
      assertFailed(outcome, EXIT.busy, "sync", says);
    }
    assert.deepEqual(requests, []);
    assertSame(readFileSync(served), before, "what is served");
    // None of the CAs of this host has issued the certificate.
    const refused = await run(["sync", source, secure(uri)]);
    assertFailed(refused, EXIT.busy, "sync", /invalid peer certificate: UnknownIssuer/);
  },
);

test(
  "files of TLS that another user can change, and an incomplete set of them, are refused",
  { skip: lacking("nbdkit", "openssl") },
  async (t) => {
    const { pki, source, served } = rig(t);
    const before = readFileSync(served);
    const tls = ["--tls=require", `--tls-certificates=${pki}`];
    const uri = secure(await nbdkit(t, ...tls, "file", served), pki);
    const [folder, ca, key] = ["", "ca-cert.pem", "client-key.pem"].map((name) => join(pki, name));
    for (const [name = "", bad, good, says] of [
      [folder, 0o777, 0o755, /others may write to .*\/pki\/? \(mode 0777\).*`chmod go-w`/],
      [ca, 0o666, 0o644, /others may write to .*ca-cert\.pem \(mode 0666\).*`chmod go-w`/],
      [key, 0o640, 0o600, /others may access the key .*client-key\.pem \(mode 0640\).*`chmod go=`/],
    ] as const) {
      chmodSync(name, bad);
      assertFailed(await run(["sync", source, uri]), EXIT.permission, "sync", says);
      chmodSync(name, good);
    }
    renameSync(join(pki, "client-cert.pem"), join(pki, "kept.pem"));
    const outcome = await run(["sync", source, uri]);
    assertFailed(outcome, EXIT.busy, "sync", /client-cert\.pem is missing, and its key/);
    assertSame(readFileSync(served), before, "what is served");
  },
);

test(
  "the reason why the CA certificates of this host cannot be used is named",
  { skip: lackingRoot("unshare", "mount") },
  async (t) => {
    const folder = scratch(t);
    const [source, bad] = [join(folder, "source"), join(folder, "bad.pem")];
    writeFileSync(source, CONTENT);
    writeFileSync(bad, "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n");
    const setup = `mount -t tmpfs none /etc/ssl/certs && cp ${bad} /etc/ssl/certs/ca-certificates.crt && exec "$@"`;
    const prefix = ["unshare", "--mount", "sh", "-c", setup, "sh"];
    const outcome = await run(["sync", source, "nbds://localhost/x"], { prefix });
    assertFailed(outcome, EXIT.busy, "sync", /CA certificates of this host cannot be used: .*PEM/);
  },
);

test(
  "without a folder, the CA certificates of this host are used",
  { skip: lacking("nbdkit", "openssl") || lackingRoot("unshare", "mount") },
  async (t) => {
    const { pki, source, served } = rig(t);
    const tls = ["--tls=require", `--tls-certificates=${pki}`];
    const uri = await nbdkit(t, ...tls, "file", served);
    const setup = `mount --bind ${pki}/ca-cert.pem /etc/ssl/certs/ca-certificates.crt && exec "$@"`;
    const prefix = ["unshare", "--mount", "sh", "-c", setup, "sh"];
    assertSucceeded(await run(["sync", source, secure(uri)], { prefix }));
    assertSame(readFileSync(served), CONTENT, "what is served");
  },
);

test(
  "the name of the host is compared over TCP",
  { skip: lacking("nbdkit", "openssl") },
  async (t) => {
    const { pki, source, served } = rig(t);
    const tls = ["--tls=require", `--tls-certificates=${pki}`];
    const port = await relay(t, await nbdkit(t, ...tls, "file", served));
    const uri = (host: string): string => `nbds://${host}:${port}/?tls-certificates=${pki}`;
    for (const host of ["localhost", "127.0.0.1"])
      assertSucceeded(await run(["sync", source, uri(host)]));
    assertSame(readFileSync(served), CONTENT, "what is served");
    const outcome = await run(["sync", source, `${uri("127.0.0.1")}&tls-hostname=other`]);
    assertFailed(outcome, EXIT.busy, "sync", /certificate not valid for name/);
  },
);

/** Offers the server at a socket at a TCP port too. Returns the port. */
function relay(t: TestContext, uri: string): Promise<number> {
  const path = new URL(uri).searchParams.get("socket") ?? "";
  const server = createServer((socket) => {
    const other = connect(path);
    for (const [from, to] of [
      [socket, other],
      [other, socket],
    ] as const)
      from.on("error", () => to.destroy()).pipe(to);
  });
  defer(t, () => server.close());
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" ? (address?.port ?? 0) : 0);
    });
  });
}
