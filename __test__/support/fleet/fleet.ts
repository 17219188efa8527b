// Prerequisites of the examples for fleets: blockcopy is installed, and ssh reaches the hosts.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { assertSame } from "../files/bytes.ts";
import { blockcopy, PROJECT } from "../programs/cli.ts";
import { BLOCK, noise, scratch } from "../files/files.ts";
import { changedIn } from "../programs/sync-pair.ts";

/** The options of the copies that tests make. */
export const OPTIONS = "--lock --verify written";

/** The path of an example. */
export function example(...names: string[]): string {
  return join(PROJECT, "examples", ...names);
}

/** A host on which everything is installed, in a folder. */
export interface Installation {
  folder: string;
  /** The folder with the programs. */
  bin: string;
  /** An environment in which the programs are found. */
  env: { PATH: string };
}

// Stands in for ssh on this host: gives its words to a shell. The connection to the host `cut-once` is lost when the stage at its
// end has said its first word, once; a stage on the host `waits` begins when there is a file `go` next to this one.
const SSH = `#!/usr/bin/env bash
while [[ $1 == -* ]]; do
  case $1 in -o | -p | -l) shift ;; esac
  shift
done
host=$1
shift
if [[ $host == cut-once ]] && mkdir "\${CUT:-\${0%/*}/cut}" 2>/dev/null; then
  sh -c "$*" 2> >(head -n 1 >&2)
  exit 255
fi
if [[ $host == waits && "$*" == *retrieve* ]]; then
  touch "\${0%/*}/waiting"
  until [[ -e "\${0%/*}/go" ]]; do sleep 0.05; done
fi
exec sh -c "$*"
`;

/** An installation for a test. */
export function installation(t: TestContext): Installation {
  const folder = scratch(t);
  const bin = join(folder, "bin");
  mkdirSync(bin);
  program(join(bin, "blockcopy"), `#!/bin/sh\nexec ${blockcopy()} "$@"\n`);
  program(join(bin, "ssh"), SSH);
  return { folder, bin, env: { PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` } };
}

/** Writes a program. */
export function program(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

/** Two files that differ in one block. */
export interface Volume {
  source: string;
  destination: string;
}

/** Makes the files of a volume in `folder`. */
export function volume(folder: string, name: string, size = 3 * BLOCK + 5): Volume {
  const [source, destination] = [join(folder, `${name}-source`), join(folder, `${name}-copy`)];
  const content = noise(name, size);
  writeFileSync(source, content);
  writeFileSync(destination, changedIn(content, 1));
  return { source, destination };
}

/** Asserts that volumes were copied. */
export function assertAllCopied(...volumes: Volume[]): void {
  for (const { source, destination } of volumes)
    assertSame(readFileSync(destination), readFileSync(source), destination);
}
