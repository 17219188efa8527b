// The errors with which each system call is made to fail.

/** Errors of calls on files that the disk, the file system or the system itself can cause. */
const DISK = ["EIO", "ENOMEM", "EINTR"];
const FULL = ["ENOSPC", "EDQUOT", "EFBIG", "EROFS"];
const HANDLES = ["EMFILE", "ENFILE", "ENOMEM"];
/** Answers of an old kernel, a container or a file system to a call that it does not know or allow. */
const UNKNOWN = ["ENOSYS", "EPERM", "EOPNOTSUPP", "EINVAL"];
const NAMES = ["ENOENT", "EACCES", "EIO", "ENOMEM", "EROFS"];

/** Errors by call. */
const ERRORS: Readonly<Record<string, readonly string[]>> = {
  openat: [...HANDLES, "ENOENT", "EACCES", "EPERM", "EIO", "EINTR", "ENXIO"],
  read: [...DISK, "EAGAIN", "EBADMSG"],
  pread64: [...DISK, "EINVAL", "EOPNOTSUPP", "ENODATA"],
  preadv2: [...DISK, "EAGAIN", ...UNKNOWN],
  write: [...DISK, ...FULL, "EPIPE", "EAGAIN"],
  writev: [...DISK, ...FULL, "EPIPE", "EAGAIN"],
  pwritev2: [...DISK, ...FULL, "EPIPE", "EAGAIN", ...UNKNOWN],
  pwrite64: [...DISK, ...FULL, "EINVAL", "EOPNOTSUPP"],
  fdatasync: ["EIO", "ENOSPC", "EDQUOT", "EROFS", "EINTR"],
  fsync: ["EIO", "ENOSPC", "EDQUOT", "EROFS", "EINTR"],
  close: ["EIO", "ENOSPC", "EDQUOT", "EINTR"],
  ftruncate: [...DISK, ...FULL],
  fallocate: [...DISK, ...FULL, ...UNKNOWN],
  statx: [...DISK, "ENOENT", "EACCES", ...UNKNOWN],
  fstat: ["EIO", "ENOMEM", "EOVERFLOW"],
  newfstatat: ["EIO", "ENOMEM", "EACCES", "ENOENT"],
  statfs: ["EIO", "ENOSYS", "EINTR"],
  fstatfs: ["EIO", "ENOSYS", "EINTR"],
  ioctl: ["ENOTTY", "EIO", "EPERM", "ENOMEM"],
  fcntl: ["EINVAL", "EPERM", "ENOMEM", "EMFILE", "ENOLCK"],
  // Not ENXIO: that is no failure, but says that no more data follows.
  lseek: ["EINVAL", "EIO", "ESPIPE"],
  getdents64: ["EIO", "ENOMEM"],
  readlink: NAMES,
  rename: [...NAMES, "ENOSPC", "EBUSY"],
  unlink: [...NAMES, "EBUSY"],
  unlinkat: [...NAMES, "EBUSY"],
  flock: ["ENOLCK", "EAGAIN", "EINTR", "ENOSYS"],
  fadvise64: UNKNOWN,
  sync_file_range: UNKNOWN,
  copy_file_range: UNKNOWN,
  sendfile: UNKNOWN,
  faccessat2: UNKNOWN,
  fchown: ["EPERM", "EIO", "EROFS"],
  fchmod: ["EPERM", "EIO", "EROFS"],
  utimensat: ["EPERM", "EIO", "EROFS", "ENOSYS"],
  mmap: ["ENOMEM"],
  mprotect: ["ENOMEM"],
  clone: ["EAGAIN", "ENOMEM"],
  clone3: ["EAGAIN", "ENOMEM", "ENOSYS", "EPERM"],
  execve: ["ENOMEM", "EACCES", "EIO"],
  prctl: ["EINVAL"],
  getrandom: ["ENOSYS", "EINTR", "EPERM"],
  epoll_pwait: ["EINTR"],
  epoll_ctl: ["ENOMEM", "ENOSPC"],
  epoll_create1: HANDLES,
  eventfd2: HANDLES,
  pipe2: HANDLES,
  dup2: HANDLES,
  dup3: HANDLES,
  socket: [...HANDLES, "EPERM"],
  socketpair: HANDLES,
  connect: ["ECONNREFUSED", "ENOMEM"],
  sendto: ["ENOMEM", "EINTR", "ENOBUFS", "EPIPE", "ECONNRESET", "EAGAIN"],
  shutdown: ["ENOTCONN", "ENOMEM"],
  ppoll: ["ENOMEM", "EINTR"],
  poll: ["ENOMEM", "EINTR"],
  getsockname: ["ENOBUFS"],
  getsockopt: ["ENOBUFS"],
  sysinfo: ["EFAULT"],
  getcwd: ["ENOENT", "ENOMEM"],
  getgroups: ["EINVAL"],
  capget: ["EPERM"],
  sched_getaffinity: ["EINVAL", "EPERM"],
  prlimit64: ["EPERM", "ENOSYS"],
  getrusage: ["EFAULT"],
  access: ["ENOENT", "EIO"],
  chdir: ["ENOENT", "EACCES"],
};

/**
 * Calls that cannot fail as they are called here (see their man pages), or whose failure only ends the C library. brk(2) answers with
 * an address, never with an error.
 */
const INFALLIBLE: ReadonlySet<string> = new Set([
  "arch_prctl",
  "brk",
  "clock_nanosleep",
  "exit",
  "exit_group",
  "futex",
  "getegid",
  "geteuid",
  "getgid",
  "getpid",
  "getppid",
  "gettid",
  "getuid",
  "madvise",
  "munmap",
  "pkey_alloc",
  "rseq",
  "rt_sigaction",
  "rt_sigprocmask",
  "rt_sigreturn",
  "sched_yield",
  "set_robust_list",
  "set_tid_address",
  "restart_syscall",
  "uname",
  "wait4",
  // cachestat(2), which this strace cannot name: the tests of the crates make it fail.
  "syscall_0x1c3",
]);

/** The errors of a call; none if it cannot fail. Throws for a call that is missing in the table. */
export function errorsOf(call: string): readonly string[] {
  const errors = ERRORS[call];
  if (errors !== undefined) return errors;
  if (INFALLIBLE.has(call)) return [];
  throw new Error(`the program now calls ${call}: add its errors to the table of faults`);
}
