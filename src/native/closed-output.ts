/** "1" if standard output was closed when the launcher began. */
const CLOSED_VARIABLE = "BLOCKCOPY_CLOSED";

/** True if standard output was closed: Node has opened /dev/null in its place. Child processes do not inherit this variable. */
export const stdoutWasClosed: boolean = process.env[CLOSED_VARIABLE] === "1";
delete process.env[CLOSED_VARIABLE];
