import {
  badSectors,
  changingDisks,
  clock,
  droppedWrites,
  littleMemory,
  nvme,
  partitions,
} from "./disks.ts";
import { fileSystems, inUse, layers, lvm, md, recipe, snapshots, thin } from "./layers.ts";
import { incremental, incrementalCost, incrementalKills } from "./incremental.ts";
import type { Topic } from "./topic.ts";

export const TOPICS: readonly Topic[] = [
  [
    nvme,
    partitions,
    lvm,
    snapshots,
    incremental,
    incrementalKills,
    incrementalCost,
    thin,
    recipe,
    md,
    layers,
    inUse,
  ],
  [badSectors, droppedWrites, changingDisks, clock, littleMemory, fileSystems],
].flat();
