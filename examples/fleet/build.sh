#!/bin/sh
# Builds the bots' one program into OUT_DIR, with the libraries that it needs: examples/fleet/build.sh OUT_DIR
# Needs, beside the .NET SDK: gcc and zlib1g-dev (Debian), and ILCompiler from NuGet (kept in its cache after the first time).
set -eu
[ $# -eq 1 ] || { echo "usage: $0 OUT_DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
out=$(mkdir -p "$1" && cd "$1" && pwd)
for tool in dotnet gcc; do
    command -v "$tool" >/dev/null || { echo "$0: $tool is missing; on Debian: apt-get install gcc zlib1g-dev" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet publish "$here/Fleet/Fleet.csproj" -c Release -r linux-x64 -v q -nologo -p:CppCompilerAndLinker=gcc -o "$work"
install -m 0755 "$work/fleet" "$out/fleet"

# The libraries that it is linked with lie beside it in the image.
ldd "$out/fleet" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^\t\(\/[^ ]*\) (.*/\1/p' | while read -r library; do
    mkdir -p "$out$(dirname "$library")"
    cp -L "$library" "$out$library"
done
