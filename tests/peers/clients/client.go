// What people do with net/http: client.go ADDRESS.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

var address = os.Args[1]

func ask(client *http.Client, name, method, path string, body io.Reader, fields ...string) {
	request, err := http.NewRequest(method, address+path, body)
	check(err)
	for i := 0; i < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	answer, err := client.Do(request)
	check(err)
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	check(err)
	cookies := answer.Header["Set-Cookie"]
	fmt.Println(name, answer.StatusCode, answer.ContentLength, answer.Uncompressed, cookies, fmt.Sprintf("%x", sha256.Sum256(got)))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	client := &http.Client{Timeout: 30 * time.Second}
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	ask(client, "get", "GET", "/text", nil)
	ask(client, "head", "HEAD", "/text", nil)
	ask(client, "pieces", "GET", "/pieces", nil)
	ask(client, "range", "GET", "/text", nil, "Range", "bytes=100-299")
	ask(client, "compressed", "GET", "/gzip", nil)
	ask(client, "raw", "GET", "/gzip", nil, "Accept-Encoding", "gzip")
	ask(client, "post", "POST", "/echo", bytes.NewReader(large))
	// A reader of unknown length is sent in chunks.
	ask(client, "stream", "PUT", "/echo", io.MultiReader(bytes.NewReader(large), strings.NewReader("end")))
	ask(client, "waits", "POST", "/echo", bytes.NewReader(large), "Expect", "100-continue")
	ask(client, "form", "POST", "/echo", strings.NewReader("a=%C3%9F"), "Content-Type", "application/x-www-form-urlencoded")
	ask(client, "options", "OPTIONS", "/echo", nil)
	ask(client, "delete", "DELETE", "/status/204", nil)
	ask(client, "redirected", "GET", "/redirect/302", nil)
	ask(client, "redirected post", "POST", "/redirect/303", strings.NewReader("a=1"))
	ask(client, "repeated post", "POST", "/redirect/307", strings.NewReader("a=1"))
	ask(client, "unchanged", "GET", "/status/304", nil, "If-None-Match", `"text"`)
	ask(client, "error", "GET", "/status/500", nil)
	ask(client, "path", "GET", "/a%2Fb/%C3%BC;v=1//c?x=1&x=2&y=a+b%20c&z", nil)
}
