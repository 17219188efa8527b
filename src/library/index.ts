import { start } from "./operation.ts";
import type {
  ChecksumOptions,
  CompareOptions,
  RetrieveOptions,
  RootOptions,
  SaveOptions,
  SyncOptions,
} from "./options.ts";
import { comparison, rootResult, saveResult, stageResult, syncResult } from "./results.ts";
import { withOutput } from "./output.ts";
import type {
  Comparison,
  RootDigest,
  Run,
  SaveResult,
  StageResult,
  StreamRun,
  SyncResult,
} from "./types.ts";
import { wordsFor } from "./words.ts";

export { BlockcopyError, type ErrorCode } from "./error.ts";
export type * from "./options.ts";
export type * from "./types.ts";

/**
 * Makes a file or device equal to another one, here or on another host, as `blockcopy sync` does.
 *
 * @throws BlockcopyError for options that do not exist
 */
export function sync(options: SyncOptions): Run<SyncResult> {
  const { source, destination, signal, ...rest } = options;
  const words = wordsFor("sync", rest, [source, destination]);
  return start({ words, signal, output: "events", resultOf: syncResult }).run;
}

/**
 * Compares two files or devices, here or on other hosts, and writes to neither. Also compares those in use.
 *
 * @throws BlockcopyError for options that do not exist
 */
export function compare(a: string, b: string, options: CompareOptions = {}): Run<Comparison> {
  const { signal, ...rest } = options;
  const words = wordsFor("compare", rest, [a, b]);
  return start({ words, signal, output: "events", resultOf: comparison }).run;
}

/**
 * Digests a file or device. `output` is the hash stream, as `blockcopy checksum` writes it. With `root: true` there is only the root
 * digest.
 *
 * @throws BlockcopyError for options that do not exist
 */
export function checksum(options: RootOptions): Run<RootDigest>;
export function checksum(options: ChecksumOptions & { root?: false }): StreamRun<StageResult>;
export function checksum(
  options: RootOptions | (ChecksumOptions & { root?: false }),
): Run<RootDigest> | StreamRun<StageResult> {
  const { file, signal, root, ...rest } = options;
  if (root === true) {
    const words = wordsFor("root", rest, [file]);
    return start({ words, signal, output: "text", resultOf: rootResult }).run;
  }
  const words = wordsFor("checksum", rest, [file]);
  return withOutput(start({ words, signal, output: "stream", resultOf: stageResult }));
}

/**
 * Compares a hash stream with a file or device. `output` is the block stream, as `blockcopy retrieve` writes it.
 *
 * @throws BlockcopyError for options that do not exist
 */
export function retrieve(options: RetrieveOptions): StreamRun<StageResult> {
  const { file, input, signal, ...rest } = options;
  const words = wordsFor("retrieve", rest, [file]);
  return withOutput(start({ words, signal, input, output: "stream", resultOf: stageResult }));
}

/**
 * Writes the blocks of a block stream to a file or device, as `blockcopy save` does.
 *
 * @throws BlockcopyError for options that do not exist
 */
export function save(options: SaveOptions): Run<SaveResult> {
  const { file, input, signal, ...rest } = options;
  const words = wordsFor("save", rest, [file]);
  return start({ words, signal, input, output: "text", resultOf: saveResult }).run;
}
