import type { Entry } from "../help/layout.ts";

/** Files that blockcopy reads or writes in addition to those on its command line. */
export const FILES: readonly Entry[] = [
  [
    "$TMPDIR, /var/tmp",
    "files without a name, for data that does not fit into memory: digests that wait, and the list of written blocks for `--verify`",
  ],
  [
    "$XDG_CACHE_HOME/blockcopy, ~/.cache/blockcopy",
    "on another host: the blockcopy that `sync` sent there, in a folder for each version. It can be removed whenever none of them runs",
  ],
];
