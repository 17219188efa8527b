import type * as Binding from "../native/binding.js";
import type { Progress } from "../ui/progress.ts";
import type { Cancellation } from "./cancellation.ts";

/** Use of direct I/O: where it is possible and faster, always, or never. */
export type Direct = "auto" | "on" | "off";

/** The environment of a stage. */
export interface StageContext {
  /** The addon. */
  native: typeof Binding;
  engine: Binding.Engine;
  direct: Direct;
  /** Shows the progress. */
  progress: Progress;
  /** Tells if the stage has to end early. */
  cancellation: Cancellation;
  /** Prints a warning; with an offset, about a difference that an audit has found there. */
  warn: (message: string, audit?: number) => void;
  /** Prints a warning about something that a person must undo. It is printed even with --quiet. */
  alarm: (message: string) => void;
  /** Prints a note about something that was done without being requested. */
  tell: (message: string) => void;
  /** Prints a detail for debugging. */
  debug: (message: string) => void;
}
