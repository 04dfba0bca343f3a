#!/usr/bin/env bash
# Make libraries.js, LICENSE and vendored.json anew, of the versions that package.json pins.
# Needs Node.js with npm, and perl. Run it after changing package.json or libraries.mjs, then the tests of the page.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cp "$here/package.json" "$here/libraries.mjs" "$work"
cd "$work"
npm install --no-package-lock --no-audit --no-fund --silent
npx esbuild libraries.mjs --bundle --minify --format=iife --global-name=libraries --target=es2020 \
  --legal-comments=none --log-level=warning --outfile=bundle.js
# In ASCII, so that the page is the same bytes in every encoding.
perl -CSD -pe 's/([^\x00-\x7F])/sprintf("\\u%04x", ord($1))/ge' bundle.js > "$here/libraries.js"
cd node_modules
: > "$here/LICENSE"
for file in echarts/LICENSE echarts/NOTICE zrender/LICENSE tslib/LICENSE.txt datatables.net/License.txt; do
  printf '==== %s\n\n%s\n\n' "$file" "$(cat "$file")" | tr -d '\r' >> "$here/LICENSE"
done
cd "$here"
node --input-type=module - "$work" <<'JS' > vendored.json
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const work = process.argv[2];
const read = (path) => JSON.parse(readFileSync(path, "utf-8"));
const of = Object.keys(read("package.json").dependencies).map((name) => {
  const { version, license } = read(`${work}/node_modules/${name}/package.json`);
  return { name, version, license };
});
const sha256 = (file) => createHash("sha256").update(readFileSync(file)).digest("hex");
const files = Object.fromEntries(["libraries.js", "LICENSE"].map((file) => [file, sha256(file)]));
console.log(JSON.stringify({ of, sha256: files }, null, 2));
JS
