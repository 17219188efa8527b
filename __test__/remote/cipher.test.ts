// The cipher that ssh is asked for: AES-GCM where the CPU has instructions for it, unless ciphers were chosen.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertFailed, EXIT, quote, run } from "../support/programs/cli.ts";
import { scratch } from "../support/files/files.ts";
import { hosts, lackingHosts, script, sync } from "../support/hosts/hosts.ts";
import { assertSynced, pair } from "../support/programs/sync-pair.ts";
import { lackingRoot } from "../support/programs/tools.ts";

const PREFERENCE = "Ciphers=^aes128-gcm@openssh.com,aes256-gcm@openssh.com";

const CPU = {
  x86: "processor\t: 0\nflags\t\t: fpu sse2 pclmulqdq aes avx\n",
  arm: "processor\t: 0\nFeatures\t: fp asimd evtstrm aes pmull sha1\n",
  "x86 without AES": "processor\t: 0\nflags\t\t: fpu sse2\n",
  "ARM without AES": "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 cpuid\n",
  "without a word": "",
};

/** Runs what follows with another CPU in /proc/cpuinfo. */
function withCpu(folder: string, cpu: keyof typeof CPU): string[] {
  const file = join(folder, "cpuinfo");
  writeFileSync(file, CPU[cpu]);
  return ["unshare", "-m", "sh", "-c", `mount --bind ${file} /proc/cpuinfo && exec "$@"`, "sh"];
}

/** Makes an ssh that tells its version and configuration, and connects nowhere. Its words of the connection go to a file. */
function fakeSsh(folder: string, { version = "exec /usr/bin/ssh -V" } = {}): string {
  const rsh = join(folder, "ssh");
  script(
    rsh,
    `echo "$@" >> ${quote([join(folder, "calls")])}
for word; do case $word in -V) ${version};; -G) exec /usr/bin/ssh "$@";; esac; done
for word; do echo "$word"; done > ${quote([join(folder, "words")])}
exit 255`,
  );
  return rsh;
}

/** Returns the words that ssh connects with. */
async function connectionWords(
  folder: string,
  { options = "", cpu = "x86" }: { options?: string; cpu?: keyof typeof CPU } = {},
): Promise<string[]> {
  if (!existsSync(join(folder, "ssh"))) fakeSsh(folder);
  const rsh = `${join(folder, "ssh")} ${options === "" ? "-F /dev/null" : options}`;
  const prefix = withCpu(folder, cpu);
  const outcome = await run(["sync", "-e", rsh, join(folder, "cpuinfo"), "one:/x"], { prefix });
  assertFailed(outcome, EXIT.busy, "sync", /no connection/);
  return readFileSync(join(folder, "words"), "utf8").split("\n");
}

/** The reason that the CPU cannot be another one for a test, or `false`. */
const skip = lackingRoot("ssh", "unshare");

for (const [cpu, prefers] of [
  ["x86", true],
  ["arm", true],
  ["x86 without AES", false],
  ["ARM without AES", false],
  ["without a word", false],
] as const) {
  test(`AES-GCM is ${prefers ? "" : "not "}preferred on a CPU: ${cpu}`, { skip }, async (t) => {
    const words = await connectionWords(scratch(t), { cpu });
    assert.equal(words.includes(PREFERENCE), prefers, words.join(" "));
  });
}

test("ciphers that were chosen stay", { skip }, async (t) => {
  const folder = scratch(t);
  for (const [configuration, options, prefers] of [
    ["", "-c aes256-ctr", false],
    ["", "-o Ciphers=aes192-ctr", false],
    ["", "-p 2222 -o Compression=no", true],
    ["Host one\n  Ciphers ^aes256-ctr", "", false],
    ["Host two\n  Ciphers aes256-ctr", "", true],
    ["Match host one user copy\n  Ciphers aes256-ctr", "", true],
    ["Match host one user copy\n  Ciphers aes256-ctr", "-l copy", false],
    ["Host *\n  Ciphers aes128-gcm@openssh.com,aes256-ctr", "", false],
  ] as const) {
    writeFileSync(join(folder, "config"), configuration);
    const words = await connectionWords(folder, {
      options: `-F ${join(folder, "config")} ${options}`,
    });
    assert.equal(words.includes(PREFERENCE), prefers, `${configuration} ${options}`);
  }
});

test("an ssh that is too old, or another one, is asked nothing", { skip }, async (t) => {
  for (const version of ["OpenSSH_6.7p1, OpenSSL 1.0.2", "Dropbear v2022.83"]) {
    const folder = scratch(t);
    fakeSsh(folder, { version: `echo "${version}" >&2; exit 0` });
    const words = await connectionWords(folder);
    assert.ok(!words.some((word) => word.startsWith("Ciphers")), words.join(" "));
    assert.doesNotMatch(readFileSync(join(folder, "calls"), "utf8"), / -G /);
  }
});

test("an ssh that cannot prefer ciphers is given none", { skip }, async (t) => {
  const folder = scratch(t);
  fakeSsh(folder, { version: 'echo "OpenSSH_8.0p1, OpenSSL 1.1.1" >&2; exit 0' });
  const words = await connectionWords(folder);
  assert.ok(!words.some((word) => word.startsWith("Ciphers")), words.join(" "));
});

test(
  "ssh is asked once for each host, and an answer that never comes costs a second",
  {
    skip,
  },
  async (t) => {
    const folder = scratch(t);
    const hanging = `Match host one exec "sleep 30"\n  Ciphers aes256-ctr\n`;
    writeFileSync(join(folder, "config"), hanging);
    const words = await connectionWords(folder, { options: `-F ${join(folder, "config")}` });
    assert.ok(!words.includes(PREFERENCE));
    const calls = readFileSync(join(folder, "calls"), "utf8").match(/ -G /g);
    assert.equal(calls?.length, 1);
  },
);

/** Returns the ciphers that a connection to a host has agreed on. */
async function agreedCipher(t: TestContext, options: string): Promise<string | undefined> {
  const { folder, from, to } = pair(t);
  const log = join(folder, "log");
  const prefix = withCpu(folder, "x86");
  const rsh = `ssh -v -E ${log} ${options}`;
  assertSynced(await sync(["-e", rsh, from, `one:${to}`], { prefix }), to);
  return /kex: client->server cipher: (\S+)/.exec(readFileSync(log, "utf8"))?.[1];
}

test("two hosts agree on AES-GCM", { skip: lackingHosts || skip }, async (t) => {
  assert.equal(await agreedCipher(t, ""), "aes128-gcm@openssh.com");
});

test("a server without AES-GCM is connected to", { skip: lackingHosts || skip }, async (t) => {
  const server = `/usr/sbin/sshd -i -f ${hosts().folder}/sshd-one -o Ciphers=aes192-ctr`;
  assert.equal(await agreedCipher(t, `-o 'ProxyCommand=${server}'`), "aes192-ctr");
});
