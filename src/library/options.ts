// Made by `npm run generate` from the commands in src/commands.
import type { Readable } from "node:stream";

import type { Control } from "./types.ts";

/** Options of `sync`. */
export interface SyncOptions extends Control {
  /** SOURCE, as on the command line. */
  source: string;
  /** DESTINATION, as on the command line. */
  destination: string;
  /** Create the destination as a regular file if it does not exist; let a file that is shorter than the source grow. */
  create?: boolean | undefined;
  /** Give a destination file the length of the source: cut it off, or let it grow; where --end leaves out the end, only cut it off. */
  truncate?: boolean | undefined;
  /** Write zeros as holes if the destination can have holes. */
  sparse?: boolean | undefined;
  /** Use the disk in SOURCE, an image of this format: qcow2, vmdk, vhdx, vdi, raw, or auto, by name and content. Default: raw. */
  sourceFormat?: "raw" | "qcow2" | "vmdk" | "vhdx" | "vdi" | "auto" | undefined;
  /** Use the disk in DESTINATION, an image of this format: qcow2, vmdk, vhdx, vdi, raw, or auto, by name and content. Default: raw. */
  destinationFormat?: "raw" | "qcow2" | "vmdk" | "vhdx" | "vdi" | "auto" | undefined;
  /** Accept a DESTINATION that is larger than SOURCE, and leave its end as it is. */
  allowLarger?: boolean | undefined;
  /** Start at this OFFSET. */
  start?: number | string | undefined;
  /** Stop at this OFFSET; the rest of DESTINATION stays as it is. */
  end?: number | string | undefined;
  /** Compare only the ranges in this range map, in whole blocks: a file of this host or - (see `blockcopy help checksum`), or, of an NBD export that is the source, bitmap:NAME, a dirty bitmap, or allocation, what is allocated. */
  ranges?: string | undefined;
  /** Write the blocks that differ to this file of this host, for `save DESTINATION`, and nothing to DESTINATION. */
  delta?: string | undefined;
  /** Write to a destination that is in use (mounted, held, locked or open elsewhere), and apply a delta to a destination that it was not made for. */
  force?: boolean | undefined;
  /** Lock the destination (flock) while writing to it; fail with exit code 75 if it is locked already. */
  lock?: boolean | undefined;
  /** Read back from the disk at the end: written (the blocks that were written), full (everything, compared with the source's root digest) or none. Default: none. */
  verify?: "none" | "written" | "full" | undefined;
  /** With --ranges: also compare this share of what the range map leaves out, such as 3%, another one in each run; if it differs, repair it and end with exit code 79. */
  audit?: string | undefined;
  /** Keep in this file of this host which share is next; without it, each run compares a random one. */
  auditState?: string | undefined;
  /** Only say what would be sent, and write nothing; takes all options of the copy except --verify. */
  dryRun?: boolean | undefined;
  /** Copy a snapshot of the source, made now and removed afterwards: lvm, thin (LVM volumes), reflink (a file on XFS or btrfs), auto (the one that fits) or none. Default: none. */
  snapshot?: "auto" | "lvm" | "thin" | "reflink" | "none" | undefined;
  /** Room in a classic LVM snapshot for what changes during the copy, such as 10G. Default: a tenth of the volume. */
  snapshotSize?: number | string | undefined;
  /** Run this command of the shell before the snapshot is made, on the host of the source. If it fails, nothing is copied. */
  before?: string | undefined;
  /** Run this command as soon as the snapshot is made, or has failed; the copy begins after it. */
  after?: string | undefined;
  /** Seconds that each of --before and --after may take; if the snapshot takes longer, --after is run and the copy fails. Default: 60. */
  hookTimeout?: number | undefined;
  /** The same as -t -p -o -g. */
  archive?: boolean | undefined;
  /** Copy the times of access and modification. */
  times?: boolean | undefined;
  /** Copy the permissions. */
  perms?: boolean | undefined;
  /** Copy the owner, by name if the destination's host knows it. */
  owner?: boolean | undefined;
  /** Copy the group, by name if the destination's host knows it. */
  group?: boolean | undefined;
  /** Copy owner and group by number; with -o and -g. */
  numericIds?: boolean | undefined;
  /** Connect with this command instead of ssh, split into words at spaces. */
  rsh?: string | undefined;
  /** Run this on the other host instead of blockcopy: words for the shell there. */
  remoteCommand?: string | undefined;
  /** Run it there with `sudo -n`, which must not ask for a password. */
  sudo?: boolean | undefined;
  /** With 0.0.2, the other host has blockcopy 0.0.2, as in --remote-command 'python3 blockcopy.py'. */
  wire?: "0.0.2" | undefined;
  /** Send to a host without blockcopy: node, this program for the Node there; single, an executable that needs none; auto, the first that works; never. Default: auto. */
  bootstrap?: "auto" | "node" | "single" | "never" | undefined;
  /** The same as --bootstrap never: also run nothing that was sent there before. */
  noBootstrap?: boolean | undefined;
  /** Fail when a stage or host says nothing for this many seconds, 0 for no limit. Default: 60. */
  timeout?: number | undefined;
  /** Send digests and blocks over ssh, or over TCP connections of their own with TLS 1.3, with keys that ssh has exchanged; auto tries tls, then ssh. Default: ssh. */
  transport?: "ssh" | "tls" | "auto" | undefined;
  /** With --transport tls, listen on a port of this range, one for each stream or destination. Default: any free port. */
  ports?: string | undefined;
  /** With --transport tls, the end that listens: source or destination. Default: the one on the other host; the destination, if both are. */
  listen?: "source" | "destination" | undefined;
  /** With --transport tls, listen on this address of that host, and connect to it. */
  bind?: string | undefined;
  /** Bypass the page cache: on, off or auto, which reads from the cache what is in it already. Default: auto. */
  direct?: "auto" | "on" | "off" | undefined;
  /** Hash and compress on this number of threads. Default: one per core. */
  threads?: number | undefined;
  /** Keep this number of reads or writes in flight, 1 to 32. Default: 4 to 8, two per core; for an NBD export 16. */
  queueDepth?: number | undefined;
  /** Copy a thin LVM volume and keep the snapshot that was copied, so that the next run with this NAME only reads what has changed since; it says why if it compares everything. */
  incremental?: string | undefined;
  /** Compress the blocks between hosts: none, lz4, zstd[:LEVEL], lzma[:LEVEL] or auto. Default: auto. */
  compress?:
    "none" | "lz4" | "zstd" | `zstd:${number}` | "lzma" | `lzma:${number}` | "auto" | undefined;
  /** Send at most RATE bytes per second in each direction, such as 20M (K, M, G: powers of 1024). */
  bwlimit?: string | undefined;
  /** Copy over this number of connections to each host, up to 8, for links that are faster than one connection; with --delta, only the source gets several. */
  streams?: number | undefined;
  /** Digest of the blocks between hosts: blake3 or sha3-512. Default: blake3. */
  digest?: "sha3-512" | "blake3" | undefined;
  /** Bytes per block between hosts: a power of two from 4K to 16M. Default: 128K, or 64K with --incremental. */
  blockSize?: number | string | undefined;
  /** Keep the digests of DESTINATION in this file of its host, and send these the next time instead of reading DESTINATION. */
  digestCache?: string | undefined;
  /** Print details on standard error, as with the environment variable DEBUG=1. */
  verbose?: boolean | undefined;
  /** Draw the change map, which shows where blocks differed. */
  map?: boolean | undefined;
  /** Write the change map to this file, as an image. */
  mapFile?: string | undefined;
  /** Write the result to this file, for the textfile collector of Prometheus. */
  metrics?: string | undefined;
}

/** Options of `compare`. */
export interface CompareOptions extends Control {
  /** Use the disk in A, an image of this format: qcow2, vmdk, vhdx, vdi, raw, or auto, by name and content. Default: raw. */
  sourceFormat?: "raw" | "qcow2" | "vmdk" | "vhdx" | "vdi" | "auto" | undefined;
  /** Use the disk in B, an image of this format: qcow2, vmdk, vhdx, vdi, raw, or auto, by name and content. Default: raw. */
  destinationFormat?: "raw" | "qcow2" | "vmdk" | "vhdx" | "vdi" | "auto" | undefined;
  /** Start at this OFFSET. */
  start?: number | string | undefined;
  /** Stop at this OFFSET. */
  end?: number | string | undefined;
  /** Compare only the ranges in this range map, in whole blocks: a file of this host or - (see `blockcopy help checksum`), or, of an NBD export that is the source, bitmap:NAME, a dirty bitmap, or allocation, what is allocated. */
  ranges?: string | undefined;
  /** Connect with this command instead of ssh, split into words at spaces. */
  rsh?: string | undefined;
  /** Run this on the other host instead of blockcopy: words for the shell there. */
  remoteCommand?: string | undefined;
  /** Run it there with `sudo -n`, which must not ask for a password. */
  sudo?: boolean | undefined;
  /** Send to a host without blockcopy: node, this program for the Node there; single, an executable that needs none; auto, the first that works; never. Default: auto. */
  bootstrap?: "auto" | "node" | "single" | "never" | undefined;
  /** The same as --bootstrap never: also run nothing that was sent there before. */
  noBootstrap?: boolean | undefined;
  /** Fail when a stage or host says nothing for this many seconds, 0 for no limit. Default: 60. */
  timeout?: number | undefined;
  /** Bypass the page cache: on, off or auto, which reads from the cache what is in it already. Default: auto. */
  direct?: "auto" | "on" | "off" | undefined;
  /** Hash and compress on this number of threads. Default: one per core. */
  threads?: number | undefined;
  /** Keep this number of reads or writes in flight, 1 to 32. Default: 4 to 8, two per core; for an NBD export 16. */
  queueDepth?: number | undefined;
  /** Send at most RATE bytes per second in each direction, such as 20M (K, M, G: powers of 1024). */
  bwlimit?: string | undefined;
  /** Digest of the blocks between hosts: blake3 or sha3-512. Default: blake3. */
  digest?: "sha3-512" | "blake3" | undefined;
  /** Bytes per block between hosts: a power of two from 4K to 16M. Default: 128K. */
  blockSize?: number | string | undefined;
  /** Print details on standard error, as with the environment variable DEBUG=1. */
  verbose?: boolean | undefined;
  /** Draw the change map, which shows where blocks differed. */
  map?: boolean | undefined;
  /** Write the change map to this file, as an image. */
  mapFile?: string | undefined;
  /** Write the ranges of A that differ to this file, as a range map for `blockcopy sync --ranges`. */
  rangesOut?: string | undefined;
}

/** Options of `checksum`. */
export interface ChecksumOptions extends Control {
  /** FILE, as on the command line. */
  file: string;
  /** Start at this OFFSET. */
  start?: number | string | undefined;
  /** Stop at this OFFSET; the rest of FILE stays as it is. */
  end?: number | string | undefined;
  /** Compare only the ranges in this range map, in whole blocks. */
  ranges?: string | undefined;
  /** Read the disk in FILE, an image of this format: qcow2, vmdk, vhdx, vdi, raw or auto. Default: raw. */
  format?: "raw" | "qcow2" | "vmdk" | "vhdx" | "vdi" | "auto" | undefined;
  /** Treat a FILE that does not exist as an empty one, and leave its creation to `save --create`. */
  create?: boolean | undefined;
  /** Bypass the page cache: on, off or auto, which reads from the cache what is in it already. Default: auto. */
  direct?: "auto" | "on" | "off" | undefined;
  /** Hash and compress on this number of threads. Default: one per core. */
  threads?: number | undefined;
  /** Keep this number of reads or writes in flight, 1 to 32. Default: 4 to 8, two per core; for an NBD export 16. */
  queueDepth?: number | undefined;
  /** Digest of the blocks, with --extended: sha3-512 or blake3. Default: sha3-512. */
  digest?: "sha3-512" | "blake3" | undefined;
  /** Bytes per block, with --extended or --root: a power of two from 4K to 16M. Default: 128K. */
  blockSize?: number | string | undefined;
  /** Send the digests in this file, which `save --update-digests` keeps, instead of reading FILE; with --extended. */
  cached?: string | undefined;
  /** Write at most RATE bytes per second, as 20M (K, M, G: powers of 1024). */
  bwlimit?: string | undefined;
  /** Print details on standard error, as with the environment variable DEBUG=1. */
  verbose?: boolean | undefined;
  /** Start with a header that names the digest and the block size. blockcopy 0.0.2 cannot read it. */
  extended?: boolean | undefined;
}

/** Options of `checksum` for the root digest. */
export interface RootOptions extends Control {
  /** FILE, as on the command line. */
  file: string;
  /** Only the root digest. */
  root: true;
  /** Bypass the page cache: on, off or auto, which reads from the cache what is in it already. Default: auto. */
  direct?: "auto" | "on" | "off" | undefined;
  /** Hash and compress on this number of threads. Default: one per core. */
  threads?: number | undefined;
  /** Keep this number of reads or writes in flight, 1 to 32. Default: 4 to 8, two per core; for an NBD export 16. */
  queueDepth?: number | undefined;
  /** Digest of the blocks, with --extended: sha3-512 or blake3. Default: sha3-512. */
  digest?: "sha3-512" | "blake3" | undefined;
  /** Bytes per block, with --extended or --root: a power of two from 4K to 16M. Default: 128K. */
  blockSize?: number | string | undefined;
  /** Print details on standard error, as with the environment variable DEBUG=1. */
  verbose?: boolean | undefined;
}

/** Options of `retrieve`. */
export interface RetrieveOptions extends Control {
  /** FILE, as on the command line. */
  file: string;
  /** The stream to read: one of Node, such as the `output` of another operation, or any source of bytes. */
  input: Readable | AsyncIterable<Uint8Array>;
  /** Read the disk in FILE, an image of this format: qcow2, vmdk, vhdx, vdi, raw or auto. Default: raw. */
  format?: "raw" | "qcow2" | "vmdk" | "vhdx" | "vdi" | "auto" | undefined;
  /** Copy a snapshot of the source, made now and removed afterwards: lvm, thin (LVM volumes), reflink (a file on XFS or btrfs), auto (the one that fits) or none. Default: none. */
  snapshot?: "auto" | "lvm" | "thin" | "reflink" | "none" | undefined;
  /** Room in a classic LVM snapshot for what changes during the copy, such as 10G. Default: a tenth of the volume. */
  snapshotSize?: number | string | undefined;
  /** Run this command of the shell before the snapshot is made, on the host of the source. If it fails, nothing is copied. */
  before?: string | undefined;
  /** Run this command as soon as the snapshot is made, or has failed; the copy begins after it. */
  after?: string | undefined;
  /** Seconds that each of --before and --after may take; if the snapshot takes longer, --after is run and the copy fails. Default: 60. */
  hookTimeout?: number | undefined;
  /** Bypass the page cache: on, off or auto, which reads from the cache what is in it already. Default: auto. */
  direct?: "auto" | "on" | "off" | undefined;
  /** Hash and compress on this number of threads. Default: one per core. */
  threads?: number | undefined;
  /** Keep this number of reads or writes in flight, 1 to 32. Default: 4 to 8, two per core; for an NBD export 16. */
  queueDepth?: number | undefined;
  /** Compress each block if that makes it smaller: none, lz4, zstd[:LEVEL] (1 to 19), lzma[:LEVEL] (0 to 9) or auto. lz4, zstd and auto need `checksum --extended`. */
  compress?:
    "none" | "lz4" | "zstd" | `zstd:${number}` | "lzma" | `lzma:${number}` | "auto" | undefined;
  /** The same as --compress lzma. */
  lzma?: boolean | undefined;
  /** Write at most RATE bytes per second, as 20M (K, M, G: powers of 1024). */
  bwlimit?: string | undefined;
  /** Print details on standard error, as with the environment variable DEBUG=1. */
  verbose?: boolean | undefined;
}

/** Options of `save`. */
export interface SaveOptions extends Control {
  /** FILE, as on the command line. */
  file: string;
  /** The stream to read: one of Node, such as the `output` of another operation, or any source of bytes. */
  input: Readable | AsyncIterable<Uint8Array>;
  /** Create the destination as a regular file if it does not exist; let a file that is shorter than the source grow. */
  create?: boolean | undefined;
  /** Give a destination file the length of the source: cut it off, or let it grow; where --end leaves out the end, only cut it off. */
  truncate?: boolean | undefined;
  /** Write zeros as holes if the destination can have holes. */
  sparse?: boolean | undefined;
  /** Write to the disk in FILE, an image of this format: qcow2, vmdk, vhdx, vdi, raw or auto. Default: raw. */
  format?: "raw" | "qcow2" | "vmdk" | "vhdx" | "vdi" | "auto" | undefined;
  /** Write to a destination that is in use (mounted, held, locked or open elsewhere), and apply a delta to a destination that it was not made for. */
  force?: boolean | undefined;
  /** Lock the destination (flock) while writing to it; fail with exit code 75 if it is locked already. */
  lock?: boolean | undefined;
  /** Read back from the disk at the end: written (the blocks that were written), full (everything, compared with the source's root digest) or none. Default: none. */
  verify?: "none" | "written" | "full" | undefined;
  /** The same as -t -p -o -g. */
  archive?: boolean | undefined;
  /** Copy the times of access and modification. */
  times?: boolean | undefined;
  /** Copy the permissions. */
  perms?: boolean | undefined;
  /** Copy the owner, by name if the destination's host knows it. */
  owner?: boolean | undefined;
  /** Copy the group, by name if the destination's host knows it. */
  group?: boolean | undefined;
  /** Copy owner and group by number; with -o and -g. */
  numericIds?: boolean | undefined;
  /** Bypass the page cache: on, off or auto, which reads from the cache what is in it already. Default: auto. */
  direct?: "auto" | "on" | "off" | undefined;
  /** Hash and compress on this number of threads. Default: one per core. */
  threads?: number | undefined;
  /** Keep this number of reads or writes in flight, 1 to 32. Default: 4 to 8, two per core; for an NBD export 16. */
  queueDepth?: number | undefined;
  /** Keep the digests of FILE in this file, for `checksum --cached`. */
  updateDigests?: string | undefined;
  /** Print details on standard error, as with the environment variable DEBUG=1. */
  verbose?: boolean | undefined;
}
