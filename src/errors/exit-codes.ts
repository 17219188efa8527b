/**
 * The exit codes, which scripts rely on. They follow sysexits.h. After a signal, and when the reader of the output has gone
 * (SIGPIPE), the code is 128 + the number of the signal, as in a shell.
 */
export const ExitCode = {
  success: 0,
  different: 1,
  usage: 64,
  differs: 65,
  noInput: 66,
  unavailable: 69,
  internal: 70,
  notKept: 73,
  io: 74,
  later: 75,
  protocol: 76,
  permission: 77,
  otherDestination: 78,
  incompleteMap: 79,
  readerGone: 141,
} as const;

/** The exit codes after SIGHUP, SIGINT and SIGTERM. */
export const SIGNAL_EXIT_CODES: readonly number[] = [129, 130, 143];
