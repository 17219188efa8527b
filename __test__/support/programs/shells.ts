// The login shells that the other host may have.

/** Each as a command that takes `-c LINE`. */
export const SHELLS: readonly (readonly [string, ...string[]])[] = [
  ["sh"],
  ["dash"],
  ["bash"],
  ["rbash"],
  ["zsh"],
  ["ksh"],
  ["mksh"],
  ["busybox", "sh"],
  ["fish"],
  ["tcsh"],
  ["bsd-csh"],
];
