/** Digits of the standard descriptors that were closed when the launcher began: "", "0", "1" or "01". */
const CLOSED_VARIABLE = "BLOCKCOPY_CLOSED";

const closed = process.env[CLOSED_VARIABLE] ?? "";
// Child processes do not inherit it.
delete process.env[CLOSED_VARIABLE];

/** True if standard input was closed: Node has opened /dev/null in its place, which reads as empty. */
export const stdinWasClosed: boolean = closed.includes("0");

/** True if standard output was closed: Node has opened /dev/null in its place, where all is lost. */
export const stdoutWasClosed: boolean = closed.includes("1");
