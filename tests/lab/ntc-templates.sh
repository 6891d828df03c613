#!/usr/bin/env bash
# ntc-templates.sh FOLDER: installs the templates of the PyPI package `ntc-templates` into a folder outside of the project
# (they are not copied into it) and prints the path of the templates. Does nothing when they are there already.
set -euo pipefail
[ $# -eq 1 ] || {
  echo "usage: ntc-templates.sh FOLDER" >&2
  exit 1
}
version=9.3.0
folder=$1/ntc-templates-$version
if [ ! -e "$folder/ntc_templates/templates/index" ]; then
  mkdir -p "$folder"
  python3 -m pip --quiet --disable-pip-version-check install --no-deps --target "$folder" "ntc-templates==$version" >&2
fi
echo "$folder/ntc_templates/templates"
