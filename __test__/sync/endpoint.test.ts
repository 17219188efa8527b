// Names of the ends of a copy, and words that pass through the shell of another host unchanged.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { parseEndpoint } from "../../src/sync/connection/endpoint.ts";
import {
  needsNoQuotes,
  quoteWord,
  splitHome,
  splitWords,
} from "../../src/sync/connection/shell-words.ts";
import { SHELLS } from "../support/programs/shells.ts";
import { installed } from "../support/programs/tools.ts";

const LOCAL = [
  "file",
  "/dev/vg/disk",
  "./a:b",
  "dir/a:b",
  "/a:b",
  "-",
  "~/x",
  "../x:y",
  "@",
  "./a@b",
  "dir/a@b",
  "/a@b",
  "a[1]:b",
  "[x]",
  "C",
  "nbd://host/x",
  "NBD://[::1]:1/x",
  "nbd+unix:///x?socket=/run/x",
];
for (const name of LOCAL) {
  test(`${name} is here`, () =>
    assert.deepEqual(parseEndpoint(name), { kind: "local", path: name }));
}

const REMOTE: [
  name: string,
  user: string | undefined,
  host: string,
  port: number | undefined,
  path: string,
][] = [
  ["host:/dev/disk", undefined, "host", undefined, "/dev/disk"],
  ["root@host:disk.img", "root", "host", undefined, "disk.img"],
  ["host:~/disk", undefined, "host", undefined, "~/disk"],
  ["root@host:nbd+unix:///?socket=/x", "root", "host", undefined, "nbd+unix:///?socket=/x"],
  ["host:nbd://other/x", undefined, "host", undefined, "nbd://other/x"],
  ["nbd:x", undefined, "nbd", undefined, "x"],
  ["host:a:b", undefined, "host", undefined, "a:b"],
  ["host:-x", undefined, "host", undefined, "-x"],
  ["host:two\nlines", undefined, "host", undefined, "two\nlines"],
  ["[fe80::1%eth0]:/disk", undefined, "fe80::1%eth0", undefined, "/disk"],
  ["root@[::1]:/disk", "root", "::1", undefined, "/disk"],
  ["10.0.0.1:/disk", undefined, "10.0.0.1", undefined, "/disk"],
  ["ssh://host/disk", undefined, "host", undefined, "/disk"],
  ["ssh://root@host:2222/a b", "root", "host", 2222, "/a b"],
  ["ssh://[::1]:22/disk", undefined, "::1", 22, "/disk"],
  ["ssh://host/two\nlines", undefined, "host", undefined, "/two\nlines"],
];
for (const [name, user, host, port, path] of REMOTE) {
  test(`${JSON.stringify(name)} is elsewhere`, () =>
    assert.deepEqual(parseEndpoint(name), { kind: "remote", user, host, port, path }));
}

const REFUSED = [
  "-oProxyCommand=touch harm:/disk",
  "root@-oProxyCommand=x:/disk",
  "-luser@host:/disk",
  "@host:/disk",
  "[-oProxyCommand=x]:/disk",
  "ssh://-oProxyCommand=x/disk",
  "ssh://-x@host/disk",
  "ssh://@host/disk",
  "ssh:///disk",
  "ssh://host",
  "ssh://host:/disk",
  "ssh://host:0/disk",
  "ssh://host:65536/disk",
  "ssh://host:22x/disk",
  "ssh://::1/disk",
  "host:",
  "host::module/disk",
  ":/disk",
  "[]:/disk",
  "root@host",
  "root@host.example.org",
  "a@b@host",
  "@host",
  "root@",
  "root@host:",
  "[::1]",
  "root@[fe80::1%eth0]",
  "[::1]:",
  "C:\\disk.img",
  "my disk:1",
  "two\nlines:x",
  "gr\uDCF6n:x",
];
for (const name of REFUSED) {
  test(`${name} is refused`, () =>
    assert.throws(() => parseEndpoint(name), { name: "UsageError" }));
}

test("advice on a name without a path fits the name", () => {
  for (const [name, advice] of [
    ["host:", "give its path there: host:PATH"],
    ["root@[::1]:", "give its path there: root@[::1]:PATH"],
    ["ssh://host", "give its path there: ssh://host/PATH"],
    ["host::module", "give HOST:PATH with one colon, which connects by ssh"],
    ["127.0.0.1", "give 127.0.0.1:PATH for a file or device there, or ./127.0.0.1 for a file here"],
  ] as const)
    assert.throws(() => parseEndpoint(name), { name: "UsageError", advice });
});

test("any name is a path here, an end elsewhere that ssh takes for a host, or refused", () => {
  const part = fc.constantFrom(
    "a",
    "-",
    ":",
    "/",
    "@",
    "[",
    "]",
    "ssh://",
    "~",
    ".",
    "\n",
    " ",
    "1",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const name = parts.join("");
      let end;
      try {
        end = parseEndpoint(name);
      } catch (error) {
        assert.equal((error as Error).name, "UsageError");
        return;
      }
      if (end.kind === "local") {
        assert.equal(end.path, name);
        return;
      }
      assert.match(end.host, /^[^-]/);
      assert.doesNotMatch(end.user ?? "x", /^-|^$/);
      assert.notEqual(end.path, "");
      assert.ok(name.endsWith(end.path));
    }),
  );
});

/** The arguments that a shell makes of a line of words. */
function through([shell, ...options]: readonly [string, ...string[]], words: string): string[] {
  // No quotes, so that nothing of this is read by one shell alone; that of coreutils, so that it is the same to all.
  const script = `env printf %s\\\\0 ${words}`;
  return execFileSync(shell, [...options, "-c", script], { encoding: "utf8", cwd: "/" })
    .split("\0")
    .slice(0, -1);
}

// Words that every shell can take on a line: without NUL, line ends, and halves of surrogate pairs.
const word = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...Array.from("'\"\\$`!;^&|<>()*?[]{}~#=%@:, \t\r-"),
        "\\'",
        "\\\\",
        "!!",
        "!a",
      ),
      fc.string({ unit: "grapheme", maxLength: 3 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join("").replaceAll(/[\0\n]/g, ""));

for (const [shell, ...options] of SHELLS) {
  test(
    `words come through ${shell} as they are`,
    { skip: installed(shell) ? false : `needs ${shell}: install it` },
    () =>
      fc.assert(
        fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
          assert.deepEqual(through([shell, ...options], words.map(quoteWord).join(" ")), words);
        }),
        { numRuns: 15 },
      ),
  );
}

test("a word that some shell cannot take is not quoted", () => {
  for (const words of ["two\nlines", "\0", "\uDCF6"]) assert.throws(() => quoteWord(words));
});

test("of a path only the home folder at its beginning is looked up", () => {
  for (const [path, home, rest] of [
    ["~", "~", ""],
    ["~/", "~", "/"],
    ["~/a b/$(x)", "~", "/a b/$(x)"],
    ["~root/'", "~root", "/'"],
    ["~root", "~root", ""],
    ["a~/b", "", "a~/b"],
    ["/~", "", "/~"],
    ["~$(touch harm)/x", "", "~$(touch harm)/x"],
    ["~a b", "", "~a b"],
    ["", "", ""],
  ] as const)
    assert.deepEqual(splitHome(path), { home, rest }, path);
});

test("a plain name is the same to every shell", () => {
  assert.ok(needsNoQuotes("/dev/vg-0/disk_1.img:a@b+c,d"));
  for (const character of " !\"#$%&'()*;<=>?[\\]^`{|}~\t\nö")
    assert.ok(!needsNoQuotes(`a${character}`));
});

test("words of a command", () => {
  for (const [command, words] of [
    ["ssh", ["ssh"]],
    ["  ssh\t-p  2222 ", ["ssh", "-p", "2222"]],
    [`ssh -o "ProxyCommand nc 'x' %h" ''`, ["ssh", "-o", "ProxyCommand nc 'x' %h", ""]],
    [`a'b c'"d e"f`, ["ab cd ef"]],
    ["$(x) \\ *", ["$(x)", "\\", "*"]],
  ] as const)
    assert.deepEqual(splitWords(command), words);
  for (const command of ["", "  ", `ssh "x`, `ssh 'x`, `'`])
    assert.throws(() => splitWords(command), { name: "UsageError" });
});
