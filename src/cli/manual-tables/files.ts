import type { Entry } from "../help/layout.ts";

/** Files that blockcopy reads or writes in addition to those on its command line. */
export const FILES: readonly Entry[] = [
  [
    "$TMPDIR, /var/tmp",
    "files without a name, for data that does not fit into memory: digests that wait, the list of written blocks for `--verify`, and what programs of LVM print",
  ],
  [
    "$TMPDIR/blockcopy-socket-*, $TMPDIR/blockcopy-image-*",
    "a folder for the socket of `qemu-nbd`, and one with a link to a new image for `qemu-img`, which exist for a moment. If their process is killed in that moment, they stay there, and can be removed",
  ],
  [
    "$XDG_CACHE_HOME/blockcopy, ~/.cache/blockcopy",
    "on another host: the blockcopy that `sync` sent there, in a folder for each version. It can be removed whenever none of them runs. If the process that keeps it is killed, it leaves a folder whose name begins with a dot, which a later run removes after a day",
  ],
  [
    "FILE.UUID.new",
    "next to a delta, digests, a change map or metrics: the new file, until it is complete and gets its name. If its process is killed, it stays there. The next run that writes the same delta or digests removes it",
  ],
];
