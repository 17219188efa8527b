import { messageOf } from "./message-of.ts";

/** Codes of Node for a file of a program that does not exist, of CommonJS and of other modules. */
const CODES: readonly unknown[] = ["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"];

/** Advice on a part of this program that is missing. Parts are loaded when they are needed, so an upgrade can remove one during a run. */
export const ADVICE_ON_PART =
  "if blockcopy was upgraded or removed during this run, run the same command again; otherwise install it again";

/** Returns words for a part of this program that is missing; undefined for any other failure. */
export function missingPart(error: unknown): string | undefined {
  const code: unknown = (error as { code?: unknown } | null | undefined)?.code;
  const [first = ""] = messageOf(error).split("\n");
  return CODES.includes(code) ? `a part of blockcopy is missing: ${first}` : undefined;
}
