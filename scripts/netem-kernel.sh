#!/usr/bin/env bash
# Fetches a kernel that has netem, for tests/netem: Debian's, unpacked and not installed.
set -euo pipefail

cd "$(dirname "$0")/.."
folder=.setup/netem-kernel

if [ -e "$folder/vmlinuz" ]; then
  exit 0
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
  echo "netem-kernel: the kernel comes from a Debian package, and this system has no apt-get." >&2
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The meta package names the newest kernel package of this distribution.
package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ {print $2; exit}')
if [ -z "$package" ]; then
  echo "netem-kernel: apt knows no linux-image-cloud-amd64; is this Debian on amd64?" >&2
  exit 0
fi
echo "netem-kernel: fetching $package"
chmod 755 "$work"
(cd "$work" && apt-get download -q "$package" 2>/dev/null)
dpkg-deb -x "$work"/*.deb "$work/root"
mkdir -p "$folder"
rm -rf "$folder/modules"
# Modules of the network, and what they depend on: all that the tests load.
mv "$work"/root/lib/modules/* "$folder/modules"
find "$folder/modules" -name '*.ko' ! -path '*/net/*' ! -path '*/lib/*' ! -path '*/crypto/*' -delete
mv "$work"/root/boot/vmlinuz-* "$folder/vmlinuz"
