import type { Scenario } from "../scenario.ts";
import { allDifferent } from "./all-different.ts";
import { changed } from "./changed.ts";
import { cipher, transport } from "./cipher.ts";
import { coldScan } from "./cold-scan.ts";
import { compress } from "./compress.ts";
import { hostsChanged, hostsDifferent, hostsHalfEmpty } from "./hosts.ts";
import { distance } from "./distance.ts";
import { fastLink, slowLink } from "./link.ts";
import { local } from "./local.ts";
import { manyChanged, manyDifferent } from "./many.ts";
import { memory } from "./memory.ts";
import { mixes } from "./mixes.ts";
import { NBD } from "./nbd.ts";
import { scale } from "./scale.ts";
import { sparse } from "./sparse.ts";
import { startUp } from "./start-up.ts";

/** All that can be measured, in the order of the report. */
export const SCENARIOS: readonly Scenario[] = [
  startUp,
  changed,
  coldScan,
  local,
  allDifferent,
  sparse,
  memory,
  mixes,
  compress,
  fastLink,
  slowLink,
  hostsChanged,
  hostsDifferent,
  hostsHalfEmpty,
  cipher,
  transport,
  distance,
  manyChanged,
  manyDifferent,
  scale,
  ...NBD,
];
