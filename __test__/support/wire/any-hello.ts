// Hellos for the decoders to choke on.
import fc from "fast-check";
import { u32, u64 } from "./description-frames.ts";
import { DIGEST_TAG, hello, helloField, helloFrame, rawHello } from "./frames.ts";

/** A hello that is sound, or nearly: known and unknown fields, any version, lengths that need not be true. */
export const anyHello = fc.oneof(
  fc.constantFrom("blake3", "sha3-512", "sha3-256").map((name): Uint8Array => hello(name)),
  fc
    .record({
      version: fc.tuple(fc.constantFrom(1, 1, 1, 2, 0), fc.nat({ max: 255 })),
      fields: fc.array(
        fc
          .record({
            tag: fc.constantFrom(
              DIGEST_TAG,
              DIGEST_TAG,
              1,
              2,
              0x8002,
              0x8003,
              4,
              5,
              6,
              7,
              8,
              9,
              10,
              12,
              0x8008,
              0x800b,
            ),
            value: fc.oneof(
              fc
                .constantFrom("blake3", "sha3-512", "raw zstd", "")
                .map((name) => Buffer.from(name)),
              fc.constantFrom(u32(131_072), u32(7), u64(9), u64(2 ** 53), Buffer.alloc(64, 6)),
              fc.uint8Array({ maxLength: 300 }),
            ),
            excess: fc.constantFrom(0, 0, 0, -1, 1, 4000),
          })
          .map(({ tag, value, excess }) =>
            helloField(tag, value, Math.max(0, value.length + excess)),
          ),
        { maxLength: 4 },
      ),
    })
    .map(({ version, fields }): Uint8Array => helloFrame(fields, version)),
  fc
    .tuple(fc.constantFrom(0, 1, 5, 6, 20, 4083, 4084, 4085, 2 ** 32 - 1), fc.nat({ max: 5000 }))
    .map(([length, count]) => rawHello(length, Buffer.alloc(count, 1))),
);
