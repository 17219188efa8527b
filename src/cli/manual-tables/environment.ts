import type { Entry } from "../help/layout.ts";

/** Environment variables that have an effect. */
export const ENVIRONMENT: readonly Entry[] = [
  ["BLOCKCOPY_WIRE", "0.0.2: send byte for byte what blockcopy 0.0.2 would send"],
  [
    "BLOCKCOPY_SIMD",
    "portable, avx2, avx512 or neon: compute SHA3-512 with this instruction set instead of the best one",
  ],
  ["DEBUG", "if not empty, the same as --verbose"],
  ["PATH", "where `node`, `ssh` and, on the other host, `blockcopy` are found"],
  ["SSH_ORIGINAL_COMMAND", "set by sshd: what `serve` is asked for"],
  [
    "SSH_CONNECTION",
    "set by sshd: the addresses that a stage with --transport tls names to the other one",
  ],
  [
    "BLOCKCOPY_SINGLE_FOLDER",
    "the only folder in which `sync` looks for a single executable to send to a host",
  ],
  ["TMPDIR", "folder for data that does not fit into memory; default: /var/tmp"],
  [
    "HOME, XDG_CACHE_HOME",
    "on the other host: where a blockcopy that `sync` sent there is kept; default: ~/.cache",
  ],
  [
    "TERM, NO_COLOR, LANG, LC_ALL, LC_CTYPE",
    "how a terminal is drawn on; only ASCII unless the locale is UTF-8",
  ],
  [
    "NODE_*, OPENSSL_*, SSL_CERT_*, UV_THREADPOOL_SIZE",
    "no effect on blockcopy; passed on to ssh and other programs given with -e",
  ],
];
