// Imports nothing: it explains why an import failed.

/** Reason why the program cannot start, with advice, and the exit code. */
export interface StartFailure {
  text: string;
  code: number;
}

/** Something on this host is missing or wrong. The same as in exit-codes.ts, which may be what cannot be imported. */
const EX_UNAVAILABLE = 69;

/** A fault of this program. */
const EX_SOFTWARE = 70;

const REINSTALL = "install blockcopy again";
const DISK = "check the disk that blockcopy is installed on (dmesg, smartctl)";
const ACCESS =
  "let this user read the files of blockcopy and the folders above them (`namei -l` shows who may); if it may, look for a denial by SELinux or AppArmor (dmesg, `ausearch -m avc`)";

/** Advice, by the code of Node's error. */
const ADVICE: Readonly<Record<string, string>> = {
  EMFILE: "raise the limit on open files (`ulimit -n`, LimitNOFILE)",
  ENFILE: "raise the limit on open files of this host (`sysctl fs.file-max`)",
  ENOMEM: "free memory, or raise its limit (`ulimit -v`, MemoryMax), and run again",
  ENOSPC: "make room on the file system of the folder for temporary files, and run again",
  EAGAIN: "raise the limit on processes (`ulimit -u`, TasksMax), and run again",
  EACCES: ACCESS,
  EPERM: ACCESS,
  EIO: DISK,
  EUCLEAN: DISK,
  EBADMSG: DISK,
  MODULE_NOT_FOUND:
    "run it again, because Node takes a file that it cannot look at for a missing one; if that fails too, install blockcopy again",
  ESTALE: "mount the file system that blockcopy is installed on again, and run this again",
};

/** System errors of Linux for which libuv has no name. The same as in stream-errors.ts, which may be what cannot be imported. */
const UNNAMED: Readonly<Record<string, string>> = {
  74: "bad message (EBADMSG)",
  116: "stale file handle (ESTALE)",
  117: "structure needs cleaning (EUCLEAN)",
};

/** Explains an error that kept the program from starting. An error of the system or of an incomplete installation is not a fault of the program. */
export function explainStart(error: unknown): StartFailure {
  const why = String(error)
    .replace(/\nRequire stack:.*/s, "")
    .replaceAll(/\s*\n\s*/g, " ")
    .replaceAll(/Unknown system error -(\d+)/g, (all, number: string) => UNNAMED[number] ?? all);
  const code = codeOf(error, why);
  if (code === undefined && !(error instanceof SyntaxError)) {
    return {
      text: `cannot start: ${why}; this is a fault of blockcopy: report it`,
      code: EX_SOFTWARE,
    };
  }
  const advice = ADVICE[code ?? ""] ?? REINSTALL;
  return { text: `cannot start: ${why}; ${advice}`, code: EX_UNAVAILABLE };
}

/** Returns the code of a failed system call, or of a module that is missing or cannot be read. */
function codeOf(error: unknown, why: string): string | undefined {
  const code: unknown = (error as { code?: unknown } | null | undefined)?.code;
  const isNamed = typeof code === "string" && !code.startsWith("Unknown system error");
  const known = isNamed ? code : /\b(E[A-Z0-9]{3,})(?::|\))/.exec(why)?.[1];
  const isForeign =
    /^E[A-Z0-9]+$|^MODULE_NOT_FOUND$|^ERR_(?:MODULE_NOT_FOUND|INVALID_PACKAGE|PACKAGE|UNSUPPORTED_DIR)/;
  return known !== undefined && isForeign.test(known) ? known : undefined;
}
