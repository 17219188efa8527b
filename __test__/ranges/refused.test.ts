// checksum --ranges: a range map that is not understood is refused, with the line, and nothing is hashed.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
import { noise, scratch } from "../support/files/files.ts";
import { nbd, thinDelta } from "../support/wire/range-maps.ts";

const item = (fields: string): string =>
  `[\n{ "offset": 0, "length": 1, "type": 0, "description": "data"},\n{ ${fields} }\n]`;

const REFUSED: Record<string, [map: string | Buffer, line: number]> = {
  nothing: ["", 1],
  "white space": [" \n\n", 3],
  "a length after thousands of spaces": [`0 1\n${" ".repeat(5000)}7\n`, 2],
  "one number": ["0 1\n7\n", 2],
  "three numbers": ["0 1 2", 1],
  "a negative number": ["-1 2", 1],
  "a fraction of a byte": ["0 1\n\n0 0.5", 3],
  "an exponent": ["0 1e30", 1],
  NaN: ["NaN 1", 1],
  hexadecimal: ["0x1000 1", 1],
  "more than 2^53-1": ["9007199254740992 1", 1],
  "more than 2^53-1 together": ["9007199254740991 1", 1],
  "a line of a megabyte": [`0 1\n${"1".repeat(2 ** 20)} 1`, 2],
  binary: [noise("binary", 5000), 1],
  zeros: [Buffer.alloc(5000), 1],
  "the human-readable output of nbdinfo": ["         0     1048576    3  hole,zero\n", 1],
  "an array that is cut off": ['[{ "start": 0, "len', 1],
  "an array without its end": [nbd([0, 1, 0, "data"]).slice(0, -1), 1],
  "two arrays": [`${nbd([0, 1, 0, "data"])}\n[]`, 2],
  "a comma too many": [`${nbd([0, 1, 0, "data"]).slice(0, -1)},]`, 1],
  "nested arrays": ["[".repeat(2 ** 20), 1],
  "nested objects": [item('"offset": {"a": 1}'), 3],
  "a description of any length": [item(`"description": "${"x".repeat(10_000)}"`), 3],
  "an offset of 1e30": [item('"offset": 1e30, "length": 1, "type": 0, "description": "data"'), 3],
  "an offset as text": [item('"offset": "0", "length": 1, "type": 0, "description": "data"'), 3],
  "a negative offset": [item('"offset": -1, "length": 1, "type": 0, "description": "data"'), 3],
  "a fraction": [item('"offset": 0.5, "length": 1, "type": 0, "description": "data"'), 3],
  "no length": [item('"offset": 0, "type": 0, "description": "data"'), 3],
  "a field too many": [item('"offset":0,"length":1,"type":0,"description":"data","x":1'), 3],
  "a field of every object": [item('"offset":0,"length":1,"type":0,"toString":"data"'), 3],
  "an unknown description": [item('"offset": 0, "length": 1, "type": 9, "description": "new"'), 3],
  "a type that is not that of its description": [
    item('"offset": 0, "length": 1, "type": 3, "description": "data"'),
    3,
  ],
  "an entry of another context": [
    item('"offset": 0, "length": 1, "type": 0, "description": "clean"'),
    3,
  ],
  "an entry of another tool": [
    item('"start": 0, "length": 1, "depth": 0, "zero": false, "data": true'),
    3,
  ],
  "the totals of nbdinfo": [
    '[{ "size": 65536, "percent": 6.25, "type": 0, "description": "data" }]',
    1,
  ],
  "a flag that is a number": [
    '[{"start": 0, "length": 1, "depth": 0, "present": 1, "zero": false, "data": true}]',
    1,
  ],
  "XML that is cut off": [thinDelta('<different begin="1" length="1"/>').slice(0, -5), 5],
  "XML without its end": [thinDelta("").replace("</superblock>\n", ""), 5],
  "XML of another kind": ["<html></html>", 1],
  "a superblock without differences": ['<superblock data_block_size="128"></superblock>', 1],
  "two of them": [thinDelta("") + thinDelta(""), 6],
  "text after it": [`${thinDelta("")}rest`, 6],
  "a comment": [thinDelta("<!-- > -->"), 3],
  "an entity": [thinDelta('<different begin="&#49;" length="1"/>'), 3],
  "no size of data blocks": [thinDelta("", 'version="2"'), 1],
  "data blocks of no size": [thinDelta("", 'data_block_size="0"'), 1],
  "data blocks that are too large": [thinDelta("", 'data_block_size="9007199254740991"'), 1],
  "an unknown element": [thinDelta('<changed begin="1" length="1"/>'), 3],
  "an unknown attribute": [thinDelta('<same begin="1" length="1" shift="1"/>'), 3],
  "an attribute that is there twice": [thinDelta('<same begin="1" begin="2" length="1"/>'), 3],
  "no attributes": [thinDelta("<different/>"), 3],
  "attributes and ranges": [thinDelta('<different begin="1" length="1"></different>'), 3],
  "a range outside": [thinDelta('<range begin="1" length="1"/>'), 3],
  "ranges within a range": [
    thinDelta('<same><range begin="1" length="1"><range begin="1" length="1"/></range></same>'),
    3,
  ],
  "a wrong end": [thinDelta("<different></same>"), 3],
  "numbers of blocks that are too large": [
    thinDelta('<same begin="0" length="1"/>\n<different begin="999999999999999" length="1"/>'),
    4,
  ],
  "a negative number of blocks": [thinDelta('<different begin="-1" length="1"/>'), 3],
};

for (const [name, [text, line]] of Object.entries(REFUSED)) {
  test(`refused: ${name}`, async (t) => {
    const folder = scratch(t);
    const [file, map] = [join(folder, "file"), join(folder, "map")];
    writeFileSync(file, noise("refused", 1000));
    writeFileSync(map, text);
    const outcome = await run(["checksum", file, "--ranges", map]);
    assertFailed(outcome, EXIT.usage, "checksum", /give lines `OFFSET LENGTH`/);
    assert.ok(outcome.stderr.includes(`the range map ${map}, line ${line}: `), outcome.stderr);
    assert.ok(outcome.stderr.length < 1000, "the message is short");
    assert.match(outcome.stderr, /^[ -~]*\n$/, "the message is one printable line");
    assert.equal(outcome.stdout.length, 0);
  });
}
