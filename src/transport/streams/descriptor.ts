import type * as Binding from "../../native/binding.js";

/** The part of the addon that the standard streams use. */
export type Plumbing = Pick<typeof Binding, "setBlocking" | "setPipeSize" | "waitFor">;

/** Capacity of a pipe between two stages, in bytes: the most that any user may set (pipe-max-size), for few context switches. */
const PIPE_LENGTH = 1024 * 1024;

/** Makes a descriptor blocking again, in case a terminal library has changed it, and enlarges a pipe. */
export function prepareDescriptor(plumbing: Plumbing, fd: number): void {
  plumbing.setBlocking(fd);
  plumbing.setPipeSize(fd, PIPE_LENGTH);
}
