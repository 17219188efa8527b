/** The way to a host, for advice. */
interface Way {
  /** The command that reaches it, for a person to try. */
  reach: string;
  /** Its name, without the user. */
  host: string;
}

/** A cause, by words that ssh, sshd, a login shell or sudo prints. */
type Cause = readonly [said: RegExp, advice: (way: Way) => string];

/**
 * The command that reaches a host, but asks whether to accept its key: with `BatchMode` or `StrictHostKeyChecking=yes`, ssh refuses it unasked. Of several
 * values of an option, ssh takes the first.
 */
function asking(reach: string): string {
  return reach.replace(/^\S*\bssh(?= )/, "$& -o BatchMode=no -o StrictHostKeyChecking=ask");
}

const SUDOERS =
  "let sudo run it there without a password (NOPASSWD in sudoers(5)), or log in as root";

/** In this order: what is said last is often only a consequence. */
const CAUSES: readonly Cause[] = [
  // The connection.
  [
    /HOST IDENTIFICATION HAS CHANGED/,
    ({ host }) =>
      `ask its administrator for its key; if that was changed, forget the old one with \`ssh-keygen -R ${host}\``,
  ],
  [
    /[Hh]ost key verification failed|host key is known for/,
    ({ reach }) =>
      `compare the fingerprint that \`${asking(reach)} true\` shows with that of the host (\`ssh-keygen -lf\` there of its /etc/ssh/ssh_host_*_key.pub), and only then accept it`,
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
    () => "correct the configuration of ssh that it names",
  ],
  [
    /no matching (?:host key type|key exchange|cipher|MAC)|Unable to negotiate/,
    () =>
      "update ssh on the older of the two hosts, or allow in ssh_config(5) what the other one offers",
  ],
  [
    /[Pp]assword (?:has )?expired|required to change your password|[Pp]assword change required/,
    ({ reach }) => `log in once and change the password: \`${reach}\``,
  ],
  [
    /Permission denied \(/,
    ({ reach }) =>
      `see that \`${reach} true\` needs no password: the key must be in authorized_keys there, and under cron and sudo there is no ssh-agent`,
  ],
  [
    /Could not resolve|Name or service not known|name resolution|nodename nor servname/,
    () => "check the name of the host (`getent hosts`)",
  ],
  [
    /Connection refused/,
    () => "see that sshd runs there, and on which port: ssh://HOST:PORT/PATH gives another one",
  ],
  [
    /timed out|No route to host|Network is unreachable|Host is down/i,
    ({ host }) => `see that the host is up, and that no firewall is in the way (\`ping ${host}\`)`,
  ],
  [
    /open failed|[Ss]ession (?:open|request) (?:refused|failed)|no more sessions/,
    () => "use fewer --streams, or raise MaxSessions in sshd_config(5) there",
  ],
  [
    /MaxStartups|ssh_exchange_identification|kex_exchange_identification|banner exchange/,
    ({ reach }) =>
      `use fewer --streams if there are several (MaxStartups in sshd_config(5)), and see that an sshd answers: \`${reach} true\``,
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
      "log in as a user who may run commands there: sshd_config(5) allows this one only sftp (ForceCommand)",
  ],
  [
    /going down|not permitted to log in|pam_nologin/,
    () => "run it again when that host is up: logins are closed now (/run/nologin)",
  ],
  // sudo.
  [
    /must have a tty to run sudo/,
    () =>
      "take requiretty away for this user (`Defaults:USER !requiretty` in sudoers(5)), or log in as root without --sudo",
  ],
  [
    /sudo: (?:command )?not found|sudo: No such file|sudo: inaccessible/,
    () => "install sudo there, or log in as root without --sudo",
  ],
  [
    /not in the sudoers|is not allowed to (?:execute|run)|may not run sudo/,
    () => `${SUDOERS}: the rule must allow blockcopy by its full path`,
  ],
  [
    /sudo: .*no new privileges/,
    () => "log in as root without --sudo: privileges cannot change there",
  ],
  [/^sudo: |\bsudo: /, () => SUDOERS],
  // The shell and the program.
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
];

/**
 * Advice on a host where no stage could be started.
 *
 * @param said the last lines that came from there, or from the program that connects
 * @returns undefined where none of them names a known cause
 */
export function adviceOnSaid(said: readonly string[], way: Way): string | undefined {
  for (const [pattern, advice] of CAUSES) {
    if (said.some((line) => pattern.test(line))) {
      return advice(way);
    }
  }
  return undefined;
}
