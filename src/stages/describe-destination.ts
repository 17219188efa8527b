import type { StageContext } from "../blocks/context.ts";
import { isEngineFailure } from "../errors/engine-failure.ts";
import { type Described, stateOfDevice } from "../incremental/destination.ts";
import type * as Binding from "../native/binding.js";
import { numberOf } from "../snapshots/device-mapper.ts";
import { readText } from "../transport/files/small-file.ts";

/**
 * Describes a destination so that a later copy can tell if it is the same one, and if something else has written to it.
 *
 * @throws the engine's failures
 */
export async function describeDestination(
  { engine, direct }: StageContext,
  sink: Binding.Sink,
): Promise<Described> {
  const reader = await engine.openReader(sink, direct);
  const { size } = reader;
  const identity = await identityOf(engine, reader);
  if (identity === null || reader.isDevice) {
    return { identity, size, state: stateOf(reader) };
  }
  // The last word of the identifier of a file is the time of its last change.
  return { identity: identity.slice(0, identity.lastIndexOf(" ")), size, state: identity };
}

async function identityOf(engine: Binding.Engine, reader: Binding.Source): Promise<string | null> {
  try {
    return await engine.settledIdentity(reader);
  } catch (error) {
    if (isEngineFailure(error) && error.kind === "no-identity") {
      return null;
    }
    throw error;
  }
}

/** Returns the state of a device, as /sys shows it. */
function stateOf(reader: Binding.Source): string | null {
  const number = numberOf(reader);
  if (number === undefined) {
    return null;
  }
  const folder = `/sys/dev/block/${number}`;
  return stateOfDevice({
    boot: readText("/proc/sys/kernel/random/boot_id").trim(),
    number,
    sequence: readText(`${folder}/diskseq`).trim(),
    stat: readText(`${folder}/stat`),
  });
}
