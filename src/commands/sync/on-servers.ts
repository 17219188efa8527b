import type { CopyResult } from "../../sync/copy-result.ts";
import type { LocalContext } from "../../sync/local.ts";
import { isCommand } from "../server-command.ts";
import type { WorkOnEnds } from "./work-on-ends.ts";

/**
 * Does work whose operands may be commands of servers, which run until it is done. Only then, what starts servers is loaded.
 *
 * @throws the errors of `withServers`, those of the work
 */
export async function onServers(
  context: LocalContext,
  operands: readonly string[],
  work: WorkOnEnds,
): Promise<CopyResult> {
  if (!operands.some(isCommand)) {
    return work(context, operands, undefined);
  }
  const { withServers } = await import("./end-servers.ts");
  return withServers(context, operands, work);
}
