#!/bin/sh
# Fills OUT_DIR with what the image of the bots' sidecar holds (kaji with its runtime and the libraries it needs): deploy/warden-image.sh OUT_DIR
# Then, for a cluster's registry, pack OUT_DIR as one layer with entry point /kaji; on Kaji: kaji image build kaji.local/kaji:latest --dir OUT_DIR --entrypoint /kaji
set -eu
[ $# -eq 1 ] || { echo "usage: $0 OUT_DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")/.." && pwd)
rm -rf "$1"
out=$(mkdir -p "$1" && cd "$1" && pwd)
dotnet publish "$here/src/Kaji/Kaji.csproj" -c Release -r linux-x64 --self-contained true -p:PublishReadyToRun=true -p:KajiBuild=warden -o "$out" -v quiet -nologo
mkdir -p "$out/tmp" "$out/etc"
chmod 1777 "$out/tmp"
libraries=$(ls "$out"/*.so; ls /usr/lib/x86_64-linux-gnu/libssl.so.3 /usr/lib/x86_64-linux-gnu/libcrypto.so.3)
for file in "$out/kaji" $libraries; do
    case $file in /usr/*) echo "$file" ;; esac
    ldd "$file" 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^\t\(\/[^ ]*\) (.*/\1/p'
done | sort -u | while read -r library; do
    case $library in "$out"/*) continue ;; esac
    mkdir -p "$out$(dirname "$library")"
    cp -L "$library" "$out$library"
done
