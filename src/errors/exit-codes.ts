/**
 * The exit codes, which scripts rely on. Where there is one, it is that of sysexits.h; an end by a signal, and by a
 * reader that went away, is 128 + the signal's number, as a shell has it.
 */
export const ExitCode = {
  success: 0,
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
  readerGone: 141,
} as const;

/** The exit codes of a process that SIGHUP, SIGINT or SIGTERM has ended in good order. */
export const SIGNAL_EXIT_CODES: readonly number[] = [129, 130, 143];
