// The kinds of processes in a pipeline, told apart by the host that they run on and by their command lines.
import type { Far } from "../support/hosts/hosts.ts";
import type { Host } from "./processes.ts";

/** The prefix of a path: the host that a file is on. */
export type Side = "" | "one:" | "two:";

/** A kind of process in a pipeline. */
export interface Role {
  name: string;
  /** The host that it runs on. */
  host: Host;
  /** Matches its command line. */
  pattern: RegExp;
  /** The host that a message about its end must name, if that is not this one. */
  about?: Far;
  /** The program of a pipeline joined by hand that it belongs to; several if the command line does not tell. */
  places?: readonly number[];
  /** The only destination that it works for, by its place among several: the others are complete without it. */
  destination?: number;
  /** True if it lives for milliseconds only: a shell that becomes the program. */
  isBrief?: boolean;
  /** True for the whole process group: what Ctrl-C and a service manager signal. */
  isGroup?: boolean;
  /** True if it makes files with temporary names, which stay if it is killed. */
  makesFiles?: boolean;
}

/** The host of a side; undefined for this one. */
export function hostOf(side: Side): Far | undefined {
  return side === "" ? undefined : (side.slice(0, -1) as Far);
}

/** The roles of `sync` itself, and of a copy that it makes by stages. */
export function rolesOfSync([from, to]: readonly [Side, Side]): Role[] {
  return [SYNC, GROUP, ...end(from, "retrieve"), ...end(to, "receive")];
}

/** `sync`, from the first line of its launcher on. */
export const SYNC: Role = {
  name: "sync",
  host: "here",
  pattern: /^(?:\S*node |\/bin\/sh |nsenter ).*(?:main\.js|blockcopy) sync /,
  makesFiles: true,
};

/** `sync` and all that it has started on this host: its process group. */
export const GROUP: Role = { ...SYNC, name: "all here", isGroup: true };

/** The roles of `sync` itself, and of its copies to several destinations. */
export function rolesOfMany(to: readonly Side[]): Role[] {
  const each = to.flatMap((side, destination) =>
    end(side, "receive").map((role) => ({ ...role, destination })),
  );
  return [SYNC, GROUP, ...each];
}

/** The roles of a pipeline that was joined by hand, with the sides of its programs. */
export function rolesByHand(sides: readonly [Side, Side, Side]): Role[] {
  const roles = new Map<string, Role>();
  for (const [place, stage] of (["checksum", "retrieve", "save"] as const).entries()) {
    for (const role of end(sides[place] ?? "", stage)) {
      const places = [...(roles.get(role.name)?.places ?? []), place];
      roles.set(role.name, { ...role, places });
    }
  }
  return [...roles.values()];
}

/** All processes between `sync` and a stage, and the stage. */
function end(side: Side, stage: string): Role[] {
  const far = hostOf(side);
  const pattern = new RegExp(`^(?:nsenter .*)?\\S*node .*main\\.js ${stage} `);
  const makesFiles = stage === "receive";
  if (far === undefined) return [{ name: `${stage} here`, host: "here", pattern, makesFiles }];
  return [
    { name: `${stage} on ${far}`, host: far, pattern, about: far, makesFiles },
    ssh(far, stage),
    session(far),
    shell(far),
  ];
}

/** The ssh that runs a stage on a host. */
function ssh(far: Far, stage: string): Role {
  const pattern = sshPattern(far, String.raw`${stage}\b`);
  return { name: `ssh to ${far} for ${stage}`, host: "here", pattern, about: far };
}

function sshPattern(far: Far, command: string): RegExp {
  return new RegExp(String.raw`^/usr/bin/ssh .*\b${far} .*\b${command}`);
}

/** The process of sshd that has the connection. */
function session(far: Far): Role {
  return { name: `sshd on ${far}`, host: far, pattern: /^(?:sshd: |\S*sshd .*-R)/, about: far };
}

/** The login shell, and the sh that looks for blockcopy. */
function shell(far: Far): Role {
  const pattern = /^(?:bash|sh) -c /;
  return { name: `shell on ${far}`, host: far, pattern, about: far, isBrief: true };
}

/** The connection of a later stream to its destination, and the stage there. A copy may survive the loss of either. */
export function rolesOfLater(far: Far): Role[] {
  const name = "receive of a later stream";
  const later = String.raw`receive\b.* --part=(?!1/)`;
  return [
    { ...ssh(far, "receive"), name: `ssh to ${far} for ${name}`, pattern: sshPattern(far, later) },
    {
      name: `${name} on ${far}`,
      host: far,
      pattern: new RegExp(String.raw`^\S*node .*main\.js ${later}`),
      about: far,
    },
  ];
}

/** The script that calls ssh, and waits for it. */
export const WRAPPER: Role = {
  name: "wrapper",
  host: "here",
  pattern: /^\/bin\/sh \S*\/wrapper /,
  about: "one",
};

/** The ssh that shares its connection with others and stays after them. */
export const MASTER: Role = {
  name: "master",
  host: "here",
  pattern: /^ssh: .*\[mux\]/,
  about: "one",
};

/** A program on the other host that runs the stage and waits for it, as sudo does. */
export const SUDO: Role = {
  name: "sudo on one",
  host: "one",
  pattern: /^\/bin\/sh \S*\/sudo /,
  about: "one",
};

/** The shell that runs a stage of blockcopy 0.0.2, and stays. */
export function legacyShell(far: Far): Role {
  return { ...shell(far), name: `script on ${far}`, isBrief: false };
}

/** The processes that send blockcopy to a host, and keep it there. */
export const SENDING: readonly Role[] = [
  {
    name: "ssh that sends",
    host: "here",
    pattern: /^\/usr\/bin\/ssh .*(?:input-type|gzip -dc)/,
    about: "one",
  },
  {
    name: "Node that keeps",
    host: "one",
    pattern: /^node .*--input-type/,
    about: "one",
    makesFiles: true,
  },
  {
    name: "shell that keeps",
    host: "one",
    pattern: /^sh -c .*gzip -dc/,
    about: "one",
    makesFiles: true,
  },
];
