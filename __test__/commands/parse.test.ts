import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { MalformedError, parse, ValueError } from "../../src/cli/parse.ts";
import { refusal } from "../../src/cli/refusal/refusal.ts";
import { Command } from "../../src/commands/command.ts";
import {
  flag,
  operand,
  optionalOperand,
  value,
  valueOr,
} from "../../src/commands/options/declare.ts";
import { fileName } from "../../src/commands/options/file-name.ts";
import { OFFSET } from "../../src/commands/options/offset.ts";
import { oneOf } from "../../src/commands/options/one-of.ts";

class Sample extends Command {
  times = flag("-t,--times");
  perms = flag("-p,--perms");
  noBoot = flag("--no-boot");
  rsh = value("-e,--rsh", fileName("COMMAND"));
  start = value("--start", OFFSET);
  when = valueOr("--when", oneOf("WHEN", ["auto", "on"]), "auto");
  from = operand(fileName("FROM"));
  to = optionalOperand(fileName("TO"));
  override execute(): Promise<number> {
    throw new Error("not run here");
  }
}

const NOTHING = {
  times: false,
  perms: false,
  noBoot: false,
  rsh: undefined,
  start: undefined,
  when: "auto",
  from: "f",
  to: undefined,
};

/** Returns the fields of the command after it has read these words. */
function fieldsAfter(words: readonly string[]): object {
  return Object.fromEntries(Object.entries(parse(Sample, words)));
}

/** Returns the message for words that are refused. */
function messageFor(words: readonly string[]): string {
  try {
    parse(Sample, words);
  } catch (error) {
    if (error instanceof MalformedError) return refusal(error);
    assert.ok(error instanceof ValueError);
    return error.message;
  }
  return assert.fail(`accepted ${words.join(" ")}`);
}

describe("parse", () => {
  test("all forms of options and operands", () => {
    for (const [words, fields] of [
      ["f", {}],
      ["f g", { to: "g" }],
      ["- -", { from: "-", to: "-" }],
      ["-t f -p", { times: true, perms: true }],
      ["-tp f", { times: true, perms: true }],
      ["--times --no-times f", { times: false }],
      ["--no-perms --perms f", { perms: true }],
      ["--no-boot f", { noBoot: true }],
      ["-e ssh f", { rsh: "ssh" }],
      ["-e=ssh f", { rsh: "ssh" }],
      ["f --rsh=a=b", { rsh: "a=b" }],
      ["--rsh=--x f", { rsh: "--x" }],
      ["--rsh - f", { rsh: "-" }],
      ["--start 1.5K f", { start: 1536 }],
      ["--start=nonsense --start 1s f", { start: 512 }],
      ["--when=on f", { when: "on" }],
      ["-t -- f", { times: true }],
      ["f -- -t", { to: "-t" }],
      ["-- -- f", { from: "--", to: "f" }],
    ] as const)
      assert.deepEqual(fieldsAfter(words.split(" ")), { ...NOTHING, ...fields }, words);
  });

  test("everything else is refused, with its reason", () => {
    for (const [words, message] of [
      ["", /^invalid value for FROM: the name is empty/],
      ["f ", /^invalid value for TO: the name is empty/],
      ["-t", /^FROM or TO is missing$/],
      ["--", /^FROM or TO is missing$/],
      ["--start f", /^FROM or TO is missing: `f` was taken for the value of --start /],
      ["f g h", /^more than FROM and TO: /],
      ["--tims f", /^unknown option --tims/],
      ["--no-start f", /^unknown option --no-start/],
      ["--no-no-boot f", /^unknown option --no-no-boot/],
      ["-tx f", /^unknown option -x in -tx$/],
      ["-te ssh f", /^-e takes a value, so it must be a word of its own: -e COMMAND$/],
      ["-essh f", /^-e takes a value/],
      ["--times=1 f", /^--times takes no value$/],
      ["f --start", /^--start needs a value \(as in --start=10G\)$/],
      ["--start -1 f", /^unknown option -1$/],
      ["--start --times f", /^--start needs a value \(as in --start=10G\)$/],
      ["--start=-1 f", /^invalid value for --start: "-1" is not an offset; /],
      ["--start= f", /^invalid value for --start: "" is not an offset; /],
      ["-e= f", /^invalid value for --rsh: the name is empty/],
      ["--when=off f", /^invalid value for --when: "off" is not auto or on$/],
    ] as const)
      assert.match(messageFor(words.split(" ")), message, words);
  });

  test("no words make it fail in any other way, and words after -- are operands as they are", () => {
    const word = fc.oneof(
      fc.constantFrom("-t", "-tp", "--times", "--no-times", "--start", "-e", "--", "-", "=", "--="),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (words) => {
        try {
          parse(Sample, words);
        } catch (error) {
          assert.ok(error instanceof MalformedError || error instanceof ValueError);
          if (error instanceof MalformedError) assert.notEqual(refusal(error), "");
        }
      }),
    );
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (from, to) => {
        assert.deepEqual(fieldsAfter(["--", from, to]), { ...NOTHING, from, to });
      }),
    );
  });
});
