# Runs a command of LVM without its advice. If it fails, the topic cannot go on.
export LVM_SUPPRESS_FD_WARNINGS=1
lvm_quietly() {
  "$@" --quiet --yes --config 'activation { monitoring = 0 }' >/tmp/lvm 2>&1 && return
  echo "$* fails: $(cat /tmp/lvm)"
  exit 1
}
