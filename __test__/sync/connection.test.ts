// No way to a host, or to blockcopy there: what ssh, sudo and login shells print, and what is to be done about it. An `ssh` that only
// prints that stands for them.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Endpoint } from "../../src/sync/connection/endpoint.ts";
import { notStarted } from "../../src/sync/connection/connection-failure.ts";
import { refuseUnusableRsh } from "../../src/sync/connection/unusable-rsh.ts";
import { Side } from "../../src/sync/side.ts";
import { assertFailed, EXIT, lastLine, quote, run } from "../support/programs/cli.ts";
import { scratch } from "../support/files/files.ts";
import { script } from "../support/hosts/hosts.ts";

const CASES: readonly [said: string, code: number, advice: RegExp][] = [
  ["ssh: Could not resolve hostname far: Name or service not known", 255, /getent hosts/],
  ["ssh: connect to host far port 22: Connection refused", 255, /ssh:\/\/HOST:PORT\/PATH/],
  ["ssh: connect to host far port 22: Connection timed out", 255, /firewall .*ping far/],
  ["ssh: connect to host far port 22: No route to host", 255, /ping far/],
  [
    // The beginning and the end of what OpenSSH 9.2 prints about it.
    `@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
Offending ED25519 key in /root/.ssh/known_hosts:4
  remove with:
  ssh-keygen -f "/root/.ssh/known_hosts" -R "[far]:2222"
Host key for [far]:2222 has changed and you have requested strict checking.
Host key verification failed.`,
    255,
    /`ssh-keygen -R '\[far\]:2222'`/,
  ],
  [
    "Host key verification failed.",
    255,
    /ssh -o BatchMode=no -o StrictHostKeyChecking=ask far true/,
  ],
  [
    "No ED25519 host key is known for far and you have requested strict checking.\nHost key verification failed.",
    255,
    /StrictHostKeyChecking=ask/,
  ],
  [
    "@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\nPermissions 0644 for 'key' are too open.\nLoad key \"key\": bad permissions\nroot@far: Permission denied (publickey).",
    255,
    /chmod 600/,
  ],
  [
    "Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures",
    255,
    /IdentitiesOnly=yes/,
  ],
  ["root@far: Permission denied (publickey,password).", 255, /authorized_keys/],
  ["Connection closed by 10.0.0.1 port 22", 255, /try `\S+ far true`/],
  ["Connection timed out during banner exchange", 255, /ping far/],
  ["kex_exchange_identification: Connection closed by remote host", 1, /MaxStartups/],
  ["channel 3: open failed: connect failed: open failed", 255, /MaxSessions/],
  [
    "mux_client_request_session: session request failed: Session open refused by peer",
    255,
    /MaxSe/,
  ],
  ["Unable to negotiate with far: no matching host key type found", 255, /older of the two/],
  ["WARNING: Your password has expired.\nPassword change required but no TTY.", 1, /log in once/],
  ["This account is currently not available.", 1, /user who has a shell/],
  ["This service allows sftp connections only.", 1, /only sftp/],
  ["sudo: sorry, you must have a tty to run sudo", 1, /requiretty/],
  ["sudo: a password is required", 1, /NOPASSWD/],
  ["sh: 1: sudo: not found", 126, /install sudo/],
  ["bob is not in the sudoers file.", 1, /full path/],
  ["rbash: sh: restricted: cannot specify `/' in command names", 126, /restricted/],
  ["Command not allowed by the key", 1, /forced command/],
  ["ERROR (serve): this key does not allow any other command; run", 77, /leave out --wire/],
  ["ERROR (serve): unknown option --allow-raed; see", 64, /command of that key corrected/],
  ["/usr/bin/env: 'node': No such file or directory", 126, /install Node/],
  ["sh: 1: /opt/blockcopy: Exec format error", 126, /kind of machine/],
  ["bash: fork: Resource temporarily unavailable", 254, /ulimit -u/],
  ["An unknown message", 3, /try `\S+ far blockcopy --version`/],
];

/** The last line of several, as a message has it. */
const endOf = (said: string): string => (said.split("\n").at(-1) ?? "").slice(0, 20);

test("output in place of a stage's hello has advice", () => {
  const far = { kind: "remote", host: "far", user: undefined, port: undefined, path: "/disk" };
  for (const [said, code, expected] of CASES) {
    const side = new Side(far as Endpoint, "source", { loginCommand: "ssh far" });
    // As many as a side keeps.
    side.lastLines.push(...said.split("\n").slice(-5));
    const { message, advice } = notStarted(side, { code });
    assert.match(advice, expected);
    assert.doesNotMatch(message, /\.$/);
    assert.ok(message.includes(endOf(said)), message);
  }
});

test("what ssh prints is what the advice is about, wherever the other host is", async (t) => {
  const folder = scratch(t);
  // By another name, its path would not be shown.
  const [ssh, file] = [join(folder, "ssh"), join(folder, "file")];
  writeFileSync(file, "content");
  // Of each exit code, one.
  const codes = CASES.map(([, code]) => code);
  const cases = CASES.filter(([, code], at) => codes.indexOf(code) === at);
  for (const [place, [said, code, advice]] of cases.entries()) {
    script(ssh, `printf '%s\\n' ${quote([said])} >&2; exit ${code}`);
    const ends = place % 2 === 0 ? [file, "far:/copy"] : ["far:/disk", file];
    const outcome = await run(["sync", "-e", ssh, ...ends]);
    assertFailed(outcome, EXIT.busy, "sync", advice);
    assert.doesNotMatch(lastLine(outcome.stderr), /\.; /);
    assert.ok(lastLine(outcome.stderr).includes(endOf(said)), outcome.stderr);
  }
});

test("the command to try names the host, also with --wire 0.0.2", async (t) => {
  const folder = scratch(t);
  const [ssh, file] = [join(folder, "ssh"), join(folder, "file")];
  writeFileSync(file, "content");
  script(ssh, "echo 'Permission denied (publickey).' >&2; exit 255");
  for (const ends of [
    [file, "bob@far:/copy"],
    ["bob@far:/disk", file],
  ]) {
    const outcome = await run(["sync", "--wire", "0.0.2", "-e", ssh, ...ends]);
    assertFailed(outcome, EXIT.busy, "sync", /make sure that `\S+\/ssh bob@far true` needs no/);
  }
});

test("an ssh that ends without a word, and one whose last line is empty", async (t) => {
  const folder = scratch(t);
  const [ssh, file] = [join(folder, "ssh"), join(folder, "file")];
  writeFileSync(file, "content");
  for (const [prints, message] of [
    ["", /no connection to far, or the program there was killed before it said anything; .*dmesg/],
    ["printf 'Connection refused\\n\\n' >&2", /no connection to far: Connection refused; /],
  ] as const) {
    script(ssh, `[ "$1" = -V ] && exit\n${prints}\nexit 255`);
    assertFailed(await run(["sync", "-e", ssh, file, "far:/copy"]), EXIT.busy, "sync", message);
  }
});

test("a program on this host that is killed as it begins has nothing to do with the account", () => {
  const far = { kind: "remote", host: "far", user: undefined, port: undefined, path: "/disk" };
  for (const [end, where] of [
    [{ kind: "local", path: "/disk" }, "this host"],
    [far, "far"],
  ] as const) {
    const side = new Side(end as Endpoint, "source");
    const { message, advice } = notStarted(side, { signal: "SIGKILL" });
    assert.match(message, new RegExp(`cannot be run on ${where} \\(SIGKILL\\)`));
    assert.match(advice, /dmesg/);
    assert.doesNotMatch(advice, /ssh|account/);
  }
});

test("an account that only prints a line on standard output", async (t) => {
  const folder = scratch(t);
  const [ssh, file] = [join(folder, "connect"), join(folder, "file")];
  writeFileSync(file, "content");
  script(ssh, "echo This account is currently not available.; exit 1");
  for (const ends of [
    [file, "far:/copy"],
    ["far:/disk", file],
  ]) {
    const { code, stderr } = await run(["sync", "-e", ssh, ...ends]);
    assert.ok(code === EXIT.busy || code === EXIT.protocol, stderr);
    assert.match(lastLine(stderr), /prints.*nologin, sftp only, a forced command/);
  }
});

test("a command that connects in a way in which nothing can be run is refused", async (t) => {
  for (const [rsh, reason] of [
    ["ssh -n", /ssh cannot be used with -n \(-e\): the stream would come from \/dev\/null/],
    ["ssh -xnT", /with -n/],
    ["ssh -p 22 -f", /with -f .*background/],
    ["/usr/bin/ssh -N", /with -N .*nothing would be run/],
    ["ssh -tt", /with -t .*changes the bytes/],
    ["sudo -u bob ssh -i key -t", /with -t/],
    ["ssh -o StdinNull=yes", /with -o StdinNull=yes/],
    ["ssh -oRequestTTY=force", /with -o RequestTTY=force/],
    ["ssh -o 'RemoteCommand uptime'", /with -o RemoteCommand uptime/],
    ["ssh -W far:22", /with -W/],
    ["ssh other", /with other .*SOURCE and DESTINATION/],
    ["rsh -n", /rsh cannot be used with -n/],
  ] as const)
    assert.throws(() => refuseUnusableRsh(rsh), reason, rsh);
  const target = `far:${join(scratch(t), "copy")}`;
  const outcome = await run(["sync", "-e", "ssh -tt", process.execPath, target]);
  assertFailed(outcome, EXIT.usage, "sync", /with -t .*changes the bytes/, /leave it out/);
});
