import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Cli, Command, Option, UsageError } from "clipanion";
import fc from "fast-check";
import * as t from "typanion";
import { isOffset, parseOffset } from "../../src/commands/options/offset.ts";

describe("parseOffset", () => {
  test("bytes and units", () => {
    for (const [text, bytes] of [
      ["0", 0],
      ["131072", 131072],
      ["007", 7],
      ["7B", 7],
      ["1s", 512],
      ["2048s", 2 ** 20],
      ["1k", 1024],
      ["1K", 1024],
      ["1KiB", 1024],
      ["1kiB", 1024],
      ["1KB", 1000],
      ["1kB", 1000],
      ["3M", 3 * 2 ** 20],
      ["3MiB", 3 * 2 ** 20],
      ["3MB", 3e6],
      ["3G", 3 * 2 ** 30],
      ["3GiB", 3 * 2 ** 30],
      ["3GB", 3e9],
      ["3T", 3 * 2 ** 40],
      ["3TiB", 3 * 2 ** 40],
      ["3TB", 3e12],
      ["3P", 3 * 2 ** 50],
      ["3PiB", 3 * 2 ** 50],
      ["3PB", 3e15],
      ["1.5G", 1.5 * 2 ** 30],
      ["0.5s", 256],
      ["4.000", 4],
      ["0.1KB", 100],
      ["9007199254740991", Number.MAX_SAFE_INTEGER],
      ["9.007199254740991PB", Number.MAX_SAFE_INTEGER],
    ] as const)
      assert.equal(parseOffset(text), bytes, text);
  });

  test("a bad offset is shown, with the forms that are accepted", () => {
    for (const text of [
      "",
      " ",
      "K",
      "-1",
      "-1K",
      "+1",
      "0x10",
      "1e3",
      "1_000",
      "1,5G",
      "1.G",
      ".5G",
      "1.5.0",
      " 1",
      "1 ",
      "1 K",
      "1\n",
      "1S",
      "1b",
      "1m",
      "1Ki",
      "1KIB",
      "1Kb",
      "1sB",
      "1BK",
      "1E",
      "Infinity",
      "NaN",
      "١",
    ])
      assert.throws(
        () => parseOffset(text),
        (error: Error) =>
          error.message.startsWith(`${JSON.stringify(text)} is not an offset; give bytes`) &&
          error.message.includes("KiB"),
        text,
      );
  });

  test("a fraction of a byte", () => {
    for (const text of ["1.5", "1.5B", "0.001s", "0.0001KB", "1.1K"])
      assert.throws(() => parseOffset(text), {
        message: /^"[\d.]+\w*" is not a whole number of bytes; give bytes/,
      });
  });

  test("more than 2^53-1", () => {
    for (const text of ["9007199254740992", "8P", "10PB", "9007199254740991K", "9".repeat(400)])
      assert.throws(() => parseOffset(text), {
        message: /^"\d+\w*" is more than 9007199254740991 bytes; give bytes/,
      });
  });

  test("any whole number comes back, any text gives a number or an Error", () => {
    fc.assert(fc.property(fc.maxSafeNat(), (n) => parseOffset(`${n}`) === n));
    fc.assert(
      fc.property(fc.stringMatching(/^[\d.]{0,20}[kKMGTPiBs]{0,3}$/), (text) => {
        try {
          const offset = parseOffset(text);
          assert.ok(Number.isSafeInteger(offset) && offset >= 0);
        } catch (error) {
          assert.ok(error instanceof Error);
          assert.ok(error.message.startsWith(JSON.stringify(text)));
        }
      }),
    );
  });
});

describe("isOffset", () => {
  class Range extends Command {
    static override paths = [["range"]];
    start = Option.String("--start", { validator: isOffset });
    end = Option.String("--end", "1s", { validator: isOffset });
    override execute(): Promise<number> {
      throw new Error("not run here");
    }
  }
  const cli = Cli.from([Range]);
  const options = (...argv: string[]): unknown => {
    const { start, end } = cli.process(["range", ...argv]) as Range;
    return { start, end };
  };

  test("a clipanion option becomes a number, its default too", () => {
    assert.deepEqual(options(), { start: undefined, end: 512 });
    assert.deepEqual(options("--start", "1.5K", "--end=2MiB"), {
      start: 1536,
      end: 2 * 2 ** 20,
    });
  });

  test("a bad option is a usage error that names it and the forms", () => {
    for (const [argv, message] of [
      [["--start", "1X"], /^Invalid value for --start: "1X" is not an offset;/],
      [["--start="], /^Invalid value for --start: "" is not an offset;/],
      [["--start=-1"], /^Invalid value for --start: "-1" is not an offset;/],
      [["--end", "8P"], /^Invalid value for --end: "8P" is more than/],
    ] as const)
      assert.throws(
        () => options(...argv),
        (error) =>
          error instanceof UsageError &&
          message.test(error.message) &&
          error.message.includes("K, M, G, T or P"),
      );
  });

  test("a value that is a number already, and values of other types", () => {
    assert.deepEqual(t.as(4096, isOffset, { errors: true }), {
      value: 4096,
      errors: undefined,
    });
    for (const value of [-1, 1.5, 2 ** 53, Number.NaN, null, true, {}])
      assert.match(
        String(t.as(value, isOffset, { coerce: true, errors: true }).errors),
        /^\.: expected an offset: bytes/,
      );
    // Without coercion the text would stay text, and not be a number as the type says.
    assert.equal(t.as("4096", isOffset).errors, true);
  });
});
