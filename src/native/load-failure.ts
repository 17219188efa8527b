import { closeSync, fstatSync, openSync, readFileSync, readSync, realpathSync } from "node:fs";

import { glibcHere, type Libc } from "./platform.ts";

/** The reason that a shared object cannot be loaded, and advice. */
export interface LoadFailure {
  why: string;
  advice: string;
}

/** A cause, found by the message of the dynamic linker of glibc or musl. */
type LinkerMessage = readonly [
  message: RegExp,
  explain: (match: RegExpExecArray, file: string) => LoadFailure,
];

const REINSTALL = "install blockcopy again";

/** The folder of a package that `sync` has sent, named by its version and part of its digest. */
const KEPT = /\/blockcopy\/[^/]+-[0-9a-f]{16}\/node_modules\//;

const LINKER_MESSAGES: readonly LinkerMessage[] = [
  [/[Tt]oo many open files/, () => failure("too many open files", "raise `ulimit -n`")],
  [
    /[Cc]annot allocate memory|[Oo]ut of memory/,
    () => failure("out of memory", "free memory, or raise `ulimit -v`, and run it again"),
  ],
  [
    /Input\/output error/,
    () =>
      failure(
        "it cannot be read: input/output error (EIO)",
        "check the disk that blockcopy is installed on (dmesg, smartctl)",
      ),
  ],
  [
    /version [`'"](GLIBC_([\d.]+))'? not found/,
    ([, name]) =>
      failure(
        `it needs ${name}, and this system has glibc ${glibcHere() ?? "of an older version"}`,
        `install the portable package, for glibc 2.17 or later (in a checkout: \`npm run build:platforms -- linux-${process.arch}-gnu\`, then \`npm pack --ignore-scripts\`), or the single executable, which needs no glibc`,
      ),
  ],
  [
    /ld-linux|libc\.so\.6|libm\.so\.6|libgcc_s|[Ee]rror relocating|symbol not found/,
    ([found]) =>
      failure(
        `a library that it needs is missing (${found})`,
        "install the packages libc6 and libgcc-s1 (glibc and libgcc on RHEL and SUSE)",
      ),
  ],
  // The next three are of macOS.
  [
    /incompatible architecture|not a mach-o file/,
    ([found]) => failure(`it is damaged, or for another kind of machine (${found})`, REINSTALL),
  ],
  [
    /built for macOS [\d.]+/,
    ([found]) => failure(`it is ${found}, which is newer than this one`, "use a newer macOS"),
  ],
  [
    /code signature[^,;)']*|library load disallowed by system policy/,
    ([found], file) =>
      failure(
        `macOS does not let it run (${found})`,
        `take it out of quarantine (\`xattr -d com.apple.quarantine ${file}\`), or ${REINSTALL}`,
      ),
  ],
  [
    /undefined symbol: (napi_\w+)/,
    ([, symbol]) => failure(`this Node has no ${symbol}`, "install a newer Node"),
  ],
  [/failed to map segment|protection after relocation|executable stack/, explainMapping],
  [
    /cannot open shared object file: Permission denied/,
    () =>
      failure(
        "permission denied",
        "let this user read it and the folders above it (`namei -l` shows who may); if it may, look for a denial by SELinux or AppArmor (dmesg, `ausearch -m avc`)",
      ),
  ],
  [
    /wrong ELF class|invalid ELF header|[Ee]xec format error|file too short|ELF|cannot read file data|self-register|only ET_DYN/,
    ([found]) => failure(`it is damaged, or for another kind of machine (${found})`, REINSTALL),
  ],
  [/cannot open shared object file: No such file/, () => failure("it is missing", REINSTALL)],
];

function failure(why: string, advice: string): LoadFailure {
  return { why, advice };
}

/** Explains the message of the dynamic linker when it could not load `file`. */
export function explainLoading(message: string, file: string): LoadFailure {
  const needed = libcNeeded(file);
  const here = glibcHere() === undefined ? "musl" : "glibc";
  if (needed !== undefined && needed !== here) {
    return failure(
      `it is for ${needed}, and this Node is for ${here}`,
      "install blockcopy on this host, by the npm of this Node: it takes the package for that C library",
    );
  }
  for (const [pattern, explain] of LINKER_MESSAGES) {
    const match = pattern.exec(message);
    if (match !== null) {
      return explain(match, file);
    }
  }
  return failure(message.replaceAll(/\s*\n\s*/g, " "), REINSTALL);
}

/**
 * Returns the C library that a shared object asks for by name; undefined if it names none. The dynamic linker does not tell: a musl
 * engine asks for `libc.so`, and where glibc's headers are installed, that is a text.
 */
function libcNeeded(file: string): Libc | undefined {
  try {
    const content = readFileSync(file, "latin1");
    const musl = /\0libc\.(?:so|musl-[\w-]+\.so\.1)\0/;
    return content.includes("\0libc.so.6\0") ? "glibc" : musl.test(content) ? "musl" : undefined;
  } catch {
    return undefined;
  }
}

/** Explains why the kernel refuses to map code: the mount is noexec, or a security policy forbids it. */
function explainMapping([said]: RegExpExecArray, file: string): LoadFailure {
  const mount = mountOf(file);
  if (mount !== undefined && !mount.noexec) {
    return failure(
      `the system does not let it run (${said})`,
      "look for a denial by SELinux, AppArmor or fapolicyd (dmesg, `ausearch -m avc`), or a limit on memory (`ulimit -v`)",
    );
  }
  const where =
    mount === undefined
      ? "its file system is mounted noexec, or a policy forbids it"
      : `${mount.point} is mounted noexec`;
  return failure(
    `${where} (${said})`,
    KEPT.test(file)
      ? "set XDG_CACHE_HOME there to a folder that is not on a noexec mount (SetEnv in ssh_config(5), AcceptEnv in sshd_config(5)), install blockcopy there, or remount that with exec"
      : "install blockcopy on a file system that is not mounted noexec, or remount that with exec",
  );
}

/** Returns the mount that a file is on; undefined if /proc does not tell. */
function mountOf(file: string): { point: string; noexec: boolean } | undefined {
  let found: { point: string; noexec: boolean } | undefined;
  try {
    const path = realpathSync(file);
    for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
      const [, , , , escaped = "", options = ""] = line.split(" ");
      const point = escaped.replaceAll(/\\([0-7]{3})/g, (_, code: string) =>
        String.fromCharCode(Number.parseInt(code, 8)),
      );
      const inside = path.startsWith(point.endsWith("/") ? point : `${point}/`);
      // A later mount on the same point hides an earlier one.
      if (point !== "" && inside && point.length >= (found?.point.length ?? 0)) {
        found = { point, noexec: options.split(",").includes("noexec") };
      }
    }
  } catch {
    return undefined;
  }
  return found;
}

/** Offsets in a 64-bit ELF header, elf(5): the machine, and the position, size and number of the section headers, which end the file. */
const ELF = { length: 64, machine: 18, sections: 40, size: 58, count: 60 } as const;

/** Machines of elf(5), by Node's names. */
const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };

/**
 * Finds faults of a shared object that the dynamic linker does not report well: a truncated one kills the process by SIGBUS,
 * and for one of another machine glibc says that it does not exist.
 *
 * @returns undefined for a sound file, and for one that cannot be read, which loading it explains
 */
export function faultOf(file: string): LoadFailure | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file, "r");
    const header = Buffer.alloc(ELF.length);
    const { size } = fstatSync(fd);
    if (readSync(fd, header) < ELF.length || header.toString("latin1", 0, 4) !== "\x7fELF") {
      return undefined;
    }
    const machine = header.readUInt16LE(ELF.machine);
    if (machine !== (MACHINES[process.arch] ?? machine)) {
      return failure(`it is not for ${process.arch} (machine ${machine} of elf(5))`, REINSTALL);
    }
    const end =
      Number(header.readBigUInt64LE(ELF.sections)) +
      header.readUInt16LE(ELF.size) * header.readUInt16LE(ELF.count);
    // A 32-bit header has other fields there.
    return size < end && header[4] === 2
      ? failure(`it is cut off: it has ${size} of ${end} bytes`, REINSTALL)
      : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) {
      closeSync(fd);
    }
  }
}
