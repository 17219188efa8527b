// Patterns for the paths that a key allows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isPlain, matches } from "../../src/commands/serve/pattern.ts";
import { parseRequest } from "../../src/commands/serve/request.ts";

test("a pattern matches whole paths, and no star crosses a slash", () => {
  for (const [pattern, path, expected] of [
    ["/srv/a", "/srv/a", true],
    ["/srv/a", "/srv/ab", false],
    ["/srv/a", "/srv/a/b", false],
    ["/srv/*", "/srv/a", true],
    ["/srv/*", "/srv/.hidden", true],
    ["/srv/*", "/srv/a/b", false],
    ["/srv/*", "/srv", false],
    ["/*/a", "/srv/a", true],
    ["/*/a", "/srv/x/a", false],
    ["/**/a", "/srv/x/a", false],
    ["/srv/*.img", "/srv/.img", true],
    ["/srv/*.img", "/srv/aXimg", false],
    ["/srv/a?c", "/srv/abc", true],
    ["/srv/a?c", "/srv/ac", false],
    ["/srv/a?c", "/srv/a/c", false],
    ["/srv/[ab]", "/srv/a", false],
    ["/srv/[ab]", "/srv/[ab]", true],
    ["/srv/\\*", "/srv/*", true],
    ["/srv/\\*", "/srv/a", false],
    ["/srv/\\\\", "/srv/\\", true],
    ["/srv/a.b+(c)|d^$", "/srv/a.b+(c)|d^$", true],
    ["/srv/*", "/srv/two\nlines", true],
    ["/srv/a", "/srv/a\n", false],
    ["/srv/\u{1f4be}", "/srv/\u{1f4be}", true],
    ["/srv/*", "/srv/gr\udcf6", true],
    ["/srv/*-*-*-snap", "/srv/a-b-c-snap", true],
    ["/srv/*-*-*-snap", "/srv/---snap", true],
    ["/srv/*-*-*-snap", "/srv/--snap", false],
    ["/srv/*ab*b", "/srv/aab", false],
    ["/srv/*ab*b", "/srv/aabb", true],
    ["/srv/*a?c*1*", "/srv/aaxc21", true],
    ["/srv/a**b", "/srv/ab", true],
    ["/srv/ab*bc", "/srv/abc", false],
  ] as const)
    assert.equal(matches(pattern, path), expected, `${pattern} ${path}`);
});

test("a path has one spelling", () => {
  for (const path of ["/", "", "a", "a/b", "/a/", "//a", "/a//b", "/a/.", "/./a", "/a/../b", "/.."])
    assert.ok(!isPlain(path), path);
  for (const path of ["/a", "/a/b", "/.a", "/...", "/a/..b"]) assert.ok(isPlain(path), path);
});

test("a long name takes no longer than others", () => {
  const start = performance.now();
  assert.ok(!matches("/srv/*-*-*-*-snap", `/srv/${"-".repeat(1000)}`));
  assert.ok(performance.now() - start < 5000);
});

test("a name has one spelling, also if it comes in pieces that are not UTF-8", () => {
  for (const line of [
    "blockcopy retrieve -- '/srv/\udcc3''\udca9'",
    "blockcopy retrieve --encoded --home '/srv/\udcc3' -- %a9",
  ])
    assert.equal(parseRequest(line).file, "/srv/\u00e9");
});
