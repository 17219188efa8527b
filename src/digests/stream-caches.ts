import type { StageContext } from "../blocks/context.ts";
import type { Division } from "../blocks/division.ts";
import { isWholeBlocks } from "../blocks/root.ts";
import type { PartQueue } from "../blocks/part-queue.ts";
import type { SharedDigests } from "../blocks/shared-copy.ts";
import { WrittenBlocks } from "../blocks/written-blocks.ts";
import type * as Binding from "../native/binding.js";
import type { Head } from "../protocol/block-stream/head.ts";
import { DEFAULT_HASHING, type Hashing } from "../protocol/digest.ts";
import { ownProcess } from "../transport/processes/process-tree.ts";
import { Spool } from "../transport/streams/spool.ts";
import type { CacheWriter, KnownSource } from "./cache-writer.ts";
import type { DigestCache } from "./digest-cache.ts";
import { type Done, HandOver } from "./hand-over.ts";
import { ascending } from "./merge-digests.ts";
import { PartsProof } from "./parts-proof.ts";
import {
  type Findings,
  type OldCache,
  type Proof,
  removeLateCache,
  removeOld,
  replaceCache,
} from "./replace-cache.ts";

/** The copy that a digest cache belongs to, as its first stream knows it. */
interface Shared {
  context: StageContext;
  sink: Binding.Sink;
  /** The name of the cache. */
  path: string;
  /** The destination. */
  file: string;
  /** The old cache, which belongs to the destination as it was before the queue was made; undefined if there is none. */
  cache: DigestCache | undefined;
  /** The number of streams. */
  streams: number;
}

/** The parts of a copy, and the streams that have taken them. */
interface CopyParts {
  queue: PartQueue;
  division: Division;
}

/** Writes the digest cache of a copy over several streams: the first stream does so, when all others have succeeded. */
export class FirstStreamCache implements CacheWriter {
  /** The files that the others open; undefined without an old cache. */
  readonly digests: SharedDigests | undefined;
  readonly #shared: Shared;
  #parts: CopyParts | undefined;
  #records: WrittenBlocks | undefined;
  #old: OldCache | undefined;
  #hashing: Hashing = DEFAULT_HASHING;

  private constructor(shared: Shared, digests: SharedDigests | undefined) {
    this.#shared = shared;
    this.digests = digests;
  }

  /**
   * Makes the files for what the other streams write, if there is an old cache that they can be merged with.
   *
   * @throws TemporaryError
   */
  static async open(shared: Shared): Promise<FirstStreamCache> {
    const { cache, streams } = shared;
    const own = ownProcess();
    if (cache === undefined || own === undefined) {
      return new FirstStreamCache(shared, undefined);
    }
    const records: number[] = [];
    for (let stream = 2; stream <= streams; stream += 1) {
      records.push((await Spool.create()).descriptor);
    }
    const root = Buffer.from(cache.hello.root).toString("hex");
    const { digest, blockSize } = cache.hello;
    const hashing = { digest, blockSize };
    const owner = { pid: own.pid, started: own.started };
    const digests = { owner, hashing, cache: cache.descriptor, root, records };
    return new FirstStreamCache(shared, digests);
  }

  /** Takes the parts of the copy, once they are known. */
  follow(parts: CopyParts): void {
    this.#parts = parts;
  }

  async begin(head: Head | undefined): Promise<WrittenBlocks | undefined> {
    const { context, sink, path, cache } = this.#shared;
    this.#hashing = head ?? this.#hashing;
    if (cache === undefined) {
      await removeLateCache(path);
      return undefined;
    }
    this.#old = await removeOld(context, sink, cache);
    this.#records = await WrittenBlocks.begin(cache.hello.digest);
    return this.#records;
  }

  async update(source: KnownSource): Promise<void> {
    const { context, sink, path, file, cache } = this.#shared;
    try {
      const target = { path, file, hashing: this.#hashing };
      await replaceCache(context, sink, target, await this.#findings(source));
    } finally {
      await cache?.close();
    }
  }

  /** Returns what all streams together know; nothing without an old cache, or if one of them does not tell. */
  async #findings({ parts, size }: KnownSource): Promise<Findings> {
    const { context, cache } = this.#shared;
    const [written, copied] = [this.#records, this.#parts];
    if (cache === undefined || copied === undefined || parts === undefined || size === undefined) {
      return {};
    }
    const others = await this.#others(cache);
    if (others.length !== this.digests?.records.length || others.some((one) => one.size !== size)) {
      return {};
    }
    const described = {
      hashing: this.#hashing,
      division: copied.division,
      takers: copied.queue.takers(),
      claims: [parts, ...others.map((stream) => stream.parts)],
      size,
    };
    const proof = (all: number): Proof => new PartsProof(context.native, described, all);
    const promised = (all: number): Proof | undefined =>
      isWholeBlocks({ size, all }, described.hashing) ? proof(all) : undefined;
    const states = new Set([this.#old, ...others.map((stream) => stream.old)]);
    if (written === undefined || !states.has("right") || states.has("wrong")) {
      return { promised };
    }
    await written.end();
    const lists = [written, ...others.map((stream) => stream.written)];
    return { evidence: { cache, written: ascending(lists), proof }, promised };
  }

  /** Returns what the other streams have handed over. A replaced one hands nothing over: the lost process has written before it. */
  async #others({ hello }: DigestCache): Promise<Done[]> {
    const found: Done[] = [];
    for (const [index, file] of (this.digests?.records ?? []).entries()) {
      const done = await HandOver.read(hello.digest, file);
      if (done === undefined) {
        this.#shared.context.debug(`stream ${index + 2} does not know the digests of its parts`);
      } else {
        found.push(done);
      }
    }
    return found;
  }
}

/** Does the work of a later stream for the digest cache of its copy. */
export class LaterStreamCache implements CacheWriter {
  readonly #context: StageContext;
  readonly #sink: Binding.Sink;
  readonly #cache: DigestCache;
  /** Undefined if the digests of its parts are not those of the cache and of the blocks that it writes. */
  readonly #handOver: HandOver | undefined;
  #old: OldCache | undefined;

  constructor(
    context: StageContext,
    sink: Binding.Sink,
    { cache, handOver }: { cache: DigestCache; handOver: HandOver | undefined },
  ) {
    this.#context = context;
    this.#sink = sink;
    this.#cache = cache;
    this.#handOver = handOver;
  }

  async begin(): Promise<WrittenBlocks | undefined> {
    this.#old = await removeOld(this.#context, this.#sink, this.#cache);
    return this.#handOver?.written;
  }

  /** Hands over what it has written to the first stream. */
  async update({ parts, size }: KnownSource): Promise<void> {
    const old = this.#old;
    if (parts !== undefined && size !== undefined && old !== undefined) {
      await this.#handOver?.finish({ parts, size, old });
    }
    await this.#cache.close();
  }
}

/** Does that work for a later stream of a copy that had no cache. */
export class MissingCache implements CacheWriter {
  readonly #path: string;

  /** @param path its name, which a file may have taken in the meantime */
  constructor(path: string) {
    this.#path = path;
  }

  async begin(): Promise<undefined> {
    await removeLateCache(this.#path);
  }

  async update(): Promise<void> {
    // The first stream reads the destination.
  }
}
