import { run } from "../../common/processes.ts";
import { ours, PEER, RSYNC, timed } from "../contenders.ts";
import { halfEmpty, programs, type Image } from "../data/image.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";
import { here, HOST, lackingHost, there } from "../machine/shaped-host.ts";

const LINK =
  "From one host to another over ssh, with a link of 1 Gbit/s (125 MB/s, headers and all) between them: two network namespaces of one machine, so that both ends and both ciphers share its cores. All end with the destination on the disk.";

/** The usual night: little has changed. */
export const hostsChanged: Scenario = {
  name: "hosts-changed",
  title: "Between hosts, 1 % changed",
  about: `${LINK} Random data, one block of 128 KiB in a hundred changed, page cache warm. rsync over the same ssh; blockcopy.py as its README says, with a connection for each stage that is not here.`,
  unit: "s",
  whyNot: lackingHost,
  contenders: (bench) => [
    synced("blockcopy sync", bench, bench.pair.source),
    ...rsync(bench),
    peer(bench),
  ],
  reference: () => [PEER],
  setUp: ({ pair }) => {
    pair.changeSome();
    pair.warm();
  },
  check: ({ pair }) => pair.check(),
};

/** The first night, or another image: nothing is the same, and nothing shrinks. */
export const hostsDifferent: Scenario = {
  name: "hosts-different",
  title: "Between hosts, all different",
  about: `${LINK} Random data with no block where it was, compared with \`ssh\` that moves all of it into \`dd conv=fsync\`, and into nothing.`,
  unit: "s",
  whyNot: lackingHost,
  contenders: (bench) => [
    synced("blockcopy sync", bench, bench.pair.source),
    piped("ssh cat", bench, bench.pair.source),
    into("ssh cat, to /dev/null", bench.pair.source, "cat > /dev/null"),
  ],
  reference: () => ["ssh cat"],
  setUp: ({ pair }) => {
    pair.changeAll();
    pair.warm();
  },
};

/** The disk of a virtual machine, over what another one has left. */
export const hostsHalfEmpty: Scenario = {
  name: "hosts-half-empty",
  title: "Between hosts, a half-empty image",
  about: `${LINK} The files of /usr/bin and /usr/lib one after another, with zeros for every other 16 MiB, up to 1 GiB, over random data.`,
  unit: "s",
  whyNot: lackingHost,
  contenders: (bench) => {
    const { path } = halfEmpty(programs(bench));
    return [
      synced("blockcopy sync", bench, path),
      synced("blockcopy sync --sparse", bench, path, ["--sparse"]),
      synced("the same, zstd:1, AES-GCM", bench, path, [
        "--sparse",
        "--compress",
        "zstd:1",
        "-e",
        "ssh -c aes128-gcm@openssh.com",
      ]),
      piped("ssh cat", bench, path),
    ];
  },
  reference: () => ["ssh cat"],
  setUp: (bench) => {
    const image: Image = halfEmpty(programs(bench));
    run([
      "dd",
      `if=${bench.pair.source}`,
      `of=${bench.pair.destination}`,
      "bs=1M",
      ...first(image),
    ]);
    run(["truncate", "-s", String(image.size), bench.pair.destination]);
    bench.pair.warm();
  },
};

function first({ size }: Image): string[] {
  return [`count=${size / 2 ** 20}`, "status=none"];
}

/** This program, made to leave what it copied equal to `source`. */
function synced(
  name: string,
  { tools, pair }: Bench,
  source: string,
  options: readonly string[] = [],
): Contender {
  const words = [...options, source, `${HOST}:${pair.destination}`];
  return ours(
    checked(
      timed(name, [[here([...tools.blockcopy.command, "sync", "-q", ...words])]]),
      source,
      pair,
    ),
  );
}

/** Moves all bytes as they are, and syncs them at the other end. */
function piped(name: string, { pair }: Bench, source: string): Contender {
  const dd = `dd of=${pair.destination} bs=1M iflag=fullblock conv=notrunc,fsync status=none`;
  return checked(into(name, source, dd), source, pair);
}

function into(name: string, source: string, command: string): Contender {
  return timed(name, [[["cat", source], there(command)]]);
}

function rsync({ tools, pair: { source, destination } }: Bench): Contender[] {
  if (tools.rsync === undefined) return [{ name: RSYNC, missing: "not installed" }];
  const options = ["--inplace", "--no-whole-file", "--ignore-times", "-e", "ssh"];
  return [[], ["-z"]].map((more) =>
    timed([RSYNC, ...more].join(" "), [
      [here(["rsync", ...options, ...more, source, `${HOST}:${destination}`])],
      [["sync", destination]],
    ]),
  );
}

function peer({ tools, pair: { source, destination } }: Bench): Contender {
  if (tools.peer === undefined) return { name: PEER, missing: "no --peer given" };
  const { command } = tools.peer;
  const far = command.join(" ");
  return timed(PEER, [
    [
      there(`${far} checksum ${destination}`),
      [...command, "retrieve", source],
      there(`${far} save ${destination}`),
    ],
    [["sync", destination]],
  ]);
}

/** A contender whose result is compared. */
function checked(contender: Contender, source: string, { destination }: Bench["pair"]): Contender {
  if ("missing" in contender) return contender;
  return {
    ...contender,
    run: () => {
      const taken = contender.run();
      run(["cmp", source, destination]);
      return taken;
    },
  };
}
