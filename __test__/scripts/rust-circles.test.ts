// The check for modules of a Rust crate that import each other in a circle.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "node:test";

import { circlesOf } from "../../scripts/rust-circles/circles.ts";

type Files = Readonly<Record<string, string>>;

const CASES: readonly { name: string; files: Files; circles: readonly string[] }[] = [
  {
    name: "two modules, in one direction by a path in the code",
    files: {
      "lib.rs": "mod a;\nmod b;",
      "a.rs": "use crate::b::B;\npub struct A;",
      "b.rs": "pub struct B;\nfn f(_: crate::a::A) {}",
    },
    circles: ["a -> b (a.rs:1)", "b -> a (b.rs:2)"],
  },
  {
    name: "three modules, by names that the root exports",
    files: {
      "lib.rs": "mod a;\nmod b;\nmod c;\npub use b::{B as Other};\npub use c::C;",
      "a.rs": "use crate::{Other, std};",
      "b.rs": "use crate::C;",
      "c.rs": "use super::a::{self, A};",
    },
    circles: ["a -> b (a.rs:1)", "b -> c (b.rs:1)", "c -> a (c.rs:1)"],
  },
  {
    name: "by modules inside of them",
    files: {
      "lib.rs": "mod a;\nmod b;",
      "a.rs": "mod inner;",
      "a/inner.rs": "use super::super::b::B;",
      "b.rs": "use crate::a::inner::Inner;",
    },
    circles: ["a -> b (a/inner.rs:1)", "b -> a (b.rs:1)"],
  },
  {
    name: "none: a module and one inside of it, comments, strings and tests",
    files: {
      "lib.rs": "mod a;\nmod b;",
      "a.rs": "mod inner;\nuse inner::Inner;\nuse crate::b::B;",
      "a/inner.rs": "use super::A;",
      "b.rs":
        '// use crate::a::A;\nconst B: &str = "crate::a::A";\n#[cfg(test)]\nmod tests {\n  use crate::a::A;\n}',
    },
    circles: [],
  },
];

for (const { name, files, circles } of CASES)
  test(`circular imports: ${name}`, (t) => {
    const crate = mkdtempSync(join(tmpdir(), "blockcopy-circles-"));
    t.after(() => rmSync(crate, { recursive: true }));
    const source = join(crate, "src");
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(source, file)), { recursive: true });
      writeFileSync(join(source, file), text);
    }
    const found = circlesOf(crate).map((edge) => edge.replace(`${source}/`, ""));
    assert.deepEqual(found, circles);
  });
