#!/bin/sh
# Starts the program: does what has to be done before Node runs, and then is Node. Nothing here is started but copies of this shell, and
# readlink(1) where this file is called by a link.
# Only keywords and the utilities `[`, read, command, printf and ulimit, which shells have built in. scripts/build-cli.ts puts in what
# stands between @ signs; the variables are in src/native/node-start.ts.

# Node opens a debugger for whoever sends SIGUSR1, and until this shell catches it, it ends the process. Until Node runs it is answered here.
trap 'printf "%s\n" "blockcopy: nothing has begun yet" >&2' USR1

# With too few descriptors Node dies of a signal, or this shell finds nothing in the PATH. The soft limit is set only to see if the hard
# limit allows it: Node raises it to the hard one. To read the hard limit, this shell would have to start a process, or make 600 system calls.
if ! ulimit -S -n @FILES@ 2> /dev/null; then
  printf '%s\n' "ERROR (blockcopy): cannot start: fewer than @FILES@ files may be open; raise the limit (\`ulimit -n\`, LimitNOFILE)" >&2
  exit 69
fi

# Node waits forever for a thread of its own that could not start. So as many processes are started first: each waits for the next one.
# A shell that cannot start one ends, with its own message before this one.
tasks() {
  [ "$1" -eq 0 ] || (tasks "$(($1 - 1))" && :)
}
trap 'printf "%s\n" "ERROR (blockcopy): cannot start: fewer than @TASKS@ more processes and threads can be started; raise the limit (\`ulimit -u\`, TasksMax), or end others" >&2; exit 69' 0
tasks @TASKS@ || exit 69
trap - 0

# Node resets what a shell or nohup(1) has had ignored, so it is told.
BLOCKCOPY_IGNORED=0
if [ -r /proc/self/status ]; then
  while read -r key value; do
    case $key in
      SigIgn:)
        BLOCKCOPY_IGNORED=$value
        break
        ;;
    esac
  done < /proc/self/status
fi
export BLOCKCOPY_IGNORED

# Node opens /dev/null in the place of a closed standard input, which then looks empty, and of a closed standard output, where what is
# written is lost.
BLOCKCOPY_CLOSED=
{ command true 3<&0; } 2> /dev/null || BLOCKCOPY_CLOSED=0
{ command true 3>&1; } 2> /dev/null || BLOCKCOPY_CLOSED=${BLOCKCOPY_CLOSED}1
export BLOCKCOPY_CLOSED

# What Node and its libraries would take from the environment is put aside. What connects to other hosts gets it back.
for name in @VARIABLES@; do
  eval "case \${$name+x} in
    x) @ASIDE@$name=\$$name; export @ASIDE@$name; unset $name ;;
    *) unset @ASIDE@$name ;;
  esac"
done

# A read of a pipe that stays silent takes one of libuv's threads: there are more than can be taken.
UV_THREADPOOL_SIZE=@THREADS@
export UV_THREADPOOL_SIZE

if ! command -v node > /dev/null; then
  printf '%s\n' "ERROR (blockcopy): there is no Node in the PATH ($PATH); install @NODE@, or name its folder in PATH" >&2
  exit 69
fi

self=$0
case $self in
  */*) ;;
  *) [ -e "./$self" ] && self=./$self || self=$(command -v -- "$self") ;;
esac
while [ -h "$self" ]; do
  if ! link=$(readlink -- "$self"); then
    printf '%s\n' "ERROR (blockcopy): cannot read the link $self; see that readlink(1) is in the PATH, or call the file that it leads to" >&2
    exit 69
  fi
  case $link in
    /*) self=$link ;;
    *) self=${self%/*}/$link ;;
  esac
done

# Ignored until Node blocks it, which is the first thing that it does.
trap '' USR1
exec node "@INSPECTOR@" "${self%/*}/main.js" "$@"
