import { constants } from "node:os";

import { statSync } from "../native/files.ts";
import { adviceOnMissing, type Role } from "./path-advice.ts";

/** Added to advice on a failed write. */
const AGAIN = "a new run copies only what is missing";

/** Advice on an interrupted copy. */
export const RUN_AGAIN = `run it again: ${AGAIN}`;

/** The same, if nothing else is known about the failure. */
export const WRITTEN_STAYS =
  "run it again: what was written stays, and only what is missing is sent";

/** Advice on a destination that is in use, or may be: it comes after what to do first. */
export const OR_FORCE = ", or use --force if you know that nothing else writes to it";

/** Advice on an empty source: it comes after what to do first. */
export const OR_FORCE_EMPTY = "; --force empties the destination anyway";

/** Returns advice for a command that copies nothing. */
export function withoutCopy(advice: string): string {
  return advice.replace(RUN_AGAIN, "run it again").replace(WRITTEN_STAYS, "run it again");
}

/** A system call that failed. */
export interface SystemFailure {
  /** The file or device. */
  path: string;
  role: Role;
  /** The error number. */
  errno: number;
  /** False for opening and reading. */
  writes: boolean;
}

/** Advice, or a function that returns it. */
type Advice = string | ((failure: SystemFailure) => string);

const LOG = "look at the kernel's log (dmesg)";
const DISK = "check the disk (dmesg, smartctl)";
const FOR_ALL = "run as root, or as a user who may access it";
const POLICY = "SELinux or AppArmor (dmesg, `ausearch -m avc`)";
const GONE = "the device has gone: check its connection (dmesg, `lsblk`)";
const DAMAGED = "its file system is damaged: look at dmesg, and repair it (fsck, xfs_repair)";
const SERVER_GONE = "its server, or the program of its FUSE file system, has gone: mount it again";
const MEMORY = "free memory, or raise its limit (`ulimit -v`, MemoryMax), and run again";
const NETWORK =
  "check the connection to the storage, and its server or paths (dmesg, `multipath -ll`)";

/**
 * Advice by name of the error, for opening, reading, writing and syncing on Linux. The errors of the block layer are listed in
 * `blk_errors` of block/blk-core.c.
 */
const BY_NAME: Readonly<Record<string, Advice>> = {
  // The file system.
  ENOSPC: ({ path, ...failure }) =>
    again(failure, isDevice(path) ? THIN_POOL : "free space on its file system (`df`, `df -i`)"),
  EDQUOT: (failure) => again(failure, "raise the quota (`quota`, `repquota`)"),
  EFBIG: (failure) =>
    again(
      failure,
      "raise the limit on the size of files (`ulimit -f`), or choose another file system",
    ),
  EROFS:
    "its file system has become read-only, most likely after an error: look at dmesg, repair it (fsck), mount it again, and run this again",
  EUCLEAN: DAMAGED,
  EBADMSG: DAMAGED,
  ESTALE:
    "the NFS server has removed or replaced it: mount that file system again, and run this again",
  ENOKEY: "unlock its encrypted folder (`fscrypt status`) and run again",
  EISDIR: ({ path, role }) => adviceOnMissing(path, role),
  ELOOP:
    "its symbolic links lead in a circle (`namei -l` shows them): give the name of the file itself",
  ENAMETOOLONG: "give a shorter name: each part of it may have 255 bytes, and all of it 4095",
  ETXTBSY: "it is being executed, or swapped to: end that first",
  // Permission.
  EPERM: () =>
    isRoot()
      ? `find out what keeps root from it: ${POLICY}, or the limits of a container`
      : FOR_ALL,
  EACCES: () =>
    isRoot()
      ? `find out what keeps root from it: an NFS server with root_squash (exports(5)), FUSE without allow_root, ${POLICY}, or the limits of a container`
      : FOR_ALL,
  // The device.
  EIO: ({ path, writes }) => (writes && isDevice(path) ? `${DISK}; ${THIN_CHECK}` : DISK),
  ENODATA: ({ role }) =>
    role === "source"
      ? "the disk cannot read a sector (dmesg, smartctl): copy what it has left with ddrescue, and replace it"
      : "the disk cannot read a sector (dmesg, smartctl): replace it, or overwrite all of it and check it",
  EILSEQ:
    "the disk has data that does not fit its checksum (dmesg, smartctl): restore or replace it",
  EREMOTEIO: `the disk or its controller reports a fault: ${DISK}`,
  ENODEV: GONE,
  ENXIO: GONE,
  ESHUTDOWN: GONE,
  ENOMEDIUM: "put a medium into the drive",
  EMEDIUMTYPE: "put a medium into the drive that it can read and write",
  EBADE:
    "another host has reserved the device (`sg_persist --in --read-reservation`): release that first",
  EBUSY:
    "something else is using it: find out who (`lsblk`, `fuser -v`, `dmsetup ls --tree`) and free it",
  ETIMEDOUT: NETWORK,
  ENOLINK: NETWORK,
  ETIME: NETWORK,
  ECONNRESET: NETWORK,
  ECONNREFUSED: NETWORK,
  ENOTCONN: SERVER_GONE,
  ECONNABORTED: SERVER_GONE,
  EHOSTDOWN: NETWORK,
  EHOSTUNREACH: NETWORK,
  ENETDOWN: NETWORK,
  ENETUNREACH: NETWORK,
  EHWPOISON:
    "the memory of this host is defective (dmesg, `ras-mc-ctl --errors`): replace it, and copy again",
  EOVERFLOW:
    "the device has too many zones open, or the file is too large for its file system: look at dmesg",
  ETOOMANYREFS:
    "the device has too many zones open: it takes only writes in order, and cannot be a destination",
  // This host.
  EMFILE: "raise the limit on open files (`ulimit -n`, LimitNOFILE)",
  ENFILE: "raise the limit on open files of this host (`sysctl fs.file-max`)",
  ENOMEM: MEMORY,
  ENOBUFS: MEMORY,
  EAGAIN: "the system has no room for the request now: run again",
  ENOLCK:
    "the server of its file system gives no locks: start its lock service, or leave out --lock",
  EOPNOTSUPP: "its file system or device cannot do that: choose another one",
  ENOSYS: "this kernel cannot do that: run on a newer one",
  EINVAL: "its file system or device refuses such access: try --direct off",
};

const THIN_CHECK = "if it is a thin volume, see that its pool is not full (`lvs`)";

const THIN_POOL =
  "it is a thin volume, and its pool is full: extend that (`lvs`, `lvextend`; for ZFS, `zpool list`)";

/** Error numbers of errno.h of Linux that Node does not name. Other systems give other meanings to these numbers. */
const MORE_NUMBERS: Readonly<Record<string, number>> = {
  EBADE: 52,
  ESHUTDOWN: 108,
  ETOOMANYREFS: 109,
  EHOSTDOWN: 112,
  EUCLEAN: 117,
  EREMOTEIO: 121,
  ENOMEDIUM: 123,
  EMEDIUMTYPE: 124,
  ENOKEY: 126,
  EHWPOISON: 133,
};

/** Returns advice on a failed system call. */
export function adviceOnSystem(failure: SystemFailure): string {
  const numbers: Readonly<Record<string, number>> = {
    ...constants.errno,
    ...(process.platform === "linux" ? MORE_NUMBERS : {}),
  };
  const known = Object.entries(BY_NAME).find(([name]) => numbers[name] === failure.errno);
  const advice = known?.[1] ?? LOG;
  return typeof advice === "string" ? advice : advice(failure);
}

/** Returns advice on a sync that ran out of space. No earlier write can be trusted after that. */
export function adviceOnUnsynced(path: string): string {
  const room = isDevice(path) ? THIN_POOL : "free space on its file system (`df`, `df -i`)";
  return `${room}, then copy it again from the beginning`;
}

function again({ writes }: Pick<SystemFailure, "writes">, advice: string): string {
  return writes ? `${advice}; ${AGAIN}` : advice;
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

function isDevice(path: string): boolean {
  try {
    return statSync(path).isBlockDevice();
  } catch {
    return false;
  }
}
