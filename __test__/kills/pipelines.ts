// The pipelines whose processes are killed.
import { COMMAND, quote } from "../support/programs/cli.ts";
import { lackingTrace } from "../support/programs/tools.ts";
import { destinationsOf, type Pipeline, type Place } from "./pipeline.ts";
import {
  GROUP,
  hostOf,
  legacyShell,
  MASTER,
  type Role,
  rolesByHand,
  rolesOfLater,
  rolesOfMany,
  rolesOfSync,
  SENDING,
  type Side,
  SUDO,
  SYNC,
  WRAPPER,
} from "./roles.ts";

const MEBIBYTE = 2 ** 20;

/** Delays each sync of the destination, so that a moment falls into it. */
const SLOW_DISK =
  "strace -D -f -qq -o /dev/null -e trace=fdatasync,fsync -e inject=fdatasync,fsync:delay_enter=400000";

/** Options of a pipeline. */
type Options = readonly string[] | ((place: Place) => readonly string[]);

/** At this rate, a copy takes some two seconds, and all pipes and windows on the way are full. */
const LINK = { rate: "50mbit", size: 10 * MEBIBYTE };

function sync(
  name: string,
  sides: readonly [Side, Side],
  options: Options = [],
  { others = [], ...more }: Partial<Pipeline> & { others?: readonly Role[] } = {},
): Pipeline {
  const isLinked = sides.some((side) => side !== "");
  return {
    name,
    byHand: false,
    isWatched: true,
    roles: [...rolesOfSync(sides), ...others],
    ...(isLinked ? LINK : { size: 10 * MEBIBYTE }),
    words: (place) => [
      ...(typeof options === "function" ? options(place) : options),
      sides[0] + place.source,
      sides[1] + place.destination,
    ],
    ...more,
  };
}

/** A source on this host, and several destinations. */
function several(name: string, to: readonly Side[], options: readonly string[]): Pipeline {
  const more = to.slice(1).map((_, place) => `-${place + 2}`);
  return sync(name, ["", ""], options, {
    ...LINK,
    more,
    roles: rolesOfMany(to),
    words: (place) => [
      ...options,
      place.source,
      ...destinationsOf(place, { more }).map((path, at) => `${to[at] ?? ""}${path}`),
    ],
  });
}

/** A copy within one process: it takes a moment, so it is larger. */
function inOneProcess(name: string, more: Partial<Pipeline> = {}): Pipeline {
  return sync(name, ["", ""], [], {
    roles: [SYNC, GROUP],
    size: 64 * MEBIBYTE,
    isWatched: false,
    ...more,
  });
}

function byHand(name: string, sides: readonly [Side, Side, Side]): Pipeline {
  const isLinked = sides.some((side) => side !== "");
  const program = (place: number, ...words: string[]): string => {
    const far = hostOf(sides[place] ?? "");
    const line = quote([...(far === undefined ? COMMAND : ["blockcopy"]), ...words]);
    return far === undefined ? line : `ssh ${far} ${quote([line])}`;
  };
  return {
    name,
    byHand: true,
    isWatched: false,
    roles: rolesByHand(sides),
    ...(isLinked ? LINK : { size: 24 * MEBIBYTE }),
    words: ({ source, destination }) => [
      program(0, "checksum", destination),
      program(1, "retrieve", source),
      program(2, "save", destination),
    ],
  };
}

/** Options that keep the data from becoming smaller, and the processes busy. */
const PLAIN = ["--compress", "none"];

/** Several connections: the loss of one of them may be survived. */
const STREAMS = [...PLAIN, "--streams", "3"];

/** Blocks and digests go past ssh. */
const TLS = [...PLAIN, "--transport", "tls"];

/** Copies with blockcopy 0.0.2, which this program also speaks. */
function legacy(name: string, sides: readonly [Side, Side], stages: readonly string[]): Pipeline {
  const fars = sides.flatMap((side) => hostOf(side) ?? []);
  const roles = rolesOfSync(sides).filter((role) => role.isBrief !== true);
  // A far destination has two stages instead of one.
  const old = roles.flatMap((role) =>
    role.name.includes("receive") && role.about !== undefined
      ? stages.map((stage) => ({
          ...role,
          name: role.name.replace("receive", stage),
          pattern: new RegExp(role.pattern.source.replace("receive", stage)),
        }))
      : role,
  );
  return sync(name, sides, ["--wire", "0.0.2", "--allow-larger"], {
    roles: [...old, ...fars.map(legacyShell)],
    isWatched: false,
  });
}

/** All pipelines. */
export const PIPELINES: readonly Pipeline[] = [
  byHand("by-hand", ["", "", ""]),
  byHand("by-hand-pull", ["", "one:", ""]),
  byHand("by-hand-push", ["one:", "", "one:"]),
  inOneProcess("local"),
  inOneProcess("local-slow-disk", { prefix: SLOW_DISK.split(" "), skip: lackingTrace() }),
  sync("local-stages", ["", ""], [...PLAIN, "--bwlimit", "6M", "--verify", "full"]),
  sync("local-streams", ["", ""], [...PLAIN, "--bwlimit", "6M", "--streams", "3"]),
  sync("push", ["", "one:"], PLAIN),
  sync("pull", ["one:", ""], PLAIN),
  sync("between", ["one:", "two:"], PLAIN),
  sync("push-slow-disk", ["", "one:"], [...PLAIN, "--remote-command", `${SLOW_DISK} blockcopy`], {
    skip: lackingTrace(),
  }),
  sync("push-streams", ["", "one:"], STREAMS, { others: rolesOfLater("one") }),
  sync("pull-streams", ["one:", ""], [...STREAMS, "--verify", "full"]),
  sync("between-streams", ["one:", "two:"], STREAMS, { others: rolesOfLater("two") }),
  sync("push-tls", ["", "one:"], TLS),
  sync("pull-tls", ["one:", ""], TLS),
  sync("push-tls-streams", ["", "one:"], [...TLS, "--streams", "3"]),
  sync("pull-verify", ["one:", ""], [...PLAIN, "--verify", "full"]),
  several("push-several", ["one:", "two:", ""], [...PLAIN, "--bwlimit", "5M"]),
  several("push-several-verify", ["one:", "two:", ""], [...PLAIN, "--verify", "full"]),
  several("push-several-tls", ["one:", "two:", ""], [...TLS, "--bwlimit", "5M"]),
  sync("push-cache", ["", "one:"], ({ cache }) => [...PLAIN, "--digest-cache", cache], {
    isCached: true,
  }),
  sync("push-cache-streams", ["", "one:"], ({ cache }) => [...STREAMS, "--digest-cache", cache], {
    isCached: true,
    others: rolesOfLater("one"),
  }),
  sync("pull-cache", ["one:", ""], ({ cache }) => [...PLAIN, "--digest-cache", cache], {
    isCached: true,
  }),
  sync("pull-delta", ["one:", ""], ({ delta }) => [...PLAIN, "--delta", delta], {
    result: "delta",
  }),
  sync("pull-delta-streams", ["one:", ""], ({ delta }) => [...STREAMS, "--delta", delta], {
    result: "delta",
  }),
  sync("dry-run", ["one:", "two:"], ["--dry-run", "--block-size", "4K"], {
    result: "nothing",
    rate: "1500kbit",
  }),
  sync("push-create", ["", "one:"], [...PLAIN, "--create", "-t"], { isNew: true }),
  sync("push-create-streams", ["", "one:"], [...STREAMS, "--create", "-t"], {
    isNew: true,
    others: rolesOfLater("one"),
  }),
  sync("pull-create-streams", ["one:", ""], [...STREAMS, "--create", "--verify", "full"], {
    isNew: true,
  }),
  legacy("legacy-push", ["", "one:"], ["checksum", "save"]),
  legacy("legacy-pull", ["one:", ""], []),
  legacy("legacy-between", ["one:", "two:"], ["checksum", "save"]),
  sync("wrapper", ["", "one:"], ({ wrapper }) => [...PLAIN, "-e", wrapper], { others: [WRAPPER] }),
  sync("wrapper-pull", ["one:", ""], ({ wrapper }) => [...PLAIN, "-e", wrapper], {
    others: [WRAPPER],
  }),
  sync("master", ["", "one:"], ({ master }) => [...PLAIN, "-e", master], { others: [MASTER] }),
  sync("sudo", ["", "one:"], [...PLAIN, "--sudo"], { others: [SUDO] }),
  sync("bootstrap", ["", "one:"], ({ bareSsh }) => [...PLAIN, "-e", bareSsh.node], {
    others: SENDING.filter(({ name }) => !name.startsWith("shell")),
    bare: "node",
  }),
  sync("bootstrap-single", ["one:", ""], ({ bareSsh }) => [...PLAIN, "-e", bareSsh.single], {
    others: SENDING.filter(({ name }) => !name.startsWith("Node")),
    bare: "single",
  }),
];
