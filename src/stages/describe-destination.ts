import type { StageContext } from "../blocks/context.ts";
import { isEngineFailure } from "../errors/engine-failure.ts";
import type { Described } from "../incremental/destination.ts";
import type * as Binding from "../native/binding.js";

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
    return { identity, size, state: await engine.deviceState(reader) };
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
