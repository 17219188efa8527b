/** The facts that a row must report, with their values; `says` is text that the command must print. */
export interface Expected {
  readonly [fact: string]: string | number | RegExp;
}

export interface DiskPlan {
  readonly bus?: "nvme" | "virtio";
  readonly sector?: 512 | 4096;
  readonly mebibytes: number;
  /** Served by the driver: it can have bad sectors, and loses what was not flushed when the power is cut. */
  readonly volatile?: true;
}

/** One start of the guest: its disks, and the rows that `inside/topics/NAME.sh` must report. */
export interface Topic {
  readonly name: string;
  readonly disks: Readonly<Record<string, DiskPlan>>;
  readonly rows: Readonly<Record<string, Expected>>;
  /** Of the guest. A topic that names it boots a guest of its own. */
  readonly memory?: string;
}

/** A copy that succeeds and is complete. */
export const COPIED: Expected = { code: 0, destination: "equal" };
