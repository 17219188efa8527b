/** Commands without a class of their own, for completion. */
export const BUILT_IN = [
  ["help", "show help on a command"],
  ["version", "print the version"],
] as const;
