# What people do with curl: clients/curl.sh ADDRESS, in an empty folder.
set -euo pipefail
address=$1
seq 200000 >large

# ask NAME ARGUMENTS…: prints the name, the statuses on the way and the sum of what came.
ask() {
  local name=$1
  shift
  curl --silent --show-error --max-time 30 --output body --write-out "$name %{http_code} %{num_redirects} " "$@"
  sha256sum <body | cut -d ' ' -f 1
  : >body
}

ask get "$address/text"
ask http1.0 --http1.0 "$address/pieces"
ask head --head "$address/status/200" | cut -d ' ' -f 1-3
ask pieces "$address/pieces"
ask range --range 100-299 "$address/text"
ask compressed --compressed "$address/gzip"
ask raw "$address/gzip"
ask post --data-binary @large "$address/echo"
ask chunked --header 'Transfer-Encoding: chunked' --upload-file - "$address/echo" <large
ask put --upload-file large "$address/echo"
ask options --request OPTIONS "$address/echo"
ask patch --request PATCH --data '{}' --header 'Content-Type: application/merge-patch+json' "$address/echo"
ask delete --request DELETE "$address/status/204"
ask redirected --location "$address/redirect/302"
ask redirected-post --location --data a=1 "$address/redirect/303"
ask repeated-post --location --data a=1 "$address/redirect/307"
ask unchanged --header 'If-None-Match: "text"' "$address/status/304"
ask error "$address/status/418"
ask path --path-as-is "$address/a%2Fb/%C3%BC;v=1//c?x=1&x=2&y=a+b%20c&z"
ask fields --header 'X-Empty;' --header 'X-Text: ß' --header "X-Long: $(head -c 8000 large | tr '\n' ' ')" --cookie 'a=1; b=2' "$address/echo"
ask many "$address/text" --next --silent --output body "$address/pieces" --next --silent --output body "$address/text"
