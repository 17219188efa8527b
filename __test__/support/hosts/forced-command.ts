// A host that a key can do one thing on: an sshd of its own for each connection, with a forced command in authorized_keys. The network
// and the files are those of this machine; /etc/passwd has an account for the copies.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { scratch } from "../files/files.ts";
import { COMMAND, execute, type Outcome, quote, run, type RunOptions } from "../programs/cli.ts";
import { lackingRoot, system } from "../programs/tools.ts";

/** An account of Debian without a shell, which the host gives it. */
export const ACCOUNT = { name: "backup", id: 34 } as const;

/** The reason that there can be no such host here, or `false`. */
export const lackingForcedCommand: string | false =
  lackingRoot("ssh", "sshd", "ssh-keygen", "unshare") || lackingAccount();

function lackingAccount(): string | false {
  return (
    !readFileSync("/etc/passwd", "utf8").includes(`\n${ACCOUNT.name}:x:${ACCOUNT.id}:`) &&
    `there is no account ${ACCOUNT.name}`
  );
}

/** A host with a key for it. */
export interface KeyedHost {
  /** A folder that everyone can read. The home folder of the account is in it. */
  folder: string;
  home: string;
  /** The command that connects with the key, for `-e`. */
  rsh: string;
  /** Runs `sync` with it. */
  sync: (args: readonly string[], options?: RunOptions) => Promise<Outcome>;
  /** Runs ssh with it: options, host, command. */
  ssh: (...words: string[]) => Promise<Outcome>;
}

/**
 * Makes a host with a key that runs `blockcopy serve` with these words, which are in the shell of the account.
 *
 * @param settings lines of sshd_config(5)
 */
export function keyedHost(t: TestContext, serveWords: string, settings = ""): KeyedHost {
  const folder = scratch(t);
  chmodSync(folder, 0o755);
  const home = join(folder, "home");
  mkdirSync(home, { mode: 0o755 });
  for (const key of ["host", "id"])
    system("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(folder, key));
  const passwd = readFileSync("/etc/passwd", "utf8").replace(
    new RegExp(`^(${ACCOUNT.name}:.*):[^:]*:[^:]*$`, "m"),
    `$1:${home}:/bin/sh`,
  );
  writeFileSync(join(folder, "passwd"), passwd);
  const forced = `${quote(COMMAND)} serve ${serveWords}`.replaceAll('"', '\\"');
  const key = readFileSync(join(folder, "id.pub"), "utf8");
  writeFileSync(join(folder, "authorized_keys"), `restrict,command="${forced}" ${key}`);
  mkdirSync("/run/sshd", { recursive: true });
  writeFileSync(
    join(folder, "sshd_config"),
    `HostKey ${join(folder, "host")}
AuthorizedKeysFile ${join(folder, "authorized_keys")}
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
UsePAM no
PrintMotd no
Subsystem sftp internal-sftp
SetEnv PATH=${dirname(system("which", "node"))}:/usr/bin:/bin
${settings}
`,
  );
  const sshd = `/usr/sbin/sshd -i -f ${join(folder, "sshd_config")}`;
  const mount = `mount --bind ${join(folder, "passwd")} /etc/passwd && exec ${sshd}`;
  writeFileSync(join(folder, "known"), `* ${readFileSync(join(folder, "host.pub"), "utf8")}`);
  writeFileSync(
    join(folder, "ssh_config"),
    `Host *
  ProxyCommand unshare -m sh -c '${mount}'
  User ${ACCOUNT.name}
  IdentityFile ${join(folder, "id")}
  IdentitiesOnly yes
  UserKnownHostsFile ${join(folder, "known")}
  GlobalKnownHostsFile /dev/null
  BatchMode yes
`,
  );
  const rsh = `ssh -F ${join(folder, "ssh_config")}`;
  return {
    folder,
    home,
    rsh,
    sync: (args, options) => run(["sync", "-e", rsh, ...args], options),
    ssh: (...words) => execute([...rsh.split(" "), ...words]),
  };
}
