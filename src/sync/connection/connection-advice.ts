import { quoteWord } from "./shell-words.ts";

/** A host, for advice. */
interface Host {
  /** The command that logs in there, for a person to try. */
  loginCommand: string;
  /** Its name, without the user. */
  host: string;
}

/** A message that ssh, sshd, a login shell or sudo prints, and the advice on it. `named` is what the group of the pattern has matched. */
type KnownMessage = readonly [message: RegExp, advice: (host: Host, named?: string) => string];

/**
 * Returns a login command that asks before it accepts the key of the host. With `BatchMode` or `StrictHostKeyChecking=yes`, ssh would refuse
 * it without asking. The first value of an option wins.
 */
function withQuestion(loginCommand: string): string {
  return loginCommand.replace(/^\S*\bssh(?= )/, "$& -o BatchMode=no -o StrictHostKeyChecking=ask");
}

const SUDOERS =
  "let sudo run it there without a password (NOPASSWD in sudoers(5)), or log in as root";

/** The message of a shell that cannot find sudo. sudo itself says `sudo: NAME: command not found` of another program. */
const NO_SUDO =
  /\bsudo: (?:[Cc]ommand )?not found|not found: sudo|[Uu]nknown command:? \W?sudo|\bsudo: (?:No such file|inaccessible)/;

/** True for the message of a shell that cannot find sudo. */
export function isWithoutSudo(line: string): boolean {
  return NO_SUDO.test(line);
}

/** The message of the dynamic linker of glibc or musl. It ends a program with the exit code of a shell that finds none. */
const UNLINKED = /error while loading shared libraries: |Error loading shared library /;

/** True for the message of the dynamic linker about a program that exists and cannot start. */
export function isUnlinked(line: string): boolean {
  return UNLINKED.test(line);
}

/** Known causes. The first match wins, because a later message is often only a consequence. */
const KNOWN_MESSAGES: readonly KnownMessage[] = [
  // The connection.
  [
    // One of the last five lines that ssh prints about it; the one in capitals is the second of 13. It has the name in known_hosts, as
    // [HOST]:PORT for another port than 22, and that of a gateway if the key of that has changed.
    /\bhost key for (\S+) has changed/i,
    ({ host }, named = host) =>
      `ask its administrator for its key; if that was changed, forget the old one with \`ssh-keygen -R ${quoteWord(named)}\`, and log in once`,
  ],
  [
    /[Hh]ost key verification failed|host key is known for/,
    ({ loginCommand }) =>
      `compare the fingerprint that \`${withQuestion(loginCommand)} true\` shows with that of the host (there: \`ssh-keygen -lf\` of /etc/ssh/ssh_host_*_key.pub), and only then accept it`,
  ],
  [
    /[Tt]oo many authentication failures/,
    () => "name the one key that fits: -e 'ssh -i KEY -o IdentitiesOnly=yes'",
  ],
  [
    /UNPROTECTED PRIVATE KEY FILE|bad permissions/,
    () => "let only its owner read the key (`chmod 600`)",
  ],
  [
    /Bad owner or permissions|[Bb]ad configuration option/,
    () => "correct the ssh configuration file that the message names",
  ],
  [
    /no matching (?:host key type|key exchange|cipher|MAC)|Unable to negotiate/,
    () =>
      "update ssh on the older of the two hosts, or allow the algorithms of the other one in ssh_config(5)",
  ],
  [
    /[Pp]assword (?:has )?expired|required to change your password|[Pp]assword change required/,
    ({ loginCommand }) => `log in once and change the password: \`${loginCommand}\``,
  ],
  [
    /Permission denied \(/,
    ({ loginCommand }) =>
      `make sure that \`${loginCommand} true\` needs no password: the key must be in authorized_keys there, and under cron and sudo there is no ssh-agent`,
  ],
  [
    /Could not resolve|Name or service not known|name resolution|nodename nor servname/,
    () => "check the name of the host (`getent hosts`)",
  ],
  [
    /Connection refused/,
    () =>
      "make sure that sshd runs there, and check its port: ssh://HOST:PORT/PATH gives another one",
  ],
  [
    /timed out|No route to host|Network is unreachable|Host is down/i,
    ({ host }) =>
      `make sure that the host is up, and that no firewall is in the way (\`ping ${host}\`)`,
  ],
  [
    /open failed|[Ss]ession (?:open|request) (?:refused|failed)|no more sessions/,
    () => "use fewer --streams, or raise MaxSessions in sshd_config(5) there",
  ],
  [
    /MaxStartups|ssh_exchange_identification|kex_exchange_identification|banner exchange/,
    ({ loginCommand }) =>
      `use fewer --streams, or fewer destinations on that host, if there are several (MaxStartups in sshd_config(5)), and make sure that an sshd answers: \`${loginCommand} true\``,
  ],
  // The account.
  [/[Tt]oo many logins/, () => "use fewer --streams, or raise maxlogins in limits.conf(5) there"],
  [
    /is currently not available|\bnologin\b|[Aa]ccount (?:has )?(?:is )?(?:expired|disabled|locked)/,
    () => "log in as a user who has a shell there (USER@HOST), or give this one a shell (`chsh`)",
  ],
  [
    /sftp connections only/,
    () =>
      "log in as a user who may run commands there: sshd_config(5) allows this user only sftp (ForceCommand)",
  ],
  [
    /going down|not permitted to log in|pam_nologin/,
    () => "run it again when that host accepts logins again (/run/nologin)",
  ],
  // sudo.
  [
    /must have a tty to run sudo/,
    () =>
      "take requiretty away for this user (`Defaults:USER !requiretty` in sudoers(5)), or log in as root without --sudo",
  ],
  [NO_SUDO, () => "install sudo there, or log in as root without --sudo"],
  [
    /not in the sudoers|is not allowed to (?:execute|run)|may not run sudo/,
    () => `${SUDOERS}: the rule must allow blockcopy by its full path`,
  ],
  [
    /sudo: .*no new privileges/,
    () => "log in as root without --sudo: sudo cannot gain privileges there",
  ],
  [/^sudo: |\bsudo: /, () => SUDOERS],
  // The shell and the program.
  [
    /\(serve\): this key does not allow /,
    () =>
      "leave out --wire, and give only the path of blockcopy with --remote-command; or log in with another key: this one is for `sync` and `compare` alone",
  ],
  [
    /^ERROR \(serve\): /,
    () =>
      "have the command of that key corrected there (command= in authorized_keys, ForceCommand in sshd_config(5))",
  ],
  [
    /bad interpreter|env: .*node.*: No such file|exec: node: not found/,
    () => "install Node there, in the PATH of a login by ssh, or install blockcopy there again",
  ],
  [
    /[Ee]xec format error|[Cc]annot execute/,
    () => "install blockcopy there for that kind of machine",
  ],
  [
    /rbash|restricted/i,
    () =>
      "log in as a user with an ordinary shell: a restricted one, or a forced command (command= in authorized_keys), is in the way",
  ],
  [
    /not allowed|not permitted|only .*(?:allowed|permitted)|[Uu]nknown command|unrecognized command/,
    () =>
      "log in with another key or user: a forced command (command= in authorized_keys, ForceCommand in sshd_config(5)) is in the way",
  ],
  [
    /cannot fork|Resource temporarily unavailable|Cannot allocate memory/,
    () => "free processes or memory there (`ulimit -u`) and run again",
  ],
  [/Too many open files/, () => "raise the limit on open files (`ulimit -n`) and run again"],
  [/No space left on device/, () => "make room on that host and run again"],
  [
    UNLINKED,
    () =>
      "free memory there, or install that library, or the single executable of blockcopy, which needs none",
  ],
];

/**
 * Returns advice on a host where no stage could be started.
 *
 * @param lines the last lines from the host, or from the remote shell
 * @returns undefined if no line has a known cause
 */
export function adviceOnOutput(lines: readonly string[], host: Host): string | undefined {
  for (const [message, advice] of KNOWN_MESSAGES) {
    const line = lines.find((text) => message.test(text));
    if (line !== undefined) {
      return advice(host, message.exec(line)?.[1]);
    }
  }
  return undefined;
}
