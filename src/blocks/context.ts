import type * as Binding from "../native/binding.js";
import type { Progress } from "../ui/progress.ts";
import type { Cancellation } from "./cancellation.ts";

/** Whether files and devices are accessed past the page cache: where that is possible and better, always, or never. */
export type Direct = "auto" | "on" | "off";

/** What a stage works with. */
export interface StageContext {
  /** The addon. */
  native: typeof Binding;
  /** The engine's threads. */
  engine: Binding.Engine;
  /** Whether to go past the page cache. */
  direct: Direct;
  /** What people see. */
  progress: Progress;
  /** Tells if the stage has to end early. */
  cancellation: Cancellation;
  /** Says something that a person should know although all is well. */
  warn: (message: string) => void;
  /** Says something that has been done and that nobody has asked for in so many words. */
  tell: (message: string) => void;
  /** Says something that only matters when looking for a fault. */
  debug: (message: string) => void;
}
