import type { Program } from "../transport/processes/program.ts";
import type { Listener } from "./listener.ts";
import { isDone } from "./failures/proof.ts";
import type { Side } from "./side.ts";
import type { Silence } from "./silence.ts";
import type { StageLogin } from "./connection/login.ts";

/** The observers of a stage. */
export interface Observers {
  listener: Listener;
  silence: Silence;
  /** True if the copy can go on with a new stage in the place of one whose connection is ended. */
  isReplaceable?: (side: Side) => boolean;
  /** True for a stage of 0.0.2, which prints nothing while it runs: only its start is watched. */
  isSilent?: boolean;
}

/**
 * Makes the program that runs the stage of a side. Its lines go to the listener, and its silence is watched.
 *
 * @param login that of a program that connects to another host
 */
export function stageProgram(
  side: Side,
  { command, login }: { command: Program["command"]; login?: StageLogin | undefined },
  { listener, silence, isSilent, isReplaceable }: Observers,
): Program {
  let endProgram: (() => void) | undefined;
  const what = `the stage at the ${side.role}`;
  const watch = silence.watch(side.end, { what, loginCommand: side.loginCommand }, (error) => {
    // A new stage would do the work of one that is done once more, and its connection would stay open too.
    const isOver = side.report !== undefined;
    if (endProgram === undefined || isOver || isReplaceable?.(side) !== true) {
      return false;
    }
    side.silence = error;
    endProgram();
    return true;
  });
  const take = listener.of(side);
  return {
    command,
    login: login && {
      ...login,
      ended: (status) => {
        // The wait for the next attempt, and for its turn, is no silence of the host.
        watch.end();
        return login.ended(status);
      },
    },
    onStart: (end) => {
      endProgram = end;
      // Lines of an earlier attempt do not explain the end of this one.
      side.lastLines.splice(0);
      watch.begin();
    },
    onLine: (text) => {
      watch.printed();
      take(text);
      if (side.hello === undefined) {
        return;
      }
      if (isSilent === true) {
        watch.end();
      } else {
        watch.loggedIn();
        login?.succeeded();
      }
      if (side.report !== undefined) {
        watch.done();
      }
    },
    isDone: (status) => {
      watch.end();
      side.ended();
      return isDone(side, status);
    },
  };
}
