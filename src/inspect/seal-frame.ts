import type { RootDigest } from "../protocol/root-digest.ts";
import type { Frame } from "./frame.ts";
import { rootFields, rootText } from "./source-text.ts";

/** Describes the seal of an extended stream. */
export function sealFrame(root: RootDigest | undefined, offset: number): Frame {
  return {
    name: "root",
    offset,
    text: () => (root === undefined ? "not known" : rootText(root)),
    fields: () => ({ root: root && rootFields(root) }),
  };
}
