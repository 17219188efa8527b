// Patterns for the paths that a key allows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isPlain, matches } from "../../src/commands/serve/pattern.ts";

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
  ] as const)
    assert.equal(matches(pattern, path), expected, `${pattern} ${path}`);
});

test("a path has one spelling", () => {
  for (const path of ["/", "", "a", "a/b", "/a/", "//a", "/a//b", "/a/.", "/./a", "/a/../b", "/.."])
    assert.ok(!isPlain(path), path);
  for (const path of ["/a", "/a/b", "/.a", "/...", "/a/..b"]) assert.ok(isPlain(path), path);
});
