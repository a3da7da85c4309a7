// The app under load. POST_LOG gets a line for each POST that was done, APP_PORT is a port to insist on.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

const version = "v0"

func main() {
	port := os.Getenv("APP_PORT")
	if port == "" {
		port = os.Getenv("PORT")
	}
	log, err := os.OpenFile(os.Getenv("POST_LOG"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			id, _ := io.ReadAll(r.Body)
			log.WriteString(string(id) + "\n")
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<!doctype html><html><head></head><body>[%s]</body></html>", version)
	})
	if err := http.ListenAndServe("127.0.0.1:"+port, nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
