import { blockcopy, blockcopyWithBlake3, PEER, peer, RSYNC, rsync } from "../contenders.ts";
import type { Scenario } from "../scenario.ts";

/** The usual night: most is the same, and the stages send what is not. */
export const changed: Scenario = {
  name: "changed",
  title: "Three stages, 1 % changed",
  about:
    "`checksum | retrieve | save` on one machine: random data, one block of 128 KiB in a hundred changed, page cache warm. `blockcopy` alone sends SHA3-512, as 0.0.2 does; with `--extended --digest blake3` both of its ends must be this program. The other two are followed by `sync FILE`, in the time that is measured: they do not sync by themselves.",
  unit: "s",
  contenders: (bench) => [blockcopy(bench), blockcopyWithBlake3(bench), peer(bench), rsync(bench)],
  reference: ({ tools }) => [tools.peer === undefined ? RSYNC : PEER],
  setUp: ({ pair }) => {
    pair.changeSome();
    pair.warm();
  },
  check: ({ pair }) => pair.check(),
};
