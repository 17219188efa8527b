// All decoders of the program in TypeScript.
import type { Target } from "../target.ts";
import { events } from "./events.ts";
import { digestCache, inspected } from "./files.ts";
import { rangeList, rangeMap } from "./ranges.ts";
import { blockStream, hashStream, trailer } from "./streams.ts";

/** The targets, in the order in which a campaign tries them. */
export const TARGETS: readonly Target[] = [
  hashStream,
  blockStream,
  trailer,
  inspected,
  digestCache,
  events,
  rangeMap,
  rangeList,
];
