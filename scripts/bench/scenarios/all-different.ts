import { blockcopy, DD, dd } from "../contenders.ts";
import type { Scenario } from "../scenario.ts";

/** The first night: all is sent. */
export const allDifferent: Scenario = {
  name: "all-different",
  title: "Three stages, all different",
  about:
    "The same where no block is as it should be, compared with `dd bs=1M iflag=direct oflag=direct conv=notrunc,fsync`, which only reads and writes.",
  unit: "s",
  contenders: (bench) => [blockcopy(bench), dd(bench)],
  reference: () => [DD],
  setUp: ({ pair }) => {
    pair.changeAll();
    pair.warm();
  },
  check: ({ pair }) => pair.check(),
};
