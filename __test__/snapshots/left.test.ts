// Snapshots that killed runs have left, with programs that stand in for those of LVM: a guest tries the real ones.
import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ownTag } from "../../src/snapshots/lvm/owner.ts";
import { isRunning } from "../../src/transport/processes/process-tree.ts";
import { awaitTool, runTool } from "../../src/transport/tools/system-tool.ts";
import { assertSame } from "../support/files/bytes.ts";
import { lackingLoop, loopWith } from "../support/files/loop.ts";
import { noise, scratch } from "../support/files/files.ts";
import { eventually } from "../support/programs/eventually.ts";
import { EXIT, type Outcome, run } from "../support/programs/cli.ts";
import { lackingRoot } from "../support/programs/tools.ts";

const MiB = 2 ** 20;
const LEFT = "disk-blockcopy-20260131T020000Z-4711";

interface Rig {
  from: string;
  to: string;
  /** The folder with the snapshots that exist: files with their tags. */
  volumes: string;
  /** Runs the program with a snapshot that was left, and may be held. The group of the source has room for some snapshots. */
  run: (
    setting: { room: number; isHeld: boolean | "open"; during?: During },
    words: readonly string[],
  ) => Promise<Outcome>;
}

/** An event while a program of LVM runs: it takes long, or lvcreate sends whoever has started it a signal. */
type During = "slow" | "signal";

function rig(t: TestContext): Rig {
  const folder = scratch(t);
  const from = loopWith(t, folder, noise("disk", MiB)).path;
  const minor = String(statSync(from).rdev & 0xff);
  const path = (name: string): string => join(folder, name);
  const [to, volumes, program] = [path("copy"), path("volumes"), path("lvm")];
  mkdirSync(volumes);
  const block = `/sys/dev/block/7:${minor}`;
  const setup = [
    "mount -t tmpfs tmpfs /sys/dev/block",
    `mkdir -p ${block}/dm && echo LVM-1 >${block}/dm/uuid && echo vg-disk >${block}/dm/name`,
    // lvs, lvcreate and lvremove are links to it.
    `mount --bind ${program} $(readlink -f /usr/sbin/lvs)`,
    'exec "$@"',
  ];
  const prefix = ["unshare", "--mount", "sh", "-c", setup.join(" && "), "sh"];
  return {
    from,
    to,
    volumes,
    run: ({ room, isHeld, during }, words) => {
      writeFileSync(to, noise("other", MiB));
      for (const name of readdirSync(volumes)) rmSync(join(volumes, name));
      // The process with this number, which is this one, has another start time.
      writeFileSync(join(volumes, LEFT), `${ownTag() ?? ""}1`);
      writeFileSync(
        path("row"),
        JSON.stringify({ ...ROW, lv_dm_path: from, lv_kernel_minor: minor }),
      );
      writeFileSync(
        program,
        lvm({
          volumes,
          row: path("row"),
          room,
          isOpen: isHeld === "open",
          held: isHeld === false ? "" : LEFT,
          during,
        }),
      );
      chmodSync(program, 0o755);
      return run(words, { prefix, stdin: Buffer.alloc(0) });
    },
  };
}

/** A volume as `lvs` reports it. Words in capitals are filled in. */
const ROW = {
  vg_name: "vg",
  lv_name: "NAME",
  lv_attr: "owi-a-s---",
  lv_layout: "linear",
  lv_role: "public",
  lv_size: String(MiB),
  lv_tags: "TAGS",
  lv_kernel_major: "7",
  lv_health_status: "",
  lv_snapshot_invalid: "unknown",
  origin: "ORIGIN",
  pool_lv: "",
  data_percent: "",
  metadata_percent: "",
  vg_free: "FREE",
  vg_extent_size: String(MiB),
};

/** Returns a program that stands in for lvm(8). Each snapshot takes 1 MiB. */
function lvm(of: {
  volumes: string;
  row: string;
  room: number;
  held: string;
  isOpen: boolean;
  during: During | undefined;
}): string {
  const during = { slow: "sleep 5", signal: "kill -TERM $PPID; sleep 1" };
  const changing = of.during === undefined ? ":" : during[of.during];
  return `#!/bin/sh
cd ${of.volumes} || exit
refuse() { echo "$1" >&2; exit 5; }
free=$((${of.room} - $(ls | wc -l)))
row() { sed "s/NAME/$1/; s/TAGS/$2/; s/ORIGIN/$3/; s/FREE/$((free * ${MiB}))/" ${of.row}; }
case "$(basename "$0")" in
  lvs)
    echo '{"report": [{"lv": ['
    row disk
    for name in $(ls); do
      echo , && row "$name" "$(cat "$name")" disk${of.isOpen ? " | sed s/owi-a-/owi-ao/" : ""}
    done
    echo ']}]}'
    ;;
  lvcreate)
    while [ "$1" != -- ]; do case $1 in --name) name=$2 ;; --addtag) tag=$2 ;; esac; shift; done
    [ "$free" -gt 0 ] || refuse 'no room'
    ${changing}
    echo "$tag" >"$name"
    ;;
  lvremove)
    [ "$3" != "vg/${of.held}" ] || refuse "$3 is in use"
    rm "$(basename "$3")"
    ;;
esac
`;
}

const skip = lackingLoop || lackingRoot("unshare", "lvs", "lvcreate", "lvremove");

test("the room of a snapshot that was left is free for the next one", { skip }, async (t) => {
  const made = rig(t);
  const words = ["sync", "--snapshot", "lvm", "--snapshot-size", "1M", made.from, made.to];
  const outcome = await made.run({ room: 1, isHeld: false }, words);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assertSame(readFileSync(made.to), noise("disk", MiB), "the destination");
  assert.deepEqual(readdirSync(made.volumes), []);
});

test("a snapshot that cannot be removed is told of, however the copy ends", { skip }, async (t) => {
  const made = rig(t);
  const copy = ["--snapshot", "lvm", "--snapshot-size", "1M"];
  const sync = (...words: string[]): string[] => ["sync", ...copy, ...words, made.from, made.to];
  const map = `${made.to}.map`;
  writeFileSync(map, "0 1\n");
  const audit = ["--ranges", map, "--audit", "100%"];
  for (const [name, room, words, code] of [
    ["a copy", 2, sync(), EXIT.notKept],
    ["no room", 1, sync(), EXIT.busy],
    ["--before fails", 2, sync("-q", "--before", "exit 3"), EXIT.busy],
    ["the audit finds a difference", 2, sync("-q", ...audit), EXIT.incompleteMap],
    ["lvcreate fails", 2, sync("--before", `touch ${made.volumes}/other`), EXIT.busy],
    ["no hash stream", 2, ["retrieve", ...copy, made.from], EXIT.protocol],
  ] as const) {
    const outcome = await made.run({ room, isHeld: true }, words);
    assert.equal(outcome.code, code, `${name}: ${outcome.stderr}`);
    const says = new RegExp(`snapshot vg/${LEFT} could not be removed: .*vg/${LEFT} is in use`);
    assert.match(outcome.stderr, says, name);
    assert.equal(outcome.stderr.split("could not be removed").length, 2, outcome.stderr);
  }
});

test("a snapshot that was left and is open is not waited for", { skip }, async (t) => {
  const made = rig(t);
  const words = ["sync", "--snapshot", "lvm", "--snapshot-size", "1M", made.from, made.to];
  const outcome = await made.run({ room: 2, isHeld: "open" }, words);
  assert.equal(outcome.code, EXIT.notKept, outcome.stderr);
  assert.match(outcome.stderr, new RegExp(`vg/${LEFT} could not be removed: it is open`));
  assertSame(readFileSync(made.to), noise("disk", MiB), "the destination");
});

test("a stage gives signs of life while LVM is slow", { skip }, async (t) => {
  const made = rig(t);
  const copy = ["--snapshot", "lvm", "--snapshot-size", "1M", "--timeout", "4"];
  const setting = { room: 2, isHeld: false, during: "slow" } as const;
  const outcome = await made.run(setting, ["sync", ...copy, made.from, made.to]);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assertSame(readFileSync(made.to), noise("disk", MiB), "the destination");
  assert.deepEqual(readdirSync(made.volumes), []);
});

test("a signal while a snapshot is made leaves none", { skip }, async (t) => {
  const made = rig(t);
  const words = ["retrieve", "--snapshot", "lvm", "--snapshot-size", "1M", made.from];
  const setting = { room: 2, isHeld: false, during: "signal" } as const;
  const outcome = await made.run(setting, words);
  assert.match(outcome.stderr, /ended by SIGTERM/);
  assert.deepEqual(readdirSync(made.volumes), []);
});

test("a program that no signal ends is not waited for", () => {
  const ends = (script: string) => runTool("sh", ["-c", script], 1);
  const begun = performance.now();
  assert.match(ends("trap '' TERM; sleep 6; :").failure ?? "", /took longer than 1 seconds/);
  assert.ok(performance.now() - begun < 5000);
  assert.equal(ends("echo bad >&2; exit 3").failure, "sh failed with exit code 3: bad");
  assert.equal(ends("kill -KILL $$").failure, "sh was ended by SIGKILL");
  assert.deepEqual(ends("echo good"), { output: "good\n", failure: undefined });
});

test("what a program has started ends at its limit, too", async () => {
  const script = 'sleep 7331 & echo "$!" >&2; wait';
  for (const [how, end] of [
    ["waited for", () => runTool("sh", ["-c", script], 1)],
    ["meanwhile", () => awaitTool("sh", ["-c", script], 1)],
  ] as const) {
    const { failure = "" } = await end();
    assert.match(failure, /sh took longer than 1 seconds: \d+$/, how);
    const pid = /\d+$/.exec(failure)?.[0] ?? "";
    await eventually(() => !isRunning(Number(pid)), { what: `ends: ${how}`, seconds: 5 });
  }
});
