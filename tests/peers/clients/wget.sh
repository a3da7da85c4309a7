# What people do with wget: clients/wget.sh ADDRESS, in an empty folder.
set -euo pipefail
address=$1

ask() {
  local name=$1
  shift
  local status=0
  wget --quiet --tries 1 --timeout 30 --output-document body "$@" || status=$?
  printf '%s exit-%s %s\n' "$name" "$status" "$(sha256sum <body | cut -d ' ' -f 1)"
}

ask get "$address/text"
ask again "$address/text"
ask pieces "$address/pieces"
ask compressed --compression=gzip "$address/gzip"
ask raw "$address/gzip"
ask redirected "$address/redirect/302"
ask redirected-post --post-data a=1 "$address/redirect/303"
ask post --post-data a=1 "$address/echo"
ask put --method PUT --body-data a=1 "$address/echo"
ask delete --method DELETE "$address/status/204"
ask error "$address/status/404"
ask several "$address/text" "$address/pieces"
ask fields --header 'X-Text: ß' --header 'Range: bytes=100-199' "$address/text"
