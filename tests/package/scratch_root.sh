#!/usr/bin/env bash
# scratch_root.sh DEB: installs the server's package in a copy of this system, runs it
# as its unit would, and removes it. Needs root and overlayfs, nothing of the real
# system changes: all is written into a tmpfs of a mount namespace of its own.
#
# Prints what the server prints, then waits for a line on standard input; then stops
# the server and says `removed` once nothing of the package is left.
set -euo pipefail
deb=$(realpath "$1")
# In a chroot, whose root is no mount point, there is no namespace to be had.
[ -n "${SCRATCH_NAMESPACE:-}" ] ||
  unshare --mount --propagation private true 2>/dev/null ||
  { echo "scratch_root: no mount namespace here"; exit 77; }
[ -n "${SCRATCH_NAMESPACE:-}" ] ||
  exec env SCRATCH_NAMESPACE=1 unshare --mount --propagation private bash "$0" "$deb"

fail() { printf 'scratch_root: %s\n' "$*"; exit 1; }

space=$(mktemp -d)
server=''
leave() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  umount -lR "$space" && rmdir "$space"
}
trap leave EXIT
mount -t tmpfs scratch "$space"
mkdir "$space"/{written,work,root}
root=$space/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$space/written,workdir=$space/work" "$root" ||
  { echo "scratch_root: no overlayfs here"; exit 77; }
for m in proc dev; do mount --rbind "/$m" "$root/$m"; done
cp "$deb" "$root/tmp/velo.deb"

inside=(chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive)
within() { "${inside[@]}" "$@"; }

within dpkg -i /tmp/velo.deb
within test -x /usr/bin/velo
within velo check-config --config /etc/velo/velo.toml >/dev/null
unit=/usr/lib/systemd/system/velo.service
if within test -x /usr/bin/systemd-analyze; then
  within systemd-analyze verify --man=no "$unit" || fail "systemd refuses $unit"
fi

# What ExecStart= says, on a free port.
read -ra command < <(sed -n 's/^ExecStart=//p' "$root$unit")
within mkdir -m 0700 -p /var/lib/velo
"${inside[@]}" "${command[@]}" --port 0 &
server=$!
read -r _ || true
kill "$server"
wait "$server" || fail "the server ended with $?"
server=''

within dpkg -r velo
! within test -e /usr/bin/velo || fail "the program is still there after the removal"
within test -e /etc/velo/velo.toml || fail "the configuration is gone after the removal"
within test -e /var/lib/velo || fail "the data is gone after the removal"
within dpkg -P velo
left=$(cd "$space/written" && find etc/velo var/lib/velo usr/bin/velo usr/lib/systemd/system \
  usr/share/doc/velo -type f 2>/dev/null || true)
[ -z "$left" ] || fail "left after the purge: $left"
echo removed
