// The flags and the environment with which Node is started. The build inserts them into what runs before Node: the launcher
// (src/cli/launcher.sh), or the start of the single executable (crates/start).
import { SINGLE } from "./single.ts";

/**
 * A flag that keeps Node from opening its debugger on a SIGUSR1 that arrives before the program handles that signal. No host can
 * bind this address, because ::1 has no zones. --disable-sigusr1 does the same, but is an error before Node 22.14.
 */
export const NO_INSPECTOR = "--inspect-port=[::1%blockcopy-opens-no-debugger]:0";

/** Threads of libuv: each of eight streams may block one in a pipe, and files need some too. */
export const POOL_THREADS = 16;

/**
 * The lowest limit on open files with which the launcher starts Node. With fewer than 18 Node 20.20 is killed by a signal, with
 * fewer than 21 it prints a trace; the rest is for files that are already open.
 */
export const LEAST_FILES = 32;

/**
 * The threads that Node starts before the program: one for delays, and four for V8. If one of the latter cannot start, Node 20.20 waits
 * for it forever, and does nothing else.
 */
export const LEAST_TASKS = 5;

/** Variables that make Node run code, or read or write files. */
export const CODE_VARIABLES = [
  "NODE_OPTIONS",
  "NODE_PATH",
  "NODE_COMPILE_CACHE",
  "NODE_REDIRECT_WARNINGS",
  "NODE_V8_COVERAGE",
  "OPENSSL_CONF",
  "OPENSSL_ENGINES",
  "OPENSSL_MODULES",
] as const;

/** All variables that Node and its libraries read, and that must not change the behaviour of the program. */
export const NODE_VARIABLES = [
  ...CODE_VARIABLES,
  "ICU_TIMEZONE_FILES_DIR",
  "NODE_CHANNEL_FD",
  "NODE_CHANNEL_SERIALIZATION_MODE",
  "NODE_CLUSTER_SCHED_POLICY",
  "NODE_COMPILE_CACHE_PORTABLE",
  "NODE_DEBUG",
  "NODE_DEBUG_NATIVE",
  "NODE_DISABLE_COLORS",
  "NODE_DISABLE_COMPILE_CACHE",
  "NODE_EXTRA_CA_CERTS",
  "NODE_ICU_DATA",
  "NODE_NO_WARNINGS",
  "NODE_PENDING_DEPRECATION",
  "NODE_PENDING_PIPE_INSTANCES",
  "NODE_PRESERVE_SYMLINKS",
  "NODE_PRESERVE_SYMLINKS_MAIN",
  "NODE_REPL_EXTERNAL_MODULE",
  "NODE_REPL_HISTORY",
  "NODE_SKIP_PLATFORM_CHECK",
  "NODE_TEST_CONTEXT",
  "NODE_TLS_REJECT_UNAUTHORIZED",
  "NODE_UNIQUE_ID",
  "NODE_USE_ENV_PROXY",
  "NODE_USE_SYSTEM_CA",
  "OPENSSL_CONF_INCLUDE",
  "SSLKEYLOGFILE",
  "SSL_CERT_DIR",
  "SSL_CERT_FILE",
  "UV_THREADPOOL_SIZE",
  "UV_USE_IO_URING",
] as const;

/** Variables of the dynamic linker. In the single executable they must not change the program, whose C library may be another one. */
export const LINKER_VARIABLES = ["LD_LIBRARY_PATH", "LD_PRELOAD"] as const;

/** Prefix of the variables in which the launcher saves the values of {@link NODE_VARIABLES}. */
export const ASIDE = "BLOCKCOPY_ASIDE_";

/** The signals that were ignored when the launcher began: a hexadecimal mask as in /proc/PID/status. */
export const IGNORED_VARIABLE = "BLOCKCOPY_IGNORED";

/** True if the launcher, or a process that was started by it, has started this process. */
export function isLaunched(): boolean {
  return process.execArgv.includes(NO_INSPECTOR);
}

/** Returns the command that runs this program again in the same way. */
export function ownCommand(): [string, ...string[]] {
  // The start of the single executable takes the flag away again: it says that the environment is prepared.
  return SINGLE === undefined
    ? [process.execPath, NO_INSPECTOR, process.argv[1] ?? "blockcopy"]
    : [process.execPath, NO_INSPECTOR];
}

/** Returns the environment for Node running the program, from that of another program: the same as the launcher makes. */
export function launchedEnvironment(given: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(given)) {
    if (!name.startsWith(ASIDE)) {
      own[NODE_VARIABLES.some((variable) => variable === name) ? ASIDE + name : name] = value;
    }
  }
  own["UV_THREADPOOL_SIZE"] = String(POOL_THREADS);
  // A child of Node ignores no signal, whatever its parent does.
  own[IGNORED_VARIABLE] = "0";
  return own;
}

/** Returns the environment as the user has set it, for programs that connect to other hosts. */
export function givenEnvironment(): NodeJS.ProcessEnv {
  const given: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    const own = isLaunched() && (name === "UV_THREADPOOL_SIZE" || name === IGNORED_VARIABLE);
    if (!own && !name.startsWith(ASIDE)) {
      given[name] = value;
    }
  }
  for (const name of [...NODE_VARIABLES, ...LINKER_VARIABLES]) {
    const value = process.env[ASIDE + name];
    if (value !== undefined) {
      given[name] = value;
    }
  }
  return given;
}
